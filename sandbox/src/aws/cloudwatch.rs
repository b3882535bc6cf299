//! CloudWatch: metrics of any namespace (`GetMetricData` without expressions) and [`alarms`].

pub mod alarms;
mod statistics;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::bus::Bus;
use super::clock::Clock;
use super::ec2::endpoints::EndpointSpec;
use super::error::ApiError;
use super::lock;
use super::paging::page;
use super::protocol::Protocol;
use super::service::Service;

/// Queries of one request.
const QUERIES: usize = 500;

/// A metric: namespace, name, and all of its dimensions in order.
type Metric = (String, String, Vec<(String, String)>);

/// One value of a metric.
#[derive(Clone, Debug)]
pub struct Point {
    /// For example `AWS/AppRunner`.
    pub namespace: String,
    /// For example `5xxStatusResponses`.
    pub name: String,
    /// Name and value of each dimension, sorted.
    pub dimensions: Vec<(String, String)>,
    /// When it was measured.
    pub at: Timestamp,
    /// The value.
    pub value: f64,
}

/// CloudWatch for one account.
pub struct CloudWatch {
    account: String,
    region: String,
    bus: Arc<Bus>,
    clock: Clock,
    /// The values of each metric, in the order in which they came.
    points: Mutex<BTreeMap<Metric, Vec<(Timestamp, f64)>>>,
    page_size: Mutex<usize>,
    alarms: Mutex<Vec<alarms::Alarm>>,
}

