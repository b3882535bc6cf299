//! EC2's endpoints and what passed through them: pages, writes that are made once, and answers that are not whole.

use anyhow::Result;
use autopilot::{
    error::Class,
    leftovers::{Endpoint, EndpointState, IngressStatus, MARK},
    ports::{
        EndpointRead as _, EndpointWrite as _, IngressWrite as _, LeftoverRead as _, TrafficRead as _, Window,
    },
};
use autopilot_aws::{
    apprunner::{AppRunner, AppRunnerWrite},
    cloudwatch::CloudWatch,
    ec2::Ec2,
};
use autopilot_tests::permit::permit;
use jiff::{SignedDuration, Timestamp};
use sandbox::aws::{
    Fault, Sandbox,
    apprunner::{IngressStatus as Seeded, ServiceSpec},
    ec2::endpoints::EndpointSpec,
};

use crate::{
    account,
    hostile::{answering, ok},
    sdk, sdk_for,
};

const REQUESTS: &str = "com.amazonaws.us-east-1.apprunner.requests";

fn created() -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24)
}

fn seed(account: &Sandbox, count: usize) {
    for number in 0..count {
        account.ec2().add_endpoint(EndpointSpec::requests(&format!("vpce-{number}"), created()));
    }
    let mut other = EndpointSpec::requests("vpce-control", created());
    "com.amazonaws.us-east-1.apprunner".clone_into(&mut other.service);
    account.ec2().add_endpoint(other);
}

fn window() -> Window {
    Window { start: created(), end: created() + SignedDuration::from_hours(48) }
}

fn ids(endpoints: &[Endpoint]) -> Vec<&str> {
    endpoints.iter().map(|endpoint| endpoint.id.as_str()).collect()
}

#[tokio::test]
async fn endpoints_are_read_page_by_page_with_all_that_a_verdict_needs() -> Result<()> {
    let account = account().await?;
    seed(&account, 5);
    account.ec2().set_page_size(2);
    account.ec2().change_endpoint("vpce-3", |endpoint| {
        endpoint.requester_managed = true;
        endpoint.state = "deleting".to_owned();
        endpoint.tags.insert("a key".to_owned(), "a <value> & more".to_owned());
    });
    let found = Ec2::new(&sdk(&account)?).endpoints(REQUESTS).await?;
    assert_eq!(ids(&found), ["vpce-0", "vpce-1", "vpce-2", "vpce-3", "vpce-4"]);
    assert_eq!(account.requests().of("ec2", "DescribeVpcEndpoints").len(), 3);
    let odd = &found[3];
    assert_eq!((odd.requester_managed, &odd.state, odd.zones), (true, &EndpointState::Deleting, 3));
    assert_eq!(odd.tags["a key"], "a <value> & more");
    let plain = &found[0];
    assert_eq!((plain.owner.as_deref(), plain.created_at), (Some("123456789012"), Some(created())));
    assert_eq!((plain.requester_managed, plain.kind.as_str()), (false, "Interface"));
    Ok(())
}

#[tokio::test]
async fn a_page_that_fails_gives_no_part_of_the_list() -> Result<()> {
    let account = account().await?;
    seed(&account, 5);
    account.ec2().set_page_size(2);
    account.faults().next("ec2", "DescribeVpcEndpoints", 2, Fault::Slow(std::time::Duration::ZERO));
    let denied = Fault::Refuse { code: "UnauthorizedOperation".to_owned(), message: "not you".to_owned() };
    account.faults().next("ec2", "DescribeVpcEndpoints", 1, denied);
    let error = Ec2::new(&sdk(&account)?).endpoints(REQUESTS).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (Class::Permanent, Some("UnauthorizedOperation")));
    Ok(())
}

