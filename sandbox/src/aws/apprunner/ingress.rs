//! VPC ingress connections: what links a private service to an interface endpoint.

use serde_json::{Value, json};

use super::lifecycle::default_domain;
use super::script::Outcome;
use super::services::{known, page_size};
use super::state::{Ingress, State};
use super::words::{IngressStatus, ServiceStatus, word};
use super::{AppRunner, bad_token, not_found, refused, text};
use crate::aws::clock::epoch_seconds;
use crate::aws::error::ApiError;
use crate::aws::identity::fresh;
use crate::aws::lock;
use crate::aws::paging::page;

const UPDATABLE: [IngressStatus; 3] =
    [IngressStatus::Available, IngressStatus::FailedCreation, IngressStatus::FailedUpdate];
const DELETABLE: [IngressStatus; 4] = [
    IngressStatus::Available,
    IngressStatus::FailedCreation,
    IngressStatus::FailedUpdate,
    IngressStatus::FailedDeletion,
];

impl AppRunner {
    pub(super) fn create_ingress(&self, input: &Value) -> Result<Value, ApiError> {
        let (service_arn, name) = (text(input, "ServiceArn"), text(input, "VpcIngressConnectionName"));
        let mut state = lock(&self.shared.state);
        if known(&state, service_arn)?.status == ServiceStatus::Deleted {
            return Err(not_found("Service", service_arn));
        }
        let mut living = state.ingress.iter().filter(|ingress| ingress.status != IngressStatus::Deleted);
        if living.any(|ingress| ingress.service_arn == service_arn) {
            return Err(refused(
                "ServiceQuotaExceededException",
                "A service can have one VPC ingress connection.",
            ));
        }
        let mut ingress = self.new_ingress(name, service_arn, &input["IngressVpcConfiguration"]);
        ingress.status = IngressStatus::PendingCreation;
        let answer = self.described(&ingress);
        let arn = ingress.arn.clone();
        state.ingress.push(ingress);
        state.set_tags(&arn, &input["Tags"]);
        self.settle_ingress(
            &mut state,
            &arn,
            name,
            (IngressStatus::Available, IngressStatus::FailedCreation),
        );
        Ok(answer)
    }

    /// An ingress connection that is AVAILABLE, not yet part of the account.
    pub(super) fn new_ingress(&self, name: &str, service_arn: &str, vpc: &Value) -> Ingress {
        let id = fresh().simple();
        Ingress {
            arn: self.shared.arn(&format!("vpcingressconnection/{name}/{id}")),
            name: name.to_owned(),
            service_arn: service_arn.to_owned(),
            status: IngressStatus::Available,
            domain: default_domain(&self.shared.region),
            vpc: vpc.clone(),
            created_at: self.shared.narrator.clock.now(),
            deleted_at: None,
        }
    }

    pub(super) fn describe_ingress(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.shared.state);
        Ok(self.described(found(&state, text(input, "VpcIngressConnectionArn"))?))
    }

    pub(super) fn list_ingress(&self, input: &Value) -> Result<Value, ApiError> {
        let filter = &input["Filter"];
        let state = lock(&self.shared.state);
        let wanted = state.ingress.iter().filter(|ingress| {
            let of_service = filter["ServiceArn"].as_str().is_none_or(|arn| arn == ingress.service_arn);
            let of_endpoint =
                filter["VpcEndpointId"].is_null() || filter["VpcEndpointId"] == ingress.vpc["VpcEndpointId"];
            of_service && of_endpoint && ingress.status != IngressStatus::Deleted
        });
        let page = page(wanted, page_size(input, 100), input["NextToken"].as_str(), bad_token)?;
        let summaries: Vec<Value> = page
            .items
            .into_iter()
            .map(|ingress| json!({ "VpcIngressConnectionArn": ingress.arn, "ServiceArn": ingress.service_arn }))
            .collect();
        Ok(json!({ "VpcIngressConnectionSummaryList": summaries, "NextToken": page.next }))
    }

    pub(super) fn update_ingress(&self, input: &Value) -> Result<Value, ApiError> {
        let vpc = Some(&input["IngressVpcConfiguration"]);
        let ends = (IngressStatus::Available, IngressStatus::FailedUpdate);
        self.change_ingress(input, &UPDATABLE, IngressStatus::PendingUpdate, ends, vpc)
    }

    pub(super) fn delete_ingress(&self, input: &Value) -> Result<Value, ApiError> {
        let ends = (IngressStatus::Deleted, IngressStatus::FailedDeletion);
        self.change_ingress(input, &DELETABLE, IngressStatus::PendingDeletion, ends, None)
    }

    fn change_ingress(
        &self,
        input: &Value,
        allowed: &[IngressStatus],
        pending: IngressStatus,
        ends: (IngressStatus, IngressStatus),
        vpc: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let arn = text(input, "VpcIngressConnectionArn");
        let mut state = lock(&self.shared.state);
        found(&state, arn)?;
        let Some(ingress) = state.ingress.iter_mut().find(|ingress| ingress.arn == arn) else {
            return Err(not_found("VpcIngressConnection", arn));
        };
        if !allowed.contains(&ingress.status) {
            let problem = format!("The VPC ingress connection is in status {}.", word(ingress.status));
            return Err(refused("InvalidStateException", &problem));
        }
        ingress.status = pending;
        if let Some(vpc) = vpc {
            ingress.vpc = vpc.clone();
        }
        let name = ingress.name.clone();
        let answer = self.described(ingress);
        self.settle_ingress(&mut state, arn, &name, ends);
        Ok(answer)
    }

    /// Lets a pending connection come to its good or, where a script says so, its bad end.
    fn settle_ingress(
        &self,
        state: &mut State,
        arn: &str,
        name: &str,
        (good, bad): (IngressStatus, IngressStatus),
    ) {
        let script = state.next_script(arn, name);
        let fails = script.as_ref().is_some_and(|script| script.outcome != Outcome::Succeed);
        let phase = script.and_then(|script| script.phase).unwrap_or(self.shared.phase);
        let (shared, work, arn) = (self.shared.clone(), self.shared.activity.begin(), arn.to_owned());
        tokio::spawn(async move {
            let _work = work;
            tokio::time::sleep(phase).await;
            let mut state = lock(&shared.state);
            if let Some(ingress) = state.ingress.iter_mut().find(|ingress| ingress.arn == arn) {
                ingress.status = if fails { bad } else { good };
                if ingress.status == IngressStatus::Deleted {
                    ingress.deleted_at = Some(shared.narrator.clock.now());
                }
            }
        });
    }

    fn described(&self, ingress: &Ingress) -> Value {
        let mut shown = json!({
            "VpcIngressConnectionArn": ingress.arn,
            "VpcIngressConnectionName": ingress.name,
            "ServiceArn": ingress.service_arn,
            "Status": ingress.status,
            "AccountId": self.shared.account,
            "DomainName": ingress.domain,
            "IngressVpcConfiguration": ingress.vpc,
            "CreatedAt": epoch_seconds(ingress.created_at),
        });
        if let Some(deleted_at) = ingress.deleted_at {
            shown["DeletedAt"] = epoch_seconds(deleted_at);
        }
        json!({ "VpcIngressConnection": shown })
    }
}

fn found<'a>(state: &'a State, arn: &str) -> Result<&'a Ingress, ApiError> {
    let ingress = state.ingress.iter().find(|ingress| ingress.arn == arn);
    ingress.ok_or_else(|| not_found("VpcIngressConnection", arn))
}
