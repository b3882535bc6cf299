//! Route 53, over the narrow client: four calls, REST with XML, one endpoint for all Regions.
//!
//! Names of one zone are read together. A page begins at the first name that is still wanted, so every name that it
//! shows whole needs no request of its own; what a page means does not depend on how Route 53 orders names, only how
//! few pages are needed does.

mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use autopilot::{
    dns::{Batch, ChangeId, ChangeStatus, HostedZone, HostedZoneId, RecordName, RecordSet},
    error::PortError,
    mutation::Permit,
    ports::{DnsRead, DnsWrite, ZoneRead},
};
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use roxmltree::Node;

use crate::narrow::{Api, Narrow, Protocol, encoded, unreadable, xml};

const ROUTE_53: Api =
    Api { id: "Route 53", signing_name: "route53", host: "route53", global: true, protocol: Protocol::Rest };

const LIST: &str = "route53:ListResourceRecordSets";
const CHANGE: &str = "route53:ChangeResourceRecordSets";
const GET_CHANGE: &str = "route53:GetChange";
const GET_ZONE: &str = "route53:GetHostedZone";

/// Pages of 300 records that one reading takes at most: more than a zone of 10,000 records has.
const PAGES: usize = 100;

/// Reading Route 53.
#[derive(Debug)]
pub struct Route53 {
    narrow: Narrow,
}

/// Changing Route 53.
#[derive(Debug)]
pub struct Route53Write {
    narrow: Narrow,
}

impl Route53Write {
    /// A client that makes each call once: a batch whose answer was lost may have been carried out.
    pub fn new(sdk: &SdkConfig) -> Self {
        let once = sdk.clone().into_builder().retry_config(RetryConfig::disabled()).build();
        Self { narrow: Narrow::new(&once, &ROUTE_53) }
    }
}

impl Route53 {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { narrow: Narrow::new(sdk, &ROUTE_53) }
    }

    async fn page(&self, zone: &HostedZoneId, start: &Place) -> Result<Page, PortError> {
        let mut path = format!("/2013-04-01/hostedzone/{zone}/rrset?maxitems=300");
        // Without a name the list begins with the zone's first record.
        let name = (!start.name.is_empty()).then(|| start.name.clone());
        for (parameter, value) in [("name", &name), ("type", &start.kind), ("identifier", &start.identifier)]
        {
            if let Some(value) = value {
                path.extend(["&", parameter, "=", &encoded(value)]);
            }
        }
        let answer = self.narrow.get(LIST, &path).await?;
        let document = xml::parse(&answer).map_err(|error| unreadable(LIST, &error))?;
        Page::read(document.root_element()).map_err(|error| unreadable(LIST, &error))
    }
}

/// Where a page begins.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    name: String,
    kind: Option<String>,
    identifier: Option<String>,
}

impl From<&RecordName> for Place {
    fn from(name: &RecordName) -> Self {
        Self { name: name.as_str().to_owned(), kind: None, identifier: None }
    }
}

/// One page of a zone's records.
struct Page {
    records: Vec<RecordSet>,
    /// Where the next one begins; none on the last.
    next: Option<(RecordName, Place)>,
}

impl Page {
    fn read(root: Node<'_, '_>) -> Result<Self, record::Unfit> {
        let sets =
            xml::child(root, "ResourceRecordSets").ok_or(record::Unfit::Missing("ResourceRecordSets"))?;
        let records = sets.children().filter(Node::is_element).map(record::read);
        let records = records.collect::<Result<_, _>>()?;
        let next = match xml::text(root, &["IsTruncated"]) {
            Some("false") => None,
            Some("true") => {
                let said = |name| xml::child(root, name).map(record::content);
                let name = said("NextRecordName").ok_or(record::Unfit::Missing("NextRecordName"))?;
                let place = Place {
                    kind: said("NextRecordType"),
                    identifier: said("NextRecordIdentifier"),
                    name: name.clone(),
                };
                Some((name.parse()?, place))
            }
            _ => return Err(record::Unfit::Missing("IsTruncated")),
        };
        Ok(Self { records, next })
    }
}