#[tokio::test]
async fn marks_are_set_and_taken_away_and_nothing_else() -> Result<()> {
    let account = account().await?;
    seed(&account, 2);
    account
        .ec2()
        .change_endpoint("vpce-0", |endpoint| drop(endpoint.tags.insert("Name".into(), "mine".into())));
    let ec2 = Ec2::new(&sdk(&account)?);
    let both = ["vpce-0".to_owned(), "vpce-1".to_owned()];
    ec2.mark(&permit()?, &both, created()).await?;
    for id in &both {
        assert_eq!(account.ec2().endpoint_tags(id)[MARK], "1970-01-02T00:00:00Z");
    }
    ec2.unmark(&permit()?, &both).await?;
    assert_eq!(account.ec2().endpoint_tags("vpce-0").into_keys().collect::<Vec<_>>(), ["Name"]);
    Ok(())
}

#[tokio::test]
async fn a_deletion_that_answers_ok_may_have_deleted_nothing() -> Result<()> {
    let account = account().await?;
    seed(&account, 2);
    account.ec2().refuse_deletion("vpce-1", "OperationNotPermitted");
    let all = ["vpce-0", "vpce-1", "vpce-gone"].map(str::to_owned);
    let refused = Ec2::new(&sdk(&account)?).delete(&permit()?, &all).await?;
    let codes: Vec<_> = refused.iter().map(|not| (not.id.as_str(), not.code.as_str())).collect();
    assert_eq!(codes, [("vpce-1", "OperationNotPermitted"), ("vpce-gone", "InvalidVpcEndpoint.NotFound")]);
    assert_eq!(account.ec2().living_endpoints().len(), 2);
    Ok(())
}

#[tokio::test]
async fn no_changing_call_is_repeated() -> Result<()> {
    let account = account().await?;
    let sdk = sdk(&account)?;
    let (ec2, apprunner) = (Ec2::new(&sdk), AppRunnerWrite::new(&sdk));
    for fault in [Fault::Throttle, Fault::ServerError, Fault::Reset, Fault::TimeoutAfterWork] {
        account.requests().clear();
        account.faults().always("*", "*", fault.clone());
        let id = ["vpce-0".to_owned()];
        assert!(ec2.mark(&permit()?, &id, created()).await.is_err());
        assert!(ec2.unmark(&permit()?, &id).await.is_err());
        assert!(ec2.delete(&permit()?, &id).await.is_err());
        assert!(
            apprunner
                .delete_ingress(
                    &permit()?,
                    "arn:aws:apprunner:us-east-1:123456789012:vpcingressconnection/a/b"
                )
                .await
                .is_err()
        );
        assert_eq!(account.requests().all().len(), 4, "{fault:?}");
        account.faults().clear();
    }
    Ok(())
}

#[tokio::test]
async fn a_deletion_whose_answer_is_not_whole_is_settled_by_reading() -> Result<()> {
    for (what, body) in [
        ("nothing", ""),
        ("no list", "<R><return>true</return></R>"),
        ("cut off", "<R><unsuccessful><item>"),
        ("entities", "<!DOCTYPE R [<!ENTITY a \"a\">]><R><unsuccessful>&a;</unsuccessful></R>"),
        ("nobody's", "<R><unsuccessful><item><error><code>X</code></error></item></unsuccessful></R>"),
    ] {
        let ec2 = Ec2::new(&sdk_for(&answering(ok(body.as_bytes())).await?)?);
        let error = ec2.delete(&permit()?, &["vpce-0".to_owned()]).await.unwrap_err();
        assert_eq!((error.class, error.code), (Class::Retryable, None), "{what}: as if no answer had come");
    }
    Ok(())
}

#[tokio::test]
async fn traffic_is_summed_from_the_hour_of_the_mark_on() -> Result<()> {
    let account = account().await?;
    seed(&account, 2);
    let sdk = sdk(&account)?;
    let endpoints = Ec2::new(&sdk).endpoints(REQUESTS).await?;
    let seeded = EndpointSpec::requests("vpce-0", created());
    for (hours, bytes) in [(-1, 1.0), (0, 20.0), (47, 300.0), (49, 4_000.0)] {
        account.cloudwatch().put_endpoint_bytes(
            &seeded,
            created() + SignedDuration::from_hours(hours),
            bytes,
        );
    }
    let start = created() + SignedDuration::from_mins(59);
    let both: Vec<&Endpoint> = endpoints.iter().collect();
    let bytes = CloudWatch::new(&sdk).bytes_processed(&both, Window { start, ..window() }).await?;
    assert_eq!(
        bytes.into_iter().collect::<Vec<_>>(),
        [("vpce-0".to_owned(), 320.0), ("vpce-1".to_owned(), 0.0)]
    );
    Ok(())
}

