use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    error::{Class, PortError},
    ports::{MetricQueries, Window},
};

fn minute(number: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(number)
}

fn window() -> Window {
    Window { start: minute(10), end: minute(15) }
}

fn checks() -> Checks {
    Checks { max_error_share: 0.05, min_requests: 50, max_latency: None, alarms: Vec::new() }
}

fn app_runner() -> Source {
    Source::AppRunner("arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap())
}

fn load_balancer(groups: &[&str]) -> Source {
    let target_groups = groups.iter().map(|group| format!("targetgroup/{group}/1")).collect();
    Source::LoadBalancer { load_balancer: "app/shared/1".into(), target_groups }
}

/// CloudWatch with values by part (a service's ID or a target group) and metric, at minutes.
#[derive(Default)]
struct CloudWatch {
    points: Vec<(&'static str, &'static str, i64, f64)>,
    alarms: HashMap<String, Alarm>,
    refuses: bool,
    partial: Option<&'static str>,
    /// A metric that an answer passes over.
    passed_over: Option<&'static str>,
    calls: Cell<usize>,
    largest: Cell<usize>,
    asked: RefCell<Vec<(MetricQuery, Window)>>,
}

impl MetricQueries for CloudWatch {
    async fn data(
        &self,
        queries: &[MetricQuery],
        window: Window,
    ) -> Result<HashMap<String, Series>, PortError> {
        self.calls.set(self.calls.get() + 1);
        self.largest.set(self.largest.get().max(queries.len()));
        self.asked.borrow_mut().extend(queries.iter().map(|query| (query.clone(), window)));
        if self.refuses {
            let error = PortError::new("cloudwatch:GetMetricData", Class::Permanent, "not you");
            return Err(PortError { code: Some("AccessDenied".into()), ..error });
        }
        let series = |query: &MetricQuery| {
            let part = query.dimensions.last().map_or("", |(_, value)| value.as_str());
            let own =
                self.points.iter().filter(|(of, metric, ..)| part.contains(of) && *metric == query.metric);
            Series {
                points: own.map(|(_, _, at, value)| (minute(*at), *value)).collect(),
                missing: (self.partial == Some(query.metric)).then(|| "PartialData".to_owned()),
            }
        };
        let answered = queries.iter().filter(|query| self.passed_over != Some(query.metric));
        Ok(answered.map(|query| (query.id.clone(), series(query))).collect())
    }

    async fn alarms(&self, names: &[String]) -> Result<HashMap<String, Alarm>, PortError> {
        let known = |name: &String| Some((name.clone(), self.alarms.get(name)?.clone()));
        Ok(names.iter().filter_map(known).collect())
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn analysis(source: &Source, checks: &Checks, cloudwatch: &CloudWatch) -> Analysis {
    let batch = Batch::of(vec![Target { source, checks, window: window() }]);
    judge(&run(batch.ask(cloudwatch)).observations[0], checks)
}

fn verdict_of(analysis: &Analysis, name: &str) -> Verdict {
    analysis.checks.iter().find(|check| check.name == name).expect("the check").verdict
}

#[test]
fn what_missing_data_means_for_app_runner() {
    use Verdict::{Fail, Inconclusive, Pass};
    for (what, points, expected) in [
        ("nothing at all", vec![], Inconclusive),
        ("no traffic", vec![("8fe1", "Requests", 11, 0.0)], Inconclusive),
        ("too few", vec![("8fe1", "Requests", 11, 49.0)], Inconclusive),
        (
            "too few, all failed",
            vec![("8fe1", "Requests", 11, 49.0), ("8fe1", "5xxStatusResponses", 11, 49.0)],
            Inconclusive,
        ),
        ("enough and no error", vec![("8fe1", "Requests", 10, 25.0), ("8fe1", "Requests", 14, 25.0)], Pass),
        ("errors, no requests", vec![("8fe1", "5xxStatusResponses", 11, 90.0)], Inconclusive),
        (
            "just as many as accepted",
            vec![("8fe1", "Requests", 11, 100.0), ("8fe1", "5xxStatusResponses", 11, 5.0)],
            Pass,
        ),
        ("more", vec![("8fe1", "Requests", 11, 100.0), ("8fe1", "5xxStatusResponses", 11, 6.0)], Fail),
        (
            "before the window",
            vec![("8fe1", "Requests", 11, 100.0), ("8fe1", "5xxStatusResponses", 9, 60.0)],
            Pass,
        ),
        ("at its end", vec![("8fe1", "Requests", 11, 100.0), ("8fe1", "5xxStatusResponses", 15, 60.0)], Pass),
        ("another service", vec![("other", "Requests", 11, 100.0)], Inconclusive),
    ] {
        let found = analysis(&app_runner(), &checks(), &CloudWatch { points, ..CloudWatch::default() });
        assert_eq!(found.verdict, expected, "{what}: {found}");
        assert_eq!(found.checks.len(), 1, "{what}");
    }
}

#[test]
fn a_load_balancer_is_judged_by_its_target_groups() {
    use Verdict::{Fail, Inconclusive, Pass};
    let well = [("blue", "HealthyHostCount", 14, 2.0), ("blue", "RequestCount", 12, 60.0)];
    for (what, more, expected) in [
        ("well", vec![], [Pass, Pass, Pass]),
        (
            "one group failing makes the sum fail",
            vec![("green", "RequestCount", 12, 40.0), ("green", "HTTPCode_Target_5XX_Count", 12, 6.0)],
            [Fail, Pass, Pass],
        ),
        ("a failed connection", vec![("green", "TargetConnectionErrorCount", 12, 1.0)], [Pass, Pass, Fail]),
        ("an unhealthy host", vec![("green", "UnHealthyHostCount", 14, 1.0)], [Pass, Inconclusive, Pass]),
        ("the other group is empty", vec![("green", "HealthyHostCount", 14, 0.0)], [Pass, Pass, Pass]),
        ("the other group went away", vec![("green", "HealthyHostCount", 10, 7.0)], [Pass, Pass, Pass]),
        ("a value at the end of the window", vec![("blue", "HealthyHostCount", 15, 0.0)], [Pass, Pass, Pass]),
    ] {
        let points = well.into_iter().chain(more).collect();
        let found = analysis(
            &load_balancer(&["blue", "green"]),
            &checks(),
            &CloudWatch { points, ..CloudWatch::default() },
        );
        let verdicts = ["error-share", "hosts", "connections"].map(|name| verdict_of(&found, name));
        assert_eq!(verdicts, expected, "{what}: {found}");
    }
}

#[test]
fn without_traffic_hosts_and_connections_still_fail() {
    for (metric, value, check) in
        [("HealthyHostCount", 0.0, "hosts"), ("TargetConnectionErrorCount", 3.0, "connections")]
    {
        let points = vec![("blue", metric, 13, value)];
        let found =
            analysis(&load_balancer(&["blue"]), &checks(), &CloudWatch { points, ..CloudWatch::default() });
        assert_eq!((found.verdict, verdict_of(&found, check)), (Verdict::Fail, Verdict::Fail), "{found}");
    }
    let none = vec![("blue", "TargetConnectionErrorCount", 13, 0.0)];
    let well = CloudWatch { points: none, ..CloudWatch::default() };
    let well = analysis(&load_balancer(&["blue"]), &checks(), &well);
    assert_eq!(verdict_of(&well, "connections"), Verdict::Pass, "that none failed is no failure");
    let silence = analysis(&load_balancer(&["blue"]), &checks(), &CloudWatch::default());
    assert_eq!(silence.verdict, Verdict::Inconclusive);
    let nowhere = analysis(&load_balancer(&[]), &checks(), &CloudWatch::default());
    assert_eq!(nowhere.verdict, Verdict::Inconclusive);
}

#[test]
fn hosts_that_left_within_the_window_are_no_hosts() {
    let points = vec![
        ("blue", "HealthyHostCount", 10, 2.0),
        ("blue", "HealthyHostCount", 14, 0.0),
        ("green", "HealthyHostCount", 11, 2.0),
    ];
    let found = analysis(
        &load_balancer(&["blue", "green"]),
        &checks(),
        &CloudWatch { points, ..CloudWatch::default() },
    );
    assert_eq!(verdict_of(&found, "hosts"), Verdict::Fail, "{found}");
}

#[test]
fn hosts_that_are_not_reported_any_more_are_gone() {
    for (newest, expected) in [(10, Verdict::Fail), (11, Verdict::Pass), (14, Verdict::Pass)] {
        let points = vec![("blue", "HealthyHostCount", 10, 2.0), ("blue", "HealthyHostCount", newest, 2.0)];
        let cloudwatch = CloudWatch { points, ..CloudWatch::default() };
        let found = analysis(&load_balancer(&["blue"]), &checks(), &cloudwatch);
        assert_eq!(verdict_of(&found, "hosts"), expected, "{newest}: {found}");
    }
}

#[test]
fn latency_is_the_slowest_groups_median_minute() {
    let limited = Checks {
        max_latency: Some(LatencyLimit { percentile: "p95".parse().unwrap(), most_ms: 500 }),
        ..checks()
    };
    let traffic = [("blue", "RequestCount", 12, 60.0), ("blue", "HealthyHostCount", 14, 1.0)];
    for (what, more, expected) in [
        ("no value", vec![], Verdict::Inconclusive),
        (
            "one slow minute",
            vec![
                ("blue", "TargetResponseTime", 11, 9.0),
                ("blue", "TargetResponseTime", 12, 0.5),
                ("blue", "TargetResponseTime", 13, 0.1),
            ],
            Verdict::Pass,
        ),
        (
            "two of four minutes slow",
            [0.1, 0.3, 0.6, 5.0]
                .iter()
                .zip(11..)
                .map(|(s, at)| ("blue", "TargetResponseTime", at, *s))
                .collect(),
            Verdict::Pass,
        ),
        (
            "three of five minutes slow",
            [0.1, 0.2, 0.6, 0.7, 0.8]
                .iter()
                .zip(10..)
                .map(|(s, at)| ("blue", "TargetResponseTime", at, *s))
                .collect(),
            Verdict::Fail,
        ),
        (
            "the other group",
            vec![("blue", "TargetResponseTime", 11, 0.1), ("green", "TargetResponseTime", 12, 0.501)],
            Verdict::Fail,
        ),
    ] {
        let points = traffic.into_iter().chain(more).collect();
        let cloudwatch = CloudWatch { points, ..CloudWatch::default() };
        let found = analysis(&load_balancer(&["blue", "green"]), &limited, &cloudwatch);
        assert_eq!(verdict_of(&found, "latency"), expected, "{what}: {found}");
        let asked = cloudwatch.asked.borrow();
        assert!(asked.iter().all(|(query, _)| query.namespace == "AWS/ApplicationELB"), "{what}");
        let statistics = asked.iter().filter(|(query, _)| query.metric == "TargetResponseTime");
        assert!(statistics.map(|(query, _)| query.statistic.to_string()).eq(["p95", "p95"]), "{what}");
        let mut hosts = asked.iter().filter(|(query, _)| query.metric == "HealthyHostCount");
        assert!(
            hosts.all(|(query, _)| query.statistic == Statistic::Maximum),
            "each node reports what it sees"
        );
    }
    let slow = vec![("8fe1", "Requests", 12, 60.0), ("8fe1", "RequestLatency", 12, 501.0)];
    let found = analysis(&app_runner(), &limited, &CloudWatch { points: slow, ..CloudWatch::default() });
    assert_eq!(verdict_of(&found, "latency"), Verdict::Fail, "App Runner's unit is the millisecond");
    let idle = vec![("8fe1", "Requests", 12, 6.0), ("8fe1", "RequestLatency", 12, 501.0)];
    let found = analysis(&app_runner(), &limited, &CloudWatch { points: idle, ..CloudWatch::default() });
    assert_eq!(verdict_of(&found, "latency"), Verdict::Inconclusive, "six requests say nothing");
}

#[test]
fn an_alarm_must_be_ok() {
    use AlarmState::{InsufficientData, Ok};
    let named = Checks { alarms: vec!["checkout".into()], ..checks() };
    let points = vec![("8fe1", "Requests", 12, 60.0)];
    for (alarm, expected) in [
        (Some((Ok, Some(minute(2)))), Verdict::Pass),
        (Some((Ok, None)), Verdict::Pass),
        (Some((AlarmState::Alarm, Some(minute(14)))), Verdict::Fail),
        (Some((AlarmState::Alarm, Some(minute(15)))), Verdict::Fail), // as the window ends
        (Some((AlarmState::Alarm, Some(minute(16)))), Verdict::Inconclusive),
        (Some((Ok, Some(minute(16)))), Verdict::Inconclusive),
        (Some((InsufficientData, None)), Verdict::Inconclusive),
        (Some((AlarmState::Other("ASLEEP".into()), None)), Verdict::Inconclusive),
        (None, Verdict::Inconclusive),
    ] {
        let entry = alarm.clone().map(|(state, since)| ("checkout".to_owned(), Alarm { state, since }));
        let cloudwatch = CloudWatch {
            points: points.clone(),
            alarms: entry.into_iter().collect(),
            ..CloudWatch::default()
        };
        let found = analysis(&app_runner(), &named, &cloudwatch);
        assert_eq!(found.verdict, expected, "{alarm:?}");
    }
}

#[test]
fn what_cannot_be_read_is_inconclusive_and_named() {
    let points = vec![("8fe1", "Requests", 12, 60.0)];
    let refused = CloudWatch { points: points.clone(), refuses: true, ..CloudWatch::default() };
    let found = analysis(&app_runner(), &checks(), &refused);
    assert_eq!(found.to_string(), "inconclusive: Requests could not be read: AccessDenied.");
    let partial = CloudWatch { points, partial: Some("5xxStatusResponses"), ..CloudWatch::default() };
    let found = analysis(&app_runner(), &checks(), &partial);
    assert_eq!(found.to_string(), "inconclusive: 5xxStatusResponses could not be read: PartialData.");
    let cloudwatch = CloudWatch { partial: None, passed_over: Some("5xxStatusResponses"), ..partial };
    let found = analysis(&app_runner(), &checks(), &cloudwatch);
    assert_eq!(found.to_string(), "inconclusive: 5xxStatusResponses could not be read: it was not answered.");
}

#[test]
fn all_targets_share_requests_and_each_gets_its_own() {
    let names: Vec<String> = (0..60).map(|n| format!("group-{n:02}")).collect();
    let sources: Vec<_> = names.iter().map(|name| load_balancer(&[name])).chain([app_runner()]).collect();
    let (many, one) = (checks(), checks());
    let targets = sources.iter().enumerate().map(|(at, source)| {
        let start = if at == 7 { minute(1) } else { minute(10) };
        Target {
            source,
            checks: if at % 2 == 0 { &many } else { &one },
            window: Window { start, end: minute(15) },
        }
    });
    let points = vec![
        ("group-07", "RequestCount", 3, 80.0),
        ("group-08", "RequestCount", 3, 80.0),
        ("group-09", "RequestCount", 13, 80.0),
        ("8fe1", "Requests", 13, 80.0),
    ];
    let cloudwatch = CloudWatch { points, ..CloudWatch::default() };
    let answers = run(Batch::of(targets.collect()).ask(&cloudwatch));
    let passes =
        |at: usize| verdict_of(&judge(&answers.observations[at], &one), "error-share") == Verdict::Pass;
    let passing: Vec<_> = (0..61).filter(|at| passes(*at)).collect();
    assert_eq!(passing, [7, 9, 60], "08 was asked about from minute 10 on");
    assert_eq!((cloudwatch.calls.get(), cloudwatch.asked.borrow().len()), (1, 60 * 5 + 2));
    let several: Vec<_> = (0..150).map(|_| load_balancer(&["blue"])).collect();
    let target = |source| Target { source, checks: &one, window: window() };
    let cloudwatch = CloudWatch::default();
    let answers = run(Batch::of(several.iter().map(target).collect()).ask(&cloudwatch));
    assert_eq!((answers.observations.len(), cloudwatch.calls.get(), cloudwatch.largest.get()), (150, 2, 500));
    let asked = cloudwatch.asked.borrow();
    let ids: std::collections::HashSet<_> = asked.iter().map(|(query, _)| &query.id).collect();
    assert_eq!(ids.len(), 750, "IDs are unique");
}

#[test]
fn nothing_to_ask_asks_nothing() {
    let cloudwatch = CloudWatch::default();
    assert!(run(Batch::of(Vec::new()).ask(&cloudwatch)).observations.is_empty());
    assert_eq!(cloudwatch.calls.get(), 0);
}

#[test]
fn only_consecutive_failures_reach_the_limit() {
    use Verdict::{Fail, Inconclusive, Pass};
    for (verdicts, failures) in [
        (&[Fail, Fail][..], 2),
        (&[Fail, Pass, Fail], 1),
        (&[Fail, Inconclusive, Fail], 2),
        (&[Fail, Inconclusive, Inconclusive], 1),
        (&[Fail, Pass], 0),
    ] {
        let mut streak = Streak::default();
        for verdict in verdicts {
            streak.count(*verdict);
        }
        let stored: Streak = serde_json::from_str(&serde_json::to_string(&streak).unwrap()).unwrap();
        assert_eq!((stored.failures(), stored.reached(2)), (failures, failures == 2), "{verdicts:?}");
    }
    assert!(!Streak::default().reached(0), "nothing failed yet");
}

#[test]
fn an_old_failure_is_not_the_new_versions() {
    let check = |name: &str, verdict, measured| CheckResult {
        name: name.into(),
        verdict,
        detail: String::new(),
        measured,
    };
    let errors = |share| Analysis::of(vec![check("error-share", Verdict::Fail, Some(share))]);
    let well = Analysis::of(vec![check("error-share", Verdict::Pass, Some(0.0))]);
    let unknown = Analysis::of(vec![check("error-share", Verdict::Inconclusive, None)]);
    let alarm = |verdict| Analysis::of(vec![check("alarm:a", verdict, None)]);
    let both = Analysis::of([errors(0.1), alarm(Verdict::Fail)].into_iter().flat_map(|a| a.checks).collect());
    for (now, before, same) in [
        (errors(0.2), errors(0.1), true),
        (errors(0.5), errors(0.1), false),
        (errors(0.2), well.clone(), false),
        (errors(0.2), unknown, false),
        (alarm(Verdict::Fail), alarm(Verdict::Fail), true),
        (both, errors(0.1), false),
        (well.clone(), well, false),
    ] {
        assert_eq!(fails_the_same_way(&now, &before), same, "{now:?} after {before:?}");
    }
}

#[test]
fn arns_give_dimensions() {
    let arn = |rest: &str| format!("arn:aws:elasticloadbalancing:eu-west-1:123456789012:{rest}");
    let groups = [arn("targetgroup/blue/1"), arn("targetgroup/green/1")];
    let source = Source::of_load_balancer(&arn("loadbalancer/app/shared/1"), &groups).unwrap();
    assert_eq!(source, load_balancer(&["blue", "green"]));
    let refused = |lb: &str, groups: &[String]| Source::of_load_balancer(lb, groups).unwrap_err().field;
    assert_eq!(refused(&arn("loadbalancer/net/shared/1"), &groups), "load_balancer_arn");
    let listener = [groups[0].clone(), arn("listener/app/shared/1/2")];
    assert_eq!(refused(&arn("loadbalancer/app/shared/1"), &listener), "target_group_arns[1]");
}

#[test]
fn percentiles_are_read_as_cloudwatch_writes_them() {
    for text in ["p1", "p50", "p99", "p99.9", "p0.1"] {
        let percentile = text.parse::<Percentile>().unwrap();
        assert_eq!(percentile.to_string(), text);
        assert_eq!(serde_json::to_value(percentile).unwrap(), text);
    }
    for text in ["", "50", "p", "p0", "p100", "p9.99", "p-1", "p 1", "P50", "p5."] {
        assert!(text.parse::<Percentile>().is_err(), "{text}");
    }
}

#[test]
fn an_analysis_reads_as_a_sentence() {
    let points = vec![("8fe1", "Requests", 12, 120.0), ("8fe1", "5xxStatusResponses", 12, 15.0)];
    let found = analysis(&app_runner(), &checks(), &CloudWatch { points, ..CloudWatch::default() });
    assert_eq!(
        found.to_string(),
        "fail: 15 of 120 requests (12.5 %) were answered with 5xx; 5 % is accepted."
    );
}
