//! CloudWatch metrics and alarms, over the narrow client: one call for all that a diagnosis or a tick asks.
//! What passes through VPC endpoints: `traffic`.

mod traffic;

use std::collections::HashMap;

use autopilot::{
    analysis::{Alarm, AlarmState, MetricQuery, Series, Statistic},
    error::PortError,
    evidence::Metrics,
    ports::{MetricQueries, MetricsRead, Window},
    service::ServiceArn,
};
use aws_types::SdkConfig;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use roxmltree::Node;

use crate::narrow::{Api, Narrow, Protocol, unreadable, xml};

const CLOUDWATCH: Api = Api {
    id: "CloudWatch",
    signing_name: "monitoring",
    host: "monitoring",
    global: false,
    protocol: Protocol::Query { version: "2010-08-01" },
};

const GET_METRIC_DATA: &str = "cloudwatch:GetMetricData";
const DESCRIBE_ALARMS: &str = "cloudwatch:DescribeAlarms";

/// The most names that one `DescribeAlarms` takes.
const ALARMS_PER_REQUEST: usize = 100;

/// Points of a page. CloudWatch's own limit of 100,800 makes answers larger than the narrow client reads.
const POINTS: &str = "20000";

/// Pages read of one answer: 500 queries of a whole day have 36.
const PAGES: usize = 40;

/// Name and statistic of each metric (guide, "Viewing App Runner service metrics").
const METRICS: [(&str, Statistic); 8] = [
    ("MemoryUtilization", Statistic::Maximum),
    ("CPUUtilization", Statistic::Maximum),
    ("Concurrency", Statistic::Maximum),
    ("ActiveInstances", Statistic::Maximum),
    ("RequestLatency", Statistic::Maximum),
    ("Requests", Statistic::Sum),
    ("4xxStatusResponses", Statistic::Sum),
    ("5xxStatusResponses", Statistic::Sum),
];

/// CloudWatch.
#[derive(Debug)]
pub struct CloudWatch {
    narrow: Narrow,
}

impl CloudWatch {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { narrow: Narrow::new(sdk, &CLOUDWATCH) }
    }
}

impl MetricsRead for CloudWatch {
    async fn highest(&self, service: &ServiceArn, window: Window) -> Result<Metrics, PortError> {
        // A value's time is the start of its minute.
        let window = Window { start: window.start - SignedDuration::from_secs(60), ..window };
        let query = |(at, (metric, statistic)): (usize, &(&'static str, Statistic))| MetricQuery {
            id: format!("m{at}"),
            namespace: "AWS/AppRunner",
            metric,
            dimensions: vec![
                ("ServiceName", service.name().to_owned()),
                ("ServiceID", service.id().to_owned()),
            ],
            statistic: *statistic,
        };
        let queries: Vec<MetricQuery> = METRICS.iter().enumerate().map(query).collect();
        let series = self.data(&queries, window).await?;
        let highest = |query: &MetricQuery| {
            let values = series.get(&query.id)?.points.iter().map(|(_, value)| *value);
            Some((query.metric.to_owned(), values.reduce(f64::max)?))
        };
        Ok(Metrics(queries.iter().filter_map(highest).collect()))
    }
}

impl MetricQueries for CloudWatch {
    async fn data(
        &self,
        queries: &[MetricQuery],
        window: Window,
    ) -> Result<HashMap<String, Series>, PortError> {
        let mut series: HashMap<String, Series> = HashMap::new();
        self.pages(GET_METRIC_DATA, "GetMetricDataResult", parameters(queries, window), |result| {
            for data in xml::entries(result, "MetricDataResults") {
                let page = page(data)?;
                // Each page has its own points; the last one says whether all were sent.
                let whole =
                    series.entry(xml::text(data, &["Id"]).unwrap_or_default().to_owned()).or_default();
                whole.points.extend(page.points);
                whole.missing = page.missing;
            }
            Ok(())
        })
        .await?;
        Ok(series)
    }