impl CloudWatch {
    pub(crate) fn new(account: &str, region: &str, bus: Arc<Bus>, clock: Clock) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            bus,
            clock,
            points: Mutex::default(),
            page_size: Mutex::new(QUERIES),
            alarms: Mutex::default(),
        }
    }

    /// Records one value of a metric. Several in one period are several samples of it.
    pub fn put_metric(
        &self,
        namespace: &str,
        name: &str,
        dimensions: &[(&str, &str)],
        at: Timestamp,
        value: f64,
    ) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut dimensions: Vec<_> = dimensions.iter().map(owned).collect();
        dimensions.sort_unstable();
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        lock(&self.points).entry((namespace, name, dimensions)).or_default().push((at, value));
    }

    /// Records a value of one of an Application Load Balancer's metrics, of the load balancer as a whole or of one of
    /// its target groups, given by their ARNs.
    pub fn put_balancer_metric(
        &self,
        load_balancer: &str,
        target_group: Option<&str>,
        name: &str,
        at: Timestamp,
        value: f64,
    ) {
        // arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/shop/1 is app/shop/1.
        let of_arn = |arn: &str| arn.splitn(6, ':').nth(5).unwrap_or_default().to_owned();
        let load_balancer = of_arn(load_balancer).trim_start_matches("loadbalancer/").to_owned();
        let target_group = target_group.map(of_arn);
        let mut dimensions = vec![("LoadBalancer", load_balancer.as_str())];
        dimensions.extend(target_group.as_deref().map(|group| ("TargetGroup", group)));
        self.put_metric("AWS/ApplicationELB", name, &dimensions, at, value);
    }

    /// Every value that was recorded.
    pub fn points(&self) -> Vec<Point> {
        let points = lock(&self.points);
        let of_metric = |((namespace, name, dimensions), values): (&Metric, &Vec<(Timestamp, f64)>)| {
            let point = |(at, value): &(Timestamp, f64)| Point {
                namespace: namespace.clone(),
                name: name.clone(),
                dimensions: dimensions.clone(),
                at: *at,
                value: *value,
            };
            values.iter().map(point).collect::<Vec<_>>()
        };
        points.iter().flat_map(of_metric).collect()
    }

    /// Answers `GetMetricData` with so many series a page.
    pub fn set_page_size(&self, size: usize) {
        *lock(&self.page_size) = size;
    }

    /// Records a value of one of App Runner's metrics of a service, given by its ARN.
    pub fn put_service_metric(&self, service_arn: &str, name: &str, at: Timestamp, value: f64) {
        let mut parts = service_arn.rsplit('/').map(str::to_owned);
        let (id, service) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        self.put_metric("AWS/AppRunner", name, &[("ServiceID", &id), ("ServiceName", &service)], at, value);
    }

    /// Records a number of bytes that a VPC endpoint processed. AWS's names of these dimensions have blanks.
    pub fn put_endpoint_bytes(&self, endpoint: &EndpointSpec, at: Timestamp, bytes: f64) {
        let dimensions = [
            ("Endpoint Type", endpoint.kind.as_str()),
            ("Service Name", &endpoint.service),
            ("VPC Endpoint Id", &endpoint.id),
            ("VPC Id", &endpoint.vpc),
        ];
        self.put_metric("AWS/PrivateLinkEndpoints", "BytesProcessed", &dimensions, at, bytes);
    }

    fn metric_data(&self, input: &Value) -> Result<Value, ApiError> {
        let time = |name: &str| {
            let read = input[name].as_str().and_then(|text| text.parse::<Timestamp>().ok());
            read.ok_or_else(|| ApiError::refused("InvalidParameterValue", format!("{name} is not a time")))
        };
        let window = (time("StartTime")?, time("EndTime")?);
        if window.0 >= window.1 {
            return Err(ApiError::refused(
                "ValidationError",
                "The parameter StartTime must be less than EndTime.",
            ));
        }
        let queries = input["MetricDataQueries"]["member"].as_array();
        let queries = queries.ok_or_else(|| {
            ApiError::refused("MissingParameter", "The parameter MetricDataQueries is required.")
        })?;
        if queries.len() > QUERIES {
            return Err(ApiError::refused(
                "ValidationError",
                "The collection MetricDataQueries must not have a size greater than 500.",
            ));
        }
        let newest_first = input["ScanBy"].as_str() != Some("TimestampAscending");
        let results = queries.iter().map(|query| self.series(query, window, newest_first));
        let results = results.collect::<Result<Vec<_>, ApiError>>()?;
        let bad_token = || ApiError::refused("InvalidNextToken", "The next token is not valid");
        let page = page(results, *lock(&self.page_size), input["NextToken"].as_str(), bad_token)?;
        Ok(json!({ "MetricDataResults": { "member": page.items }, "NextToken": page.next }))
    }

    fn series(
        &self,
        query: &Value,
        (start, end): (Timestamp, Timestamp),
        newest_first: bool,
    ) -> Result<Value, ApiError> {
        let refuse = |problem: String| ApiError::refused("ValidationError", problem);
        let (asked, metric) = (&query["MetricStat"], &query["MetricStat"]["Metric"]);
        let period = asked["Period"].as_str().and_then(|text| text.parse::<i64>().ok());
        let period = period.filter(|period| *period > 0 && period % 60 == 0).ok_or_else(|| {
            refuse("The sandbox wants MetricStat with a Period that is a multiple of 60.".to_owned())
        })?;
        let points = lock(&self.points);
        let start = statistics::start_of(start, period);
        let of_metric = points.get(&asked_for(metric)).map(Vec::as_slice).unwrap_or_default();
        let values = of_metric.iter().copied().filter(|(at, _)| *at >= start && *at < end);
        let statistic = asked["Stat"].as_str().unwrap_or_default();
        let mut periods = statistics::by_period(values, period, statistic)
            .ok_or_else(|| refuse(format!("The value {statistic} for parameter Stat is not supported.")))?;
        if newest_first {
            periods.reverse();
        }
        let (times, values): (Vec<_>, Vec<_>) =
            periods.into_iter().map(|(at, value)| (json!(at.to_string()), json!(value))).unzip();
        Ok(json!({
            "Id": query["Id"],
            "Label": metric["MetricName"],
            "StatusCode": "Complete",
            "Timestamps": { "member": times },
            "Values": { "member": values },
        }))
    }
}

/// The metric that a query names: all dimensions, no others.
fn asked_for(metric: &Value) -> Metric {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let dimensions = metric["Dimensions"]["member"].as_array().into_iter().flatten();
    let mut dimensions: Vec<_> =
        dimensions.map(|dimension| (text(&dimension["Name"]), text(&dimension["Value"]))).collect();
    dimensions.sort_unstable();
    (text(&metric["Namespace"]), text(&metric["MetricName"]), dimensions)
}

impl Service for CloudWatch {
    fn name(&self) -> &'static str {
        "cloudwatch"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Query {
            signing_name: "monitoring",
            namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
        }
    }

    fn server_error(&self) -> &'static str {
        "InternalServiceError"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        match operation {
            "GetMetricData" => self.metric_data(input),
            "DescribeAlarms" => self.describe_alarms(input),
            _ => Err(ApiError::refused("InvalidAction", format!("Could not find operation {operation}"))),
        }
    }
}
