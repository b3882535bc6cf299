//! CloudWatch on the wire: metrics by period and statistic, and alarms.

use jiff::{SignedDuration, Timestamp};
use sandbox::aws::cloudwatch::alarms::{AlarmKind, AlarmState};

use crate::wire::{Client, start};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// Everything between two tags, in order.
fn all(body: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    body.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()).map(str::to_owned).collect()
}

/// The answer for one metric between second 0 and second 180.
async fn ask(client: &Client, statistic: &str, dimensions: &[(&str, &str)], more: &str) -> String {
    let query = "MetricDataQueries.member.1";
    let metric = format!("{query}.MetricStat.Metric");
    let mut form = format!(
        "Action=GetMetricData&StartTime={}&EndTime={}&{query}.Id=a&{query}.MetricStat.Stat={statistic}&\
         {query}.MetricStat.Period=60&{metric}.Namespace=AWS/ApplicationELB&{metric}.MetricName=RequestCount{more}",
        at(0),
        at(180)
    );
    for (number, (name, value)) in dimensions.iter().enumerate() {
        let dimension = format!("{metric}.Dimensions.member.{}", number + 1);
        form = format!("{form}&{dimension}.Name={name}&{dimension}.Value={value}");
    }
    client.query("monitoring", &form).await.unwrap().body
}

#[tokio::test]
async fn a_metric_is_summed_up_by_the_minute_and_by_its_dimensions() {
    let (sandbox, client) = start().await;
    let balancer = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/shop/1";
    let group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/blue/2";
    for (second, value) in [(0, 10.0), (59, 30.0), (60, 5.0), (180, 99.0), (-1, 99.0)] {
        sandbox.cloudwatch().put_balancer_metric(balancer, Some(group), "RequestCount", at(second), value);
    }
    sandbox.cloudwatch().put_balancer_metric(balancer, None, "RequestCount", at(0), 1_000.0);
    let of_group = [("TargetGroup", "targetgroup/blue/2"), ("LoadBalancer", "app/shop/1")];
    let values = |body: &str| all(&all(body, "Values")[0], "member");
    for (statistic, more, expected) in [
        ("Sum", "", vec!["5.0", "40.0"]),
        ("Sum", "&ScanBy=TimestampAscending", vec!["40.0", "5.0"]),
        ("Average", "", vec!["5.0", "20.0"]),
        ("p95", "", vec!["5.0", "30.0"]),
    ] {
        assert_eq!(values(&ask(&client, statistic, &of_group, more).await), expected, "{statistic}{more}");
    }
    assert_eq!(
        values(&ask(&client, "Sum", &of_group[1..], "").await),
        ["1000.0"],
        "another set of dimensions"
    );
    assert!(values(&ask(&client, "Sum", &[], "").await).is_empty());
    let refused = ask(&client, "Median", &of_group, "").await;
    assert_eq!(all(&refused, "Code"), ["ValidationError"]);
}

#[tokio::test]
async fn series_come_in_pages() {
    let (sandbox, client) = start().await;
    sandbox.cloudwatch().set_page_size(1);
    let second = "&MetricDataQueries.member.2.Id=b&MetricDataQueries.member.2.MetricStat.Stat=Sum&\
        MetricDataQueries.member.2.MetricStat.Period=60";
    let first = ask(&client, "Sum", &[], second).await;
    assert_eq!(all(&first, "Id"), ["a"]);
    let token = &all(&first, "NextToken")[0];
    let last = ask(&client, "Sum", &[], &format!("{second}&NextToken={token}")).await;
    assert_eq!((all(&last, "Id"), all(&last, "NextToken").len()), (vec!["b".to_owned()], 0));
}

#[tokio::test]
async fn alarms_are_listed_by_kind_and_their_changes_are_events() {
    let (sandbox, client) = start().await;
    sandbox.cloudwatch().add_alarm("checkout-5xx", AlarmKind::Metric, AlarmState::Ok);
    sandbox.cloudwatch().add_alarm("any", AlarmKind::Composite, AlarmState::InsufficientData);
    let list = async |form: &str| {
        let body = client.query("monitoring", &format!("Action=DescribeAlarms{form}")).await.unwrap().body;
        all(&body, "AlarmName").into_iter().zip(all(&body, "StateValue")).collect::<Vec<_>>()
    };
    let pair = |name: &str, state: &str| (name.to_owned(), state.to_owned());
    let both = "&AlarmTypes.member.1=MetricAlarm&AlarmTypes.member.2=CompositeAlarm";
    assert_eq!(list("").await, [pair("checkout-5xx", "OK")]);
    assert_eq!(list(both).await, [pair("any", "INSUFFICIENT_DATA"), pair("checkout-5xx", "OK")]);
    assert_eq!(list(&format!("{both}&AlarmNames.member.1=any&AlarmNames.member.2=gone")).await.len(), 1);

    sandbox.clock().advance(SignedDuration::from_secs(60));
    for state in [AlarmState::Alarm, AlarmState::Alarm] {
        sandbox.cloudwatch().set_alarm("checkout-5xx", state);
    }
    assert_eq!(list("&StateValue=ALARM").await, [pair("checkout-5xx", "ALARM")]);
    let events = sandbox.events();
    assert_eq!(events.len(), 1, "a state that stays is no change");
    assert_eq!(events[0]["detail-type"], "CloudWatch Alarm State Change");
    assert_eq!(events[0]["detail"]["alarmName"], "checkout-5xx");
    assert_eq!(events[0]["detail"]["previousState"]["value"], "OK");
    assert_eq!(events[0]["detail"]["state"]["value"], "ALARM");
}
