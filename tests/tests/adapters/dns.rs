//! Route 53: reading in shared pages, compare-and-swap, and what a refusal is.

#![expect(clippy::expect_used, reason = "a name in a test is well-formed, or the test is wrong")]

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use autopilot::{
    dns::{Batch, Change, ChangeAction, ChangeId, ChangeStatus, HostedZoneId, RecordName, RecordSet},
    error::{Class, PortError},
    ports::{DnsRead as _, DnsWrite as _},
};
use autopilot_aws::route53::{Route53, Route53Write};
use autopilot_tests::permit::permit;
use proptest::prelude::*;
use sandbox::aws::{Fault, Sandbox, route53::Propagation};
use serde_json::{Value, json};

use crate::{account, sdk};

const ZONE: &str = "Z0EXAMPLE";

fn zone() -> HostedZoneId {
    ZONE.parse().expect("an identifier")
}

fn names(names: &[&str]) -> BTreeSet<RecordName> {
    names.iter().map(|name| name.parse().expect("a name")).collect()
}

async fn with_zone() -> Result<(Sandbox, Route53)> {
    let account = account().await?;
    account.route53().add_zone(ZONE, "example.com");
    let route53 = Route53::new(&sdk(&account)?);
    Ok((account, route53))
}

fn weighted(name: &str, identifier: &str, weight: u8) -> Value {
    json!({ "Name": name, "Type": "A", "SetIdentifier": identifier, "Weight": weight, "TTL": 60,
        "ResourceRecords": { "ResourceRecord": [{ "Value": "192.0.2.1" }] } })
}

async fn change(account: &Sandbox, changes: Vec<Change>) -> Result<Result<ChangeId, PortError>> {
    let batch = Batch { comment: Some("a test's".to_owned()), changes };
    let route53 = Route53Write::new(&sdk(account)?);
    Ok(route53.change(&permit()?, &zone(), &batch).await)
}

fn swap(old: &RecordSet, new: &RecordSet) -> Vec<Change> {
    let one = |action, record: &RecordSet| Change { action, record: record.clone() };
    vec![one(ChangeAction::Delete, old), one(ChangeAction::Create, new)]
}

