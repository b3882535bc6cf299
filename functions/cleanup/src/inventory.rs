//! Everything that a run looks at, read once and completely, or not at all.
//!
//! Calls for S services, E endpoints, I ingress connections and C connectors:
//!
//! | call | how often | why no fewer |
//! |---|---|---|
//! | `ListServices` | ⌈S/20⌉ | 20 is the most that a page holds |
//! | `DescribeVpcEndpoints` | ⌈E/500⌉ | EC2 selects; tags, owner and zones come with it |
//! | `ListVpcIngressConnections` | ⌈I/100⌉ | 100 is the most that a page holds |
//! | `DescribeVpcIngressConnection` | I | the list tells two ARNs; neither status nor endpoint |
//! | `ListVpcConnectors` | ⌈C/100⌉ | 100 is the most that a page holds |
//! | `ListResourceRecordSets` | ⌈records/300⌉ for each zone of the setting | 300 is the most that a page holds |
//! | `DescribeService` | 0 to S | only it tells which connector a service uses; none are made without connectors, and they end as soon as every connector is known to be used |
//!
//! The lists are read at the same time, zones one after the other, then the details, [`AT_ONCE`] of each kind. A page or a detail that
//! fails fails the inventory: what is missing in it would look like an orphan.

use std::collections::BTreeSet;

use autopilot::{
    dns::{HostedZoneId, RecordSet},
    error::PortError,
    leftovers::{Connector, Endpoint, Ingress, ListedService},
    ports::{EndpointRead, LeftoverRead, ZoneRead},
};
use futures_util::{StreamExt, TryStreamExt, stream};

/// Details of one kind that are read at the same time. App Runner's control plane throttles early.
pub const AT_ONCE: usize = 8;

/// What there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// Every service.
    pub services: Vec<ListedService>,
    /// Every interface endpoint for requests to private services.
    pub endpoints: Vec<Endpoint>,
    /// Every VPC ingress connection.
    pub ingress: Vec<Ingress>,
    /// Every active VPC connector.
    pub connectors: Vec<Connector>,
    /// ARNs of the connectors that a service uses.
    pub used_connectors: BTreeSet<String>,
    /// Every record of the zones that are looked at.
    pub records: Vec<(HostedZoneId, RecordSet)>,
}

/// Reads everything.
pub async fn read(
    apprunner: &impl LeftoverRead,
    ec2: &impl EndpointRead,
    dns: &impl ZoneRead,
    requests_service: &str,
    zones: &[HostedZoneId],
) -> Result<Inventory, PortError> {
    let (services, endpoints, arns, connectors, records) = tokio::join!(
        apprunner.listed_services(),
        ec2.endpoints(requests_service),
        apprunner.ingress_arns(None),
        apprunner.connectors(),
        records(dns, zones),
    );
    let (services, endpoints, arns, connectors) = (services?, endpoints?, arns?, connectors?);
    let records = records?;
    let (ingress, used_connectors) =
        tokio::join!(ingress(apprunner, &arns), used(apprunner, &services, &connectors));
    Ok(Inventory {
        ingress: ingress?,
        used_connectors: used_connectors?,
        services,
        endpoints,
        connectors,
        records,
    })
}

/// Every record of these zones. An account has 5 requests a second, so they are read one after the other.
async fn records(
    dns: &impl ZoneRead,
    zones: &[HostedZoneId],
) -> Result<Vec<(HostedZoneId, RecordSet)>, PortError> {
    let mut all = Vec::new();
    for zone in zones {
        let records = dns.every_record(zone).await?;
        all.extend(records.into_iter().map(|record| (zone.clone(), record)));
    }
    Ok(all)
}

/// These connections; one that is gone meanwhile is none.
pub async fn ingress(apprunner: &impl LeftoverRead, arns: &[String]) -> Result<Vec<Ingress>, PortError> {
    let read = stream::iter(arns).map(|arn| apprunner.ingress(arn)).buffer_unordered(AT_ONCE);
    read.try_filter_map(|connection| async move { Ok(connection) }).try_collect().await
}

/// The connectors that services use, as far as it takes to know whether each is.
async fn used(
    apprunner: &impl LeftoverRead,
    services: &[ListedService],
    connectors: &[Connector],
) -> Result<BTreeSet<String>, PortError> {
    let mut unknown: BTreeSet<&str> = connectors.iter().map(|connector| connector.arn.as_str()).collect();
    let mut used = BTreeSet::new();
    if unknown.is_empty() {
        return Ok(used);
    }
    let mut read =
        stream::iter(services).map(|service| apprunner.connector_of(&service.arn)).buffer_unordered(AT_ONCE);
    while let Some(connector) = read.next().await {
        let Some(connector) = connector? else { continue };
        unknown.remove(connector.as_str());
        used.insert(connector);
        if unknown.is_empty() {
            break;
        }
    }
    Ok(used)
}
