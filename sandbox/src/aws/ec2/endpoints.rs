//! VPC endpoints: `DescribeVpcEndpoints`, `DeleteVpcEndpoints`, and the tags of endpoints.
//!
//! A deleted endpoint is shown as `deleting` once more and is then gone. `DeleteVpcEndpoints` answers 200 whatever
//! became of each endpoint; what was not deleted is in its list `Unsuccessful`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Ec2, Filters, items_of, texts};
use crate::aws::error::ApiError;
use crate::aws::lock;

/// `DeleteVpcEndpoints` takes so many IDs.
const MOST_DELETED: usize = 25;

/// The filters of `DescribeVpcEndpoints` that are known here.
const FILTERS: [&str; 6] =
    ["service-name", "vpc-endpoint-type", "vpc-endpoint-state", "vpc-id", "tag-key", "tag:"];

/// A VPC endpoint to seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSpec {
    /// `vpce-…`
    pub id: String,
    /// `vpc-…`
    pub vpc: String,
    /// The service that it leads to, such as `com.amazonaws.us-east-1.apprunner.requests`.
    pub service: String,
    /// `Interface` or `Gateway`.
    pub kind: String,
    /// In lower case, as EC2 answers it.
    pub state: String,
    /// One a zone.
    pub subnets: Vec<String>,
    /// Whether an AWS service made it and keeps it.
    pub requester_managed: bool,
    /// The account that owns it.
    pub owner: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl EndpointSpec {
    /// An endpoint for requests to private services, in three zones, of the sandbox's default account and Region.
    pub fn requests(id: &str, created_at: Timestamp) -> Self {
        Self {
            id: id.to_owned(),
            vpc: "vpc-0123456789abcdef0".to_owned(),
            service: "com.amazonaws.us-east-1.apprunner.requests".to_owned(),
            kind: "Interface".to_owned(),
            state: "available".to_owned(),
            subnets: ["a", "b", "c"].map(|zone| format!("subnet-{zone}")).to_vec(),
            requester_managed: false,
            owner: "123456789012".to_owned(),
            created_at,
            tags: BTreeMap::new(),
        }
    }

    /// The same with a further tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }
}

/// An endpoint of the account.
pub(super) struct Kept {
    spec: EndpointSpec,
    /// The code of the refusal that its deletion meets.
    refusal: Option<String>,
    /// It was deleted and is to be shown once more.
    deleted: bool,
}

impl Ec2 {
    /// Seeds a VPC endpoint.
    pub fn add_endpoint(&self, spec: EndpointSpec) {
        lock(&self.state).endpoints.push(Kept { spec, refusal: None, deleted: false });
    }

    /// The endpoints that are not deleted.
    pub fn living_endpoints(&self) -> Vec<EndpointSpec> {
        let state = lock(&self.state);
        state.endpoints.iter().filter(|kept| !kept.deleted).map(|kept| kept.spec.clone()).collect()
    }

    /// The tags of an endpoint; none where there is no such endpoint.
    pub fn endpoint_tags(&self, id: &str) -> BTreeMap<String, String> {
        let state = lock(&self.state);
        state
            .endpoints
            .iter()
            .find(|kept| kept.spec.id == id)
            .map(|k| k.spec.tags.clone())
            .unwrap_or_default()
    }

    /// Changes an endpoint as somebody else in the account would.
    pub fn change_endpoint(&self, id: &str, change: impl FnOnce(&mut EndpointSpec)) {
        let mut state = lock(&self.state);
        if let Some(kept) = state.endpoints.iter_mut().find(|kept| kept.spec.id == id) {
            change(&mut kept.spec);
        }
    }

    /// From now on the deletion of this endpoint is listed as unsuccessful, with this code.
    pub fn refuse_deletion(&self, id: &str, code: &str) {
        let mut state = lock(&self.state);
        if let Some(kept) = state.endpoints.iter_mut().find(|kept| kept.spec.id == id) {
            kept.refusal = Some(code.to_owned());
        }
    }

    pub(super) fn endpoints(&self, input: &Value) -> Result<Value, ApiError> {
        let mut state = lock(&self.state);
        let ids = texts(&input["VpcEndpointId"]);
        if let Some(unknown) = ids.iter().find(|id| !state.endpoints.iter().any(|kept| kept.spec.id == **id))
        {
            let problem = format!("The Vpc Endpoint Id '{unknown}' does not exist");
            return Err(ApiError::refused("InvalidVpcEndpointId.NotFound", problem));
        }
        let filters = Filters::read(input, &FILTERS)?;
        let wanted = state.endpoints.iter().map(|kept| &kept.spec);
        let wanted = wanted
            .filter(|spec| (ids.is_empty() || ids.contains(&spec.id.as_str())) && admitted(&filters, spec));
        let answer = state.answer(input, "vpcEndpointSet", wanted.map(shown))?;
        if answer["nextToken"].is_null() {
            state.endpoints.retain(|kept| !kept.deleted);
        }
        Ok(answer)
    }