#[tokio::test]
async fn what_was_read_can_be_swapped_and_a_second_swap_is_refused() -> Result<()> {
    let (account, route53) = with_zone().await?;
    account.route53().add_health_check("h1");
    for record in [
        weighted("*.Example.com", "a b & <c>", 100),
        json!({ "Name": "geo.example.com", "Type": "AAAA", "SetIdentifier": "eu", "HealthCheckId": "h1",
            "GeoProximityLocation": { "Coordinates": { "Latitude": "1.50", "Longitude": "-2" }, "Bias": "7" },
            "AliasTarget": { "HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": "LB.us-east-1.elb.amazonaws.com",
                "EvaluateTargetHealth": true } }),
        json!({ "Name": "text.example.com", "Type": "TXT", "TTL": 300, "ResourceRecords": { "ResourceRecord":
            [{ "Value": "\" two  blanks \"" }, { "Value": "\"<&>\"" }] } }),
    ] {
        account.route53().put_record(ZONE, &record)?;
    }
    for name in ["*.example.com", "geo.example.com", "text.example.com"] {
        let read = route53.records(&zone(), &names(&[name])).await?;
        let before = account.route53().records(ZONE);
        let [old] = &read[..] else { anyhow::bail!("{name}: {read:?}") };
        change(&account, swap(old, old)).await?.context(name.to_owned())?;
        assert_eq!(account.route53().records(ZONE), before, "{name} is as it was");
        let mut new = old.clone();
        new.set_identifier = old.set_identifier.as_ref().map(|id| format!("{id}2"));
        new.ttl = old.ttl.map(|ttl| ttl + 1);
        change(&account, swap(old, &new)).await?.context(name.to_owned())?;
        let error = change(&account, swap(old, &new)).await?.unwrap_err();
        assert_eq!((error.class, error.code.as_deref()), (Class::Permanent, Some("InvalidChangeBatch")));
        assert!(error.message.contains("Tried to delete"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn names_share_pages_and_none_is_missed() -> Result<()> {
    let (account, route53) = with_zone().await?;
    for number in 0..40 {
        for identifier in ["from", "to"] {
            account
                .route53()
                .put_record(ZONE, &weighted(&format!("n{number}.example.com"), identifier, 1))?;
        }
    }
    let wanted =
        ["n1.example.com", "n10.example.com", "n11.example.com", "n39.example.com", "zz.example.com"];
    for (page_size, requests) in [(300, 1), (60, 2), (3, 6), (1, 10)] {
        account.route53().set_page_size(page_size);
        account.requests().clear();
        let found = route53.records(&zone(), &names(&wanted)).await?;
        let found: Vec<String> = found
            .iter()
            .map(|record| format!("{} {}", record.name, record.set_identifier.as_deref().unwrap_or("-")))
            .collect();
        let expected: Vec<String> =
            wanted[..4].iter().flat_map(|name| [format!("{name} from"), format!("{name} to")]).collect();
        assert_eq!(found, expected, "pages of {page_size}");
        let asked = account.requests().of("route53", "ListResourceRecordSets").len();
        assert!(asked <= requests, "pages of {page_size}: {asked} requests");
    }
    account.requests().clear();
    assert!(route53.records(&zone(), &BTreeSet::new()).await?.is_empty());
    assert!(account.requests().all().is_empty(), "nothing wanted, nothing asked");
    Ok(())
}

#[tokio::test]
async fn zones_and_changes_are_told() -> Result<()> {
    let (account, route53) = with_zone().await?;
    account.route53().add_private_zone("Z1PRIVATE", "corp.example.com");
    for (id, private) in [(ZONE, Some(false)), ("Z1PRIVATE", Some(true)), ("Z9", None)] {
        let found = route53.zone(&id.parse()?).await?;
        assert_eq!(found.as_ref().map(|zone| zone.private), private, "{id}");
    }
    assert_eq!(route53.zone(&zone()).await?.context("a zone")?.name.as_str(), "example.com.");
    account.route53().set_propagation(Propagation::AtPoll(2));
    account.route53().put_record(ZONE, &weighted("app.example.com", "from", 1))?;
    let read = route53.records(&zone(), &names(&["app.example.com"])).await?;
    let id = change(&account, swap(&read[0], &read[0])).await??;
    assert_eq!(route53.change_status(&id).await?, ChangeStatus::Pending);
    assert_eq!(route53.change_status(&id).await?, ChangeStatus::InSync);
    let unknown = route53.change_status(&ChangeId("../C1".to_owned())).await.unwrap_err();
    assert_eq!(unknown.code.as_deref(), Some("NoSuchChange"));
    Ok(())
}

#[tokio::test]
async fn reading_is_repeated_and_changing_is_not() -> Result<()> {
    let (account, route53) = with_zone().await?;
    account.route53().put_record(ZONE, &weighted("app.example.com", "from", 1))?;
    for operation in ["ListResourceRecordSets", "GetHostedZone"] {
        account.faults().next("route53", operation, 2, Fault::Throttle);
    }
    let read = route53.records(&zone(), &names(&["app.example.com"])).await?;
    assert!(route53.zone(&zone()).await?.is_some());
    let refusal = |code: &str| Fault::Refuse { code: code.to_owned(), message: "no".to_owned() };
    for (fault, class, code) in [
        (refusal("PriorRequestNotComplete"), Class::Retryable, Some("PriorRequestNotComplete")),
        (Fault::Throttle, Class::Retryable, Some("Throttling")),
        (Fault::ServerError, Class::Retryable, Some("InternalFailure")),
        (refusal("AccessDenied"), Class::Permanent, Some("AccessDenied")),
        (Fault::TimeoutAfterWork, Class::Retryable, None),
    ] {
        account.requests().clear();
        account.faults().next("route53", "ChangeResourceRecordSets", 1, fault);
        let error = change(&account, swap(&read[0], &read[0])).await?.unwrap_err();
        assert_eq!((error.class, error.code.as_deref()), (class, code));
        assert_eq!(account.requests().of("route53", "ChangeResourceRecordSets").len(), 1, "{code:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever attributes a record has, what was read of it deletes it.
    #[test]
    fn a_record_that_was_read_can_be_deleted(
        label in "[a-z0-9_*-]{1,12}",
        identifier in "[!-~]([ -~]{0,20}[!-~])?",
        policy in proptest::sample::select(vec![
            json!({ "Weight": 0 }),
            json!({ "Weight": 255 }),
            json!({ "Region": "eu-west-1" }),
            json!({ "Failover": "SECONDARY", "HealthCheckId": "h1" }),
            json!({ "GeoLocation": { "CountryCode": "US", "SubdivisionCode": "WA" } }),
            json!({ "MultiValueAnswer": true }),
            json!({ "CidrRoutingConfig": { "CollectionId": "c0ffee", "LocationName": "*" } }),
        ]),
        ttl in 0_u32..2_147_483_647,
        value in "\"[ -!#-~]{0,30}\"",
    ) {
        let mut record = json!({ "Name": format!("{label}.example.com"), "Type": "TXT", "TTL": ttl,
            "SetIdentifier": identifier, "ResourceRecords": { "ResourceRecord": [{ "Value": value }] } });
        record.as_object_mut().unwrap().extend(policy.as_object().cloned().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let left: Result<usize> = runtime.block_on(async {
            let (account, route53) = with_zone().await?;
            account.route53().add_health_check("h1");
            account.route53().put_record(ZONE, &record)?;
            let name = format!("{label}.example.com");
            let read = route53.records(&zone(), &names(&[&name])).await?;
            let change_of = |record: &RecordSet| Change { action: ChangeAction::Delete, record: record.clone() };
            change(&account, read.iter().map(change_of).collect()).await??;
            Ok(account.route53().records(ZONE).len())
        });
        prop_assert_eq!(left.map_err(|error| TestCaseError::fail(error.to_string()))?, 2, "NS and SOA stay");
    }
}
