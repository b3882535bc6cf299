//! Metrics and alarms for analyses: answers as CloudWatch writes them, in pages, partial and refused.

use std::sync::{Arc, Mutex};

use anyhow::Result;
use autopilot::{
    analysis::{AlarmState, Batch, Checks, MetricQuery, Source, Statistic, Target, Verdict, judge},
    error::Class,
    ports::{MetricQueries as _, Window},
};
use autopilot_aws::cloudwatch::CloudWatch;
use jiff::{SignedDuration, Timestamp};
use sandbox::aws::{Fault, apprunner::ServiceSpec};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{account, sdk, sdk_for};

/// A server that gives these answers, one a request, and keeps the requests' texts.
async fn answering(bodies: Vec<String>) -> Result<(String, Arc<Mutex<Vec<String>>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let keep = asked.clone();
    tokio::spawn(async move {
        for body in bodies {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let mut request = Vec::new();
            let mut part = [0; 16_384];
            while !is_whole(&request) {
                match stream.read(&mut part).await {
                    Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
                    _ => break,
                }
            }
            if let Ok(mut kept) = keep.lock() {
                kept.push(String::from_utf8_lossy(&request).into_owned());
            }
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    Ok((endpoint, asked))
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| body.len() >= length)
}

fn at(minute: i64) -> Timestamp {
    "2026-11-20T10:00:00Z".parse::<Timestamp>().unwrap_or_default() + SignedDuration::from_mins(minute)
}

fn window() -> Window {
    Window { start: at(0), end: at(10) }
}

fn query(id: &str) -> MetricQuery {
    MetricQuery {
        id: id.to_owned(),
        namespace: "AWS/ApplicationELB",
        metric: "TargetResponseTime",
        dimensions: vec![
            ("LoadBalancer", "app/a/1".to_owned()),
            ("TargetGroup", "targetgroup/b/2".to_owned()),
        ],
        statistic: "p99.9".parse().map_or(Statistic::Sum, Statistic::Percentile),
    }
}

fn data(id: &str, status: &str, times: &[&str], values: &[&str]) -> String {
    let list = |entries: &[&str]| {
        entries.iter().flat_map(|entry| ["<member>", entry, "</member>"]).collect::<String>()
    };
    format!(
        "<member><Timestamps>{}</Timestamps><Values>{}</Values><Label>x</Label><Id>{id}</Id>\
         <StatusCode>{status}</StatusCode></member>",
        list(times),
        list(values)
    )
}

fn answer(results: &str, token: Option<&str>) -> String {
    let token = token.map(|token| format!("<NextToken>{token}</NextToken>")).unwrap_or_default();
    format!(
        "<GetMetricDataResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><GetMetricDataResult>\
         {token}<Messages/><MetricDataResults>{results}</MetricDataResults></GetMetricDataResult>\
         <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetMetricDataResponse>"
    )
}

#[tokio::test]
async fn a_series_is_put_together_from_its_pages() -> Result<()> {
    let first = data("q0", "PartialData", &["2026-11-20T10:02:00+00:00"], &["2.5"])
        + &data("q1", "PartialData", &["2026-11-20T10:02:00Z"], &["7"]);
    let second = data("q0", "Complete", &["2026-11-20T10:01:00Z", "2026-11-20T10:00:00Z"], &["1.5", "1E-3"])
        + &data("q1", "PartialData", &[], &[])
        + &data("q2", "Complete", &[], &[]);
    let (endpoint, asked) = answering(vec![answer(&first, Some("a&amp;b=")), answer(&second, None)]).await?;
    let cloudwatch = CloudWatch::new(&sdk_for(&endpoint)?);
    let series = cloudwatch.data(&[query("q0"), query("q1"), query("q2")], window()).await?;
    assert_eq!(series["q0"].points, [(at(2), 2.5), (at(1), 1.5), (at(0), 0.001)]);
    assert_eq!(series["q0"].missing, None, "the last page has it complete");
    assert_eq!((series["q1"].points.len(), series["q1"].missing.as_deref()), (1, Some("PartialData")));
    assert_eq!((series["q2"].points.len(), &series["q2"].missing), (0, &None));
    let asked = asked.lock().map(|asked| asked.clone()).unwrap_or_default();
    let [first, second] = &asked[..] else { panic!("two requests, not {}", asked.len()) };
    for part in [
        "StartTime=2026-11-20T10%3A00%3A00Z&EndTime=2026-11-20T10%3A10%3A00Z",
        "MetricDataQueries.member.1.MetricStat.Stat=p99.9",
        "MetricDataQueries.member.3.MetricStat.Metric.Dimensions.member.2.Value=targetgroup%2Fb%2F2",
    ] {
        assert!(first.contains(part), "{part} in {first}");
    }
    assert!(second.ends_with("&NextToken=a%26b%3D"), "{second}");
    Ok(())
}

#[tokio::test]
async fn what_makes_no_sense_is_no_series() -> Result<()> {
    let endless = vec![answer("", Some("again")); 60];
    for (what, bodies) in [
        ("no time", vec![answer(&data("q0", "Complete", &["yesterday"], &["1"]), None)]),
        ("no number", vec![answer(&data("q0", "Complete", &["2026-11-20T10:00:00Z"], &["NaN"]), None)]),
        ("more values", vec![answer(&data("q0", "Complete", &[], &["1"]), None)]),
        ("another answer", vec!["<R><other/></R>".to_owned()]),
        ("pages without end", endless),
    ] {
        let (endpoint, _) = answering(bodies).await?;
        let error = CloudWatch::new(&sdk_for(&endpoint)?).data(&[query("q0")], window()).await.unwrap_err();
        assert_eq!(
            (error.class, error.call),
            (Class::Retryable, "cloudwatch:GetMetricData"),
            "{what}: {error}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn alarms_of_both_kinds_are_read_with_the_time_of_their_change() -> Result<()> {
    let alarm = |name: &str, state: &str, times: &str| {
        format!("<member><AlarmName>{name}</AlarmName><StateValue>{state}</StateValue>{times}</member>")
    };
    let changed = "<StateUpdatedTimestamp>2026-11-20T10:05:00.5Z</StateUpdatedTimestamp>\
                   <StateTransitionedTimestamp>2026-11-20T10:04:00Z</StateTransitionedTimestamp>";
    let updated = "<StateUpdatedTimestamp>2026-11-20T10:03:00Z</StateUpdatedTimestamp>";
    let page = |metric: &str, composite: &str, token: &str| {
        format!(
            "<R xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><DescribeAlarmsResult>\
             <CompositeAlarms>{composite}</CompositeAlarms><MetricAlarms>{metric}</MetricAlarms>{token}\
             </DescribeAlarmsResult></R>"
        )
    };
    let bodies = vec![
        page(&alarm("a &lt;1&gt;", "ALARM", changed), "", "<NextToken>next</NextToken>"),
        page("", &alarm("b", "OK", updated), ""),
    ];
    let (endpoint, asked) = answering(bodies).await?;
    let names = ["a <1>".to_owned(), "b".to_owned(), "missing".to_owned()];
    let alarms = CloudWatch::new(&sdk_for(&endpoint)?).alarms(&names).await?;
    assert_eq!(alarms.len(), 2);
    assert_eq!((&alarms["a <1>"].state, alarms["a <1>"].since), (&AlarmState::Alarm, Some(at(4))));
    assert_eq!((&alarms["b"].state, alarms["b"].since), (&AlarmState::Ok, Some(at(3))));
    let asked = asked.lock().map(|asked| asked.clone()).unwrap_or_default();
    for part in [
        "AlarmNames.member.1=a%20%3C1%3E",
        "AlarmNames.member.3=missing",
        "AlarmTypes.member.2=CompositeAlarm",
    ] {
        assert!(asked[0].contains(part), "{part} in {}", asked[0]);
    }
    Ok(())
}

#[tokio::test]
async fn a_service_is_judged_by_what_cloudwatch_says() -> Result<()> {
    let account = account().await?;
    let arn = account.services().create(ServiceSpec::image("orders", "public.ecr.aws/a/b:1"))?;
    let source = Source::AppRunner(arn.parse()?);
    let checks = Checks { max_error_share: 0.05, min_requests: 50, max_latency: None, alarms: Vec::new() };
    let cloudwatch = CloudWatch::new(&sdk(&account)?);
    let target = Target { source: &source, checks: &checks, window: window() };
    let batch = Batch::of(vec![target]);
    account.cloudwatch().put_service_metric(&arn, "Requests", at(3), 100.0);
    let well = judge(&batch.ask(&cloudwatch).await.observations[0], &checks);
    assert_eq!(well.verdict, Verdict::Pass, "{well}");
    account.cloudwatch().put_service_metric(&arn, "5xxStatusResponses", at(4), 6.0);
    let failing = judge(&batch.ask(&cloudwatch).await.observations[0], &checks);
    assert_eq!(failing.verdict, Verdict::Fail, "{failing}");
    let denied = Fault::Refuse { code: "AccessDenied".to_owned(), message: "not you".to_owned() };
    account.faults().always("cloudwatch", "GetMetricData", denied);
    let answers = batch.ask(&cloudwatch).await;
    assert_eq!(answers.errors[0].class, Class::Permanent);
    assert_eq!(judge(&answers.observations[0], &checks).verdict, Verdict::Inconclusive);
    Ok(())
}