    pub(super) fn delete_endpoints(&self, input: &Value) -> Result<Value, ApiError> {
        let ids = texts(&input["VpcEndpointId"]);
        refuse_dry_run(input)?;
        if ids.is_empty() || ids.len() > MOST_DELETED {
            let problem = format!("1 to {MOST_DELETED} VPC endpoints can be deleted at once");
            return Err(ApiError::refused("InvalidParameterValue", problem));
        }
        let mut state = lock(&self.state);
        let mut unsuccessful = Vec::new();
        for id in ids {
            let kept = state.endpoints.iter_mut().find(|kept| kept.spec.id == id && !kept.deleted);
            let refusal = match &kept {
                None => Some("InvalidVpcEndpoint.NotFound"),
                Some(kept) if kept.spec.requester_managed => Some("OperationNotPermitted"),
                Some(kept) => kept.refusal.as_deref(),
            };
            if let Some(code) = refusal {
                let error = json!({ "code": code, "message": format!("The endpoint {id} was not deleted.") });
                unsuccessful.push(json!({ "error": error, "resourceId": id }));
            } else if let Some(kept) = kept {
                kept.deleted = true;
                "deleting".clone_into(&mut kept.spec.state);
            }
        }
        Ok(json!({ "unsuccessful": items_of(&unsuccessful) }))
    }

    pub(super) fn create_tags(&self, input: &Value) -> Result<Value, ApiError> {
        self.change_tags(input, |tags| {
            for tag in list(&input["Tag"]) {
                let text = |name: &str| tag[name].as_str().unwrap_or_default().to_owned();
                tags.insert(text("Key"), text("Value"));
            }
        })
    }

    pub(super) fn delete_tags(&self, input: &Value) -> Result<Value, ApiError> {
        self.change_tags(input, |tags| {
            for tag in list(&input["Tag"]) {
                let key = tag["Key"].as_str().unwrap_or_default();
                // A tag is only deleted with the value that is given, if one is.
                if tag["Value"].as_str().is_none_or(|value| tags.get(key).is_some_and(|is| is == value)) {
                    tags.remove(key);
                }
            }
        })
    }

    /// Changes the tags of all resources, or of none where one does not exist.
    fn change_tags(
        &self,
        input: &Value,
        change: impl Fn(&mut BTreeMap<String, String>),
    ) -> Result<Value, ApiError> {
        refuse_dry_run(input)?;
        let ids = texts(&input["ResourceId"]);
        let mut state = lock(&self.state);
        let known = |id: &&&str| state.endpoints.iter().any(|kept| kept.spec.id == ***id && !kept.deleted);
        if let Some(unknown) = ids.iter().find(|id| !known(id)) {
            let problem = format!("The vpcEndpoint ID '{unknown}' does not exist");
            return Err(ApiError::refused("InvalidVpcEndpointId.NotFound", problem));
        }
        for kept in state.endpoints.iter_mut().filter(|kept| ids.contains(&kept.spec.id.as_str())) {
            change(&mut kept.spec.tags);
        }
        Ok(json!({ "return": true }))
    }
}

fn admitted(filters: &Filters<'_>, spec: &EndpointSpec) -> bool {
    let keys: Vec<&str> = spec.tags.keys().map(String::as_str).collect();
    let tags = filters.0.iter().filter_map(|(name, wanted)| Some((name.strip_prefix("tag:")?, wanted)));
    let mut tags =
        tags.map(|(key, wanted)| spec.tags.get(key).is_some_and(|is| wanted.contains(&is.as_str())));
    filters.admit("service-name", &[spec.service.as_str()])
        && filters.admit("vpc-endpoint-type", &[spec.kind.as_str()])
        && filters.admit("vpc-endpoint-state", &[spec.state.as_str()])
        && filters.admit("vpc-id", &[spec.vpc.as_str()])
        && filters.admit("tag-key", &keys)
        && tags.all(|admits| admits)
}

fn shown(spec: &EndpointSpec) -> Value {
    let subnets: Vec<_> = spec.subnets.iter().map(|subnet| json!(subnet)).collect();
    let tags: Vec<_> = spec.tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    json!({
        "vpcEndpointId": spec.id,
        "vpcEndpointType": spec.kind,
        "vpcId": spec.vpc,
        "serviceName": spec.service,
        "state": spec.state,
        "subnetIdSet": items_of(&subnets),
        "requesterManaged": spec.requester_managed,
        "creationTimestamp": spec.created_at.to_string(),
        "tagSet": items_of(&tags),
        "ownerId": spec.owner,
    })
}

fn refuse_dry_run(input: &Value) -> Result<(), ApiError> {
    if input["DryRun"] == "true" {
        let said = "Request would have succeeded, but DryRun flag is set.";
        return Err(ApiError::refused("DryRunOperation", said).with_status(412));
    }
    Ok(())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
