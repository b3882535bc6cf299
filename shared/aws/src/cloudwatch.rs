//! CloudWatch metrics, over the narrow client: one call for all that a diagnosis asks. What passes through VPC
//! endpoints: [`traffic`].

mod traffic;

use autopilot::{
    error::PortError,
    evidence::Metrics,
    ports::{MetricsRead, Window},
    service::ServiceArn,
};
use aws_config::SdkConfig;
use jiff::SignedDuration;

use crate::narrow::{Api, Narrow, Protocol, unreadable, xml};

const CLOUDWATCH: Api = Api {
    id: "CloudWatch",
    signing_name: "monitoring",
    host: "monitoring",
    global: false,
    protocol: Protocol::Query { version: "2010-08-01" },
};

const GET_METRIC_DATA: &str = "cloudwatch:GetMetricData";

/// Name and statistic of each metric (guide, "Viewing App Runner service metrics").
const METRICS: [(&str, &str); 8] = [
    ("MemoryUtilization", "Maximum"),
    ("CPUUtilization", "Maximum"),
    ("Concurrency", "Maximum"),
    ("ActiveInstances", "Maximum"),
    ("RequestLatency", "Maximum"),
    ("Requests", "Sum"),
    ("4xxStatusResponses", "Sum"),
    ("5xxStatusResponses", "Sum"),
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
        let start = (window.start - SignedDuration::from_secs(60)).to_string();
        let end = window.end.to_string();
        let mut parameters =
            vec![("StartTime".to_owned(), start.as_str()), ("EndTime".to_owned(), end.as_str())];
        let ids: Vec<String> = (0..METRICS.len()).map(|at| format!("m{at}")).collect();
        for (at, ((name, statistic), id)) in METRICS.iter().zip(&ids).enumerate() {
            let query = format!("MetricDataQueries.member.{}", at + 1);
            let metric = format!("{query}.MetricStat.Metric");
            parameters.extend([
                (format!("{query}.Id"), id.as_str()),
                (format!("{query}.MetricStat.Stat"), *statistic),
                (format!("{query}.MetricStat.Period"), "60"),
                (format!("{metric}.Namespace"), "AWS/AppRunner"),
                (format!("{metric}.MetricName"), *name),
                (format!("{metric}.Dimensions.member.1.Name"), "ServiceName"),
                (format!("{metric}.Dimensions.member.1.Value"), service.name()),
                (format!("{metric}.Dimensions.member.2.Name"), "ServiceID"),
                (format!("{metric}.Dimensions.member.2.Value"), service.id()),
            ]);
        }
        let answer = self.narrow.query(GET_METRIC_DATA, &parameters).await?;
        let document = xml::parse(&answer).map_err(|error| unreadable(GET_METRIC_DATA, &error))?;
        let result = xml::child(document.root_element(), "GetMetricDataResult")
            .ok_or_else(|| unreadable(GET_METRIC_DATA, &xml::Unreadable::Missing("result")))?;
        let mut metrics = Metrics::default();
        for data in xml::entries(result, "MetricDataResults") {
            let id = xml::text(data, &["Id"]);
            let name = ids.iter().position(|known| Some(known.as_str()) == id).map(|at| METRICS[at].0);
            let values = xml::entries(data, "Values").filter_map(|v| v.text()?.trim().parse::<f64>().ok());
            let highest = values.filter(|value| value.is_finite()).reduce(f64::max);
            metrics.0.extend(name.zip(highest).map(|(name, highest)| (name.to_owned(), highest)));
        }
        Ok(metrics)
    }
}
