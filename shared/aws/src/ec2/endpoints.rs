//! VPC endpoints: reading, marking and deleting them.
//!
//! EC2 selects by service and type; what it answers is judged by the caller again, since nothing may depend on a
//! filter that an emulator, or a later version of the API, understands otherwise.

use std::collections::BTreeMap;

use autopilot::{
    error::PortError,
    leftovers::{Endpoint, EndpointState, MARK, NotDeleted},
    mutation::Permit,
    ports::{EndpointRead, EndpointWrite},
};
use jiff::Timestamp;
use roxmltree::Node;

use super::{Ec2, filtered, numbered};
use crate::narrow::{unreadable, xml};

/// An endpoint takes 2 to 4 KB of an answer; so many stay under the limit of one.
const PAGE: &str = "500";

impl EndpointRead for Ec2 {
    async fn endpoints(&self, service_name: &str) -> Result<Vec<Endpoint>, PortError> {
        let mut parameters =
            filtered(&[("service-name", vec![service_name]), ("vpc-endpoint-type", vec!["Interface"])]);
        parameters.push(("MaxResults".to_owned(), PAGE));
        self.list("ec2:DescribeVpcEndpoints", "vpcEndpointSet", &parameters, endpoint).await
    }
}

impl EndpointWrite for Ec2 {
    async fn mark(&self, _: &Permit, ids: &[String], since: Timestamp) -> Result<(), PortError> {
        let since = since.to_string();
        let mut parameters = numbered("ResourceId", &texts(ids));
        parameters.extend([("Tag.1.Key".to_owned(), MARK), ("Tag.1.Value".to_owned(), since.as_str())]);
        self.once.query("ec2:CreateTags", &parameters).await.map(drop)
    }

    async fn unmark(&self, _: &Permit, ids: &[String]) -> Result<(), PortError> {
        let mut parameters = numbered("ResourceId", &texts(ids));
        parameters.push(("Tag.1.Key".to_owned(), MARK));
        self.once.query("ec2:DeleteTags", &parameters).await.map(drop)
    }

    async fn delete(&self, _: &Permit, ids: &[String]) -> Result<Vec<NotDeleted>, PortError> {
        const CALL: &str = "ec2:DeleteVpcEndpoints";
        let answer = self.once.query(CALL, &numbered("VpcEndpointId", &texts(ids))).await?;
        let document = xml::parse(&answer).map_err(|error| unreadable(CALL, &error))?;
        let root = document.root_element();
        // An answer that does not list what failed does not tell that nothing did.
        if xml::child(root, "unsuccessful").is_none() {
            return Err(unreadable(CALL, &xml::Unreadable::Missing("list of what was not deleted")));
        }
        xml::entries(root, "unsuccessful").map(not_deleted).collect()
    }
}

fn texts(ids: &[String]) -> Vec<&str> {
    ids.iter().map(String::as_str).collect()
}

/// Why an endpoint was not deleted. An entry without an ID may be about any of them.
fn not_deleted(node: Node<'_, '_>) -> Result<NotDeleted, PortError> {
    let id = xml::text(node, &["resourceId"]).ok_or_else(|| {
        unreadable("ec2:DeleteVpcEndpoints", &xml::Unreadable::Missing("ID of what was not deleted"))
    })?;
    let said = |member| xml::text(node, &["error", member]).unwrap_or_default().to_owned();
    Ok(NotDeleted { id: id.to_owned(), code: said("code"), message: said("message") })
}

fn endpoint(node: Node<'_, '_>) -> Option<Endpoint> {
    let text = |name| xml::text(node, &[name]);
    let tags = xml::entries(node, "tagSet").filter_map(|tag| {
        let value = xml::text(tag, &["value"]).unwrap_or_default();
        Some((xml::text(tag, &["key"])?.to_owned(), value.to_owned()))
    });
    Some(Endpoint {
        id: text("vpcEndpointId")?.to_owned(),
        service_name: text("serviceName").unwrap_or_default().to_owned(),
        kind: text("vpcEndpointType").unwrap_or_default().to_owned(),
        state: EndpointState::from(text("state").unwrap_or_default().to_lowercase()),
        vpc: text("vpcId").unwrap_or_default().to_owned(),
        owner: text("ownerId").map(str::to_owned),
        requester_managed: text("requesterManaged") == Some("true"),
        created_at: text("creationTimestamp").and_then(|at| at.parse().ok()),
        zones: xml::entries(node, "subnetIdSet").count(),
        tags: tags.collect::<BTreeMap<_, _>>(),
    })
}
