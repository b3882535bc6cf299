//! CloudWatch metrics, as far as a service's highest values and an endpoint's traffic go: `GetMetricData` for single metrics.

use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ec2::endpoints::EndpointSpec;
use super::error::ApiError;
use super::lock;
use super::protocol::Protocol;
use super::service::Service;

/// One value of a metric.
struct Point {
    namespace: String,
    name: String,
    dimensions: Vec<(String, String)>,
    at: Timestamp,
    value: f64,
}

/// CloudWatch for one account.
#[derive(Default)]
pub struct CloudWatch {
    points: Mutex<Vec<Point>>,
}

impl CloudWatch {
    /// Records a value of one of App Runner's metrics of a service, given by its ARN.
    pub fn put_service_metric(&self, service_arn: &str, name: &str, at: Timestamp, value: f64) {
        let mut parts = service_arn.rsplit('/').map(str::to_owned);
        let (id, service) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        lock(&self.points).push(Point {
            namespace: "AWS/AppRunner".to_owned(),
            name: name.to_owned(),
            dimensions: vec![("ServiceID".to_owned(), id), ("ServiceName".to_owned(), service)],
            at,
            value,
        });
    }

    /// Records a number of bytes that a VPC endpoint processed. AWS's names of these dimensions have blanks.
    pub fn put_endpoint_bytes(&self, endpoint: &EndpointSpec, at: Timestamp, bytes: f64) {
        let dimensions = [
            ("Endpoint Type", endpoint.kind.as_str()),
            ("Service Name", &endpoint.service),
            ("VPC Endpoint Id", &endpoint.id),
            ("VPC Id", &endpoint.vpc),
        ];
        lock(&self.points).push(Point {
            namespace: "AWS/PrivateLinkEndpoints".to_owned(),
            name: "BytesProcessed".to_owned(),
            dimensions: dimensions.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            at,
            value: bytes,
        });
    }

    fn metric_data(&self, input: &Value) -> Result<Value, ApiError> {
        let time = |name: &str| {
            let read = input[name].as_str().and_then(|text| text.parse::<Timestamp>().ok());
            read.ok_or_else(|| ApiError::refused("InvalidParameterValue", format!("{name} is not a time")))
        };
        let (start, end) = (time("StartTime")?, time("EndTime")?);
        let queries = input["MetricDataQueries"]["member"].as_array();
        let queries = queries.ok_or_else(|| {
            ApiError::refused("MissingParameter", "The parameter MetricDataQueries is required.")
        })?;
        let points = lock(&self.points);
        let results = queries.iter().map(|query| {
            let metric = &query["MetricStat"]["Metric"];
            let found =
                points.iter().filter(|point| is_of(point, metric) && point.at >= start && point.at < end);
            let (times, values): (Vec<_>, Vec<_>) =
                found.map(|point| (json!(point.at.to_string()), json!(point.value))).unzip();
            json!({
                "Id": query["Id"],
                "Label": metric["MetricName"],
                "StatusCode": "Complete",
                "Timestamps": { "member": times },
                "Values": { "member": values },
            })
        });
        Ok(json!({ "MetricDataResults": { "member": results.collect::<Vec<_>>() } }))
    }
}

/// Whether a value belongs to this metric: all dimensions, no others.
fn is_of(point: &Point, metric: &Value) -> bool {
    let dimensions = metric["Dimensions"]["member"].as_array();
    let mut asked: Vec<(&str, &str)> = dimensions
        .into_iter()
        .flatten()
        .filter_map(|dimension| Some((dimension["Name"].as_str()?, dimension["Value"].as_str()?)))
        .collect();
    asked.sort_unstable();
    point.namespace == metric["Namespace"]
        && point.name == metric["MetricName"]
        && asked.iter().copied().eq(point.dimensions.iter().map(|(k, v)| (k.as_str(), v.as_str())))
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
            _ => Err(ApiError::refused("InvalidAction", format!("Could not find operation {operation}"))),
        }
    }
}