impl DnsRead for Route53 {
    async fn zone(&self, zone: &HostedZoneId) -> Result<Option<HostedZone>, PortError> {
        let answer = match self.narrow.get(GET_ZONE, &format!("/2013-04-01/hostedzone/{zone}")).await {
            Ok(answer) => answer,
            Err(error) if error.code.as_deref() == Some("NoSuchHostedZone") => return Ok(None),
            Err(error) => return Err(error),
        };
        let document = xml::parse(&answer).map_err(|error| unreadable(GET_ZONE, &error))?;
        let root = document.root_element();
        let said = |path: &[&'static str]| {
            let missing = || unreadable(GET_ZONE, &xml::Unreadable::Missing("name of the zone"));
            xml::text(root, path).ok_or_else(missing)
        };
        Ok(Some(HostedZone {
            id: zone.clone(),
            name: said(&["HostedZone", "Name"])?.parse().map_err(|error| unreadable(GET_ZONE, &error))?,
            private: xml::text(root, &["HostedZone", "Config", "PrivateZone"]) == Some("true"),
        }))
    }

    async fn records(
        &self,
        zone: &HostedZoneId,
        names: &BTreeSet<RecordName>,
    ) -> Result<Vec<RecordSet>, PortError> {
        let mut wanted: BTreeSet<&RecordName> = names.iter().collect();
        let mut found = Vec::new();
        // A name whose records go on behind the last page, and where.
        let mut unfinished: Option<(RecordName, Place)> = None;
        for _ in 0..PAGES {
            let Some(first) = wanted.first() else { return Ok(found) };
            let (first, start) = unfinished.take().unwrap_or_else(|| ((*first).clone(), Place::from(*first)));
            let page = self.page(zone, &start).await?;
            let Some((next, place)) = page.next else {
                found.extend(page.records.into_iter().filter(|record| wanted.contains(&record.name)));
                return Ok(found);
            };
            // The page began with this name: what it does not show of it does not exist.
            let mut whole = BTreeSet::from([first]);
            for record in page.records.into_iter().filter(|record| wanted.contains(&record.name)) {
                whole.insert(record.name.clone());
                found.push(record);
            }
            whole.remove(&next);
            wanted.retain(|name| !whole.contains(*name));
            unfinished = wanted.contains(&next).then_some((next, place));
        }
        Err(unreadable(LIST, &format!("it does not end within {PAGES} pages")))
    }

    async fn change_status(&self, change: &ChangeId) -> Result<ChangeStatus, PortError> {
        let path = format!("/2013-04-01/change/{}", encoded(&change.0));
        change_info(GET_CHANGE, &self.narrow.get(GET_CHANGE, &path).await?, "Status").map(ChangeStatus::from)
    }
}

impl ZoneRead for Route53 {
    async fn every_record(&self, zone: &HostedZoneId) -> Result<Vec<RecordSet>, PortError> {
        let (mut found, mut start) = (Vec::new(), Place::default());
        for _ in 0..PAGES {
            let page = self.page(zone, &start).await?;
            found.extend(page.records);
            let Some((_, place)) = page.next else { return Ok(found) };
            start = place;
        }
        Err(unreadable(LIST, &format!("it does not end within {PAGES} pages")))
    }
}

impl DnsWrite for Route53Write {
    async fn change(&self, _: &Permit, zone: &HostedZoneId, batch: &Batch) -> Result<ChangeId, PortError> {
        let path = format!("/2013-04-01/hostedzone/{zone}/rrset/");
        let answer = self.narrow.post_xml(CHANGE, &path, record::batch(batch)).await?;
        let id = change_info(CHANGE, &answer, "Id")?;
        Ok(ChangeId(id.trim_start_matches("/change/").to_owned()))
    }
}

/// A member of the `ChangeInfo` that an answer holds.
fn change_info(call: &'static str, answer: &str, member: &'static str) -> Result<String, PortError> {
    let document = xml::parse(answer).map_err(|error| unreadable(call, &error))?;
    let found = xml::text(document.root_element(), &["ChangeInfo", member]);
    Ok(found.ok_or_else(|| unreadable(call, &xml::Unreadable::Missing(member)))?.to_owned())
}