    async fn alarms(&self, names: &[String]) -> Result<HashMap<String, Alarm>, PortError> {
        let requests = names.chunks(ALARMS_PER_REQUEST).map(|names| self.alarms_of(names));
        let mut alarms = HashMap::new();
        for answer in join_all(requests).await {
            alarms.extend(answer?);
        }
        Ok(alarms)
    }
}

impl CloudWatch {
    async fn alarms_of(&self, names: &[String]) -> Result<Vec<(String, Alarm)>, PortError> {
        let name = |(at, name): (usize, &String)| (format!("AlarmNames.member.{}", at + 1), name.clone());
        let mut parameters: Vec<_> = names.iter().enumerate().map(name).collect();
        parameters.extend([
            ("AlarmTypes.member.1".to_owned(), "MetricAlarm".to_owned()),
            ("AlarmTypes.member.2".to_owned(), "CompositeAlarm".to_owned()),
        ]);
        let mut alarms = Vec::new();
        self.pages(DESCRIBE_ALARMS, "DescribeAlarmsResult", parameters, |result| {
            for list in ["MetricAlarms", "CompositeAlarms"] {
                alarms.extend(xml::entries(result, list).filter_map(alarm));
            }
            Ok(())
        })
        .await?;
        Ok(alarms)
    }

    /// Every page of an answer, as `read` understands it.
    async fn pages(
        &self,
        call: &'static str,
        name: &'static str,
        parameters: Vec<(String, String)>,
        mut read: impl FnMut(Node<'_, '_>) -> Result<(), PortError>,
    ) -> Result<(), PortError> {
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let mut page: Vec<_> =
                parameters.iter().map(|(name, value)| (name.clone(), value.as_str())).collect();
            page.extend(token.as_deref().map(|token| ("NextToken".to_owned(), token)));
            let answer = self.narrow.query(call, &page).await?;
            let document = xml::parse(&answer).map_err(|error| unreadable(call, &error))?;
            let result = xml::child(document.root_element(), name)
                .ok_or_else(|| unreadable(call, &xml::Unreadable::Missing("result")))?;
            read(result)?;
            token = xml::text(result, &["NextToken"]).map(str::to_owned);
            if token.is_none() {
                return Ok(());
            }
        }
        Err(unreadable(call, &format!("it does not end within {PAGES} pages")))
    }
}

/// Everything of a `GetMetricData` but the page.
fn parameters(queries: &[MetricQuery], window: Window) -> Vec<(String, String)> {
    let mut parameters = vec![
        ("StartTime".to_owned(), window.start.to_string()),
        ("EndTime".to_owned(), window.end.to_string()),
        ("MaxDatapoints".to_owned(), POINTS.to_owned()),
    ];
    for (at, query) in queries.iter().enumerate() {
        let place = format!("MetricDataQueries.member.{}", at + 1);
        let metric = format!("{place}.MetricStat.Metric");
        parameters.extend([
            (format!("{place}.Id"), query.id.clone()),
            (format!("{place}.MetricStat.Stat"), query.statistic.to_string()),
            (format!("{place}.MetricStat.Period"), "60".to_owned()),
            (format!("{metric}.Namespace"), query.namespace.to_owned()),
            (format!("{metric}.MetricName"), query.metric.to_owned()),
        ]);
        for (at, (name, value)) in query.dimensions.iter().enumerate() {
            let dimension = format!("{metric}.Dimensions.member.{}", at + 1);
            parameters.push((format!("{dimension}.Name"), (*name).to_owned()));
            parameters.push((format!("{dimension}.Value"), value.clone()));
        }
    }
    parameters
}

/// The points of one result, and its status where that is not `Complete`.
fn page(data: Node<'_, '_>) -> Result<Series, PortError> {
    let no_number = || unreadable(GET_METRIC_DATA, &"a time or a value is none");
    let times: Vec<_> = xml::entries(data, "Timestamps").collect();
    let values: Vec<_> = xml::entries(data, "Values").collect();
    if times.len() != values.len() {
        return Err(unreadable(GET_METRIC_DATA, &"there are not as many times as values"));
    }
    let point = |(time, value): (&Node<'_, '_>, &Node<'_, '_>)| {
        let time = time.text()?.trim().parse::<Timestamp>().ok()?;
        let value = value.text()?.trim().parse::<f64>().ok()?;
        value.is_finite().then_some((time, value))
    };
    let points = times.iter().zip(&values).map(|pair| point(pair).ok_or_else(no_number));
    let status = xml::text(data, &["StatusCode"]).unwrap_or("no status");
    let missing = (status != "Complete").then(|| status.to_owned());
    Ok(Series { points: points.collect::<Result<_, _>>()?, missing })
}

fn alarm(entry: Node<'_, '_>) -> Option<(String, Alarm)> {
    // Older alarms lack the time of the transition; the update of the state is never before it.
    let since = ["StateTransitionedTimestamp", "StateUpdatedTimestamp"]
        .iter()
        .find_map(|name| xml::text(entry, &[name])?.parse().ok());
    let state = AlarmState::from(xml::text(entry, &["StateValue"])?);
    Some((xml::text(entry, &["AlarmName"])?.to_owned(), Alarm { state, since }))
}