#[tokio::test]
async fn silence_is_only_believed_from_a_whole_answer() -> Result<()> {
    let account = account().await?;
    seed(&account, 1);
    let endpoints = Ec2::new(&sdk(&account)?).endpoints(REQUESTS).await?;
    let answer = |results: &str, more: &str| {
        format!(
            "<R><GetMetricDataResult><MetricDataResults>{results}</MetricDataResults>{more}</GetMetricDataResult></R>"
        )
    };
    let member =
        |status: &str| format!("<member><Id>e0</Id><Values/><StatusCode>{status}</StatusCode></member>");
    let whole = answer(&member("Complete"), "");
    for (what, body, known) in [
        ("whole", whole.as_str(), true),
        ("empty", "", false),
        ("cut off", &whole[..whole.len() - 9], false),
        ("no result", "<R/>", false),
        ("no results", &answer("", ""), false),
        ("of another query", &whole.replace("e0", "e1"), false),
        ("partial", &answer(&member("PartialData"), ""), false),
        ("failed", &answer(&member("InternalError"), ""), false),
        ("pages without end", &answer(&member("Complete"), "<NextToken>again</NextToken>"), false),
    ] {
        let cloudwatch = CloudWatch::new(&sdk_for(&answering(ok(body.as_bytes())).await?)?);
        let bytes = cloudwatch.bytes_processed(&[&endpoints[0]], window()).await;
        assert_eq!(bytes.is_ok(), known, "{what}: {bytes:?}");
    }
    let odd = whole.replace("<Values/>", "<Values><member>NaN</member></Values>");
    let cloudwatch = CloudWatch::new(&sdk_for(&answering(ok(odd.as_bytes())).await?)?);
    let bytes = cloudwatch.bytes_processed(&[&endpoints[0]], window()).await?;
    assert!(bytes["vpce-0"] > 0.0, "what is no number is no silence");
    Ok(())
}

#[tokio::test]
async fn what_belongs_to_services_that_are_gone_is_read_too() -> Result<()> {
    let account = account().await?;
    let services = account.services();
    let service = services
        .create(ServiceSpec::image("orders", "123456789012.dkr.ecr.us-east-1.amazonaws.com/orders:v7"))?;
    let gone = "arn:aws:apprunner:us-east-1:123456789012:service/gone/0123456789abcdef0123456789abcdef";
    let one = services.add_ingress("one", &service, "vpc-1", "vpce-0", Seeded::Available);
    let two = services.add_ingress("two", gone, "vpc-1", "vpce-1", Seeded::FailedDeletion);
    let connector = services.add_connector("out", &["subnet-1"], &["sg-1"]);
    let apprunner = AppRunner::new(&sdk(&account)?);
    assert_eq!(apprunner.ingress_arns(None).await?, [one.clone(), two.clone()]);
    assert_eq!(apprunner.ingress_arns(Some("vpce-1")).await?, [two.as_str()]);
    let failed = apprunner.ingress(&two).await?;
    let shown = failed.map(|ingress| (ingress.service, ingress.status, ingress.endpoint, ingress.vpc));
    let expected =
        (gone.to_owned(), IngressStatus::FailedDeletion, Some("vpce-1".to_owned()), Some("vpc-1".to_owned()));
    assert_eq!(shown, Some(expected));
    assert_eq!(apprunner.ingress(&one.replace("one", "none")).await?, None);
    assert_eq!(apprunner.status(gone).await?, None);
    assert_eq!(
        apprunner.status(&service).await?.map(|status| status.to_string()).as_deref(),
        Some("RUNNING")
    );
    assert_eq!(apprunner.connector_of(&service.parse()?).await?, None);
    assert_eq!(apprunner.connectors().await?[0].arn, connector);
    Ok(())
}
