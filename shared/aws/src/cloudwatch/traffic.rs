//! What VPC endpoints processed: the metric `BytesProcessed` of `AWS/PrivateLinkEndpoints`.
//!
//! Source: guide of `PrivateLink`, "CloudWatch metrics"; the names of its dimensions have blanks.
//! An endpoint without traffic publishes nothing, so silence means none. That makes an answer that is not whole
//! dangerous: every query must have its result, and every result must be complete.

use std::collections::BTreeMap;

use autopilot::{
    error::PortError,
    leftovers::Endpoint,
    ports::{TrafficRead, Window},
};

use super::{CloudWatch, GET_METRIC_DATA};
use crate::narrow::{unreadable, xml};

/// `GetMetricData` takes so many queries.
const QUERIES: usize = 500;

/// Values of an hour are kept for 455 days; finer ones only for 15 or 63.
const PERIOD: &str = "3600";

/// Pages read of one answer.
const PAGES: usize = 20;

/// What was found of one query.
#[derive(Clone, Copy, Default)]
struct Found {
    sum: f64,
    complete: bool,
}

impl TrafficRead for CloudWatch {
    async fn bytes_processed(
        &self,
        endpoints: &[&Endpoint],
        window: Window,
    ) -> Result<BTreeMap<String, f64>, PortError> {
        let mut bytes = BTreeMap::new();
        for chunk in endpoints.chunks(QUERIES) {
            bytes.extend(self.bytes_of(chunk, window).await?);
        }
        Ok(bytes)
    }
}

impl CloudWatch {
    async fn bytes_of(
        &self,
        endpoints: &[&Endpoint],
        window: Window,
    ) -> Result<Vec<(String, f64)>, PortError> {
        // The hour in which the window begins counts whole: rather too much traffic is seen than too little.
        let hour = window.start.as_second().div_euclid(3_600) * 3_600;
        let start = jiff::Timestamp::from_second(hour).unwrap_or(window.start).to_string();
        let end = window.end.to_string();
        let ids: Vec<String> = (0..endpoints.len()).map(|at| format!("e{at}")).collect();
        let mut asked = vec![("StartTime".to_owned(), start.as_str()), ("EndTime".to_owned(), end.as_str())];
        for (at, (endpoint, id)) in endpoints.iter().zip(&ids).enumerate() {
            asked.extend(query(at + 1, id, endpoint));
        }
        let mut found: BTreeMap<&str, Found> = BTreeMap::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let mut page = asked.clone();
            page.extend(token.as_deref().map(|token| ("NextToken".to_owned(), token)));
            let answer = self.narrow.query(GET_METRIC_DATA, &page).await?;
            token = read(&answer, &ids, &mut found)?;
            if token.is_none() {
                break;
            }
        }
        if token.is_some() || found.len() < ids.len() || found.values().any(|found| !found.complete) {
            return Err(unreadable(GET_METRIC_DATA, &"it is not complete"));
        }
        let sum = |id: &String| found.get(id.as_str()).map_or(f64::INFINITY, |found| found.sum);
        Ok(endpoints.iter().zip(&ids).map(|(endpoint, id)| (endpoint.id.clone(), sum(id))).collect())
    }
}

fn query<'a>(number: usize, id: &'a str, endpoint: &'a Endpoint) -> Vec<(String, &'a str)> {
    let query = format!("MetricDataQueries.member.{number}");
    let metric = format!("{query}.MetricStat.Metric");
    let mut parameters = vec![
        (format!("{query}.Id"), id),
        (format!("{query}.MetricStat.Stat"), "Sum"),
        (format!("{query}.MetricStat.Period"), PERIOD),
        (format!("{metric}.Namespace"), "AWS/PrivateLinkEndpoints"),
        (format!("{metric}.MetricName"), "BytesProcessed"),
    ];
    let dimensions = [
        ("Endpoint Type", endpoint.kind.as_str()),
        ("Service Name", &endpoint.service_name),
        ("VPC Endpoint Id", &endpoint.id),
        ("VPC Id", &endpoint.vpc),
    ];
    for (at, (name, value)) in dimensions.into_iter().enumerate() {
        let dimension = format!("{metric}.Dimensions.member.{}", at + 1);
        parameters.extend([(format!("{dimension}.Name"), name), (format!("{dimension}.Value"), value)]);
    }
    parameters
}

/// Adds a page to what was found; gives the token of the next one.
fn read<'a>(
    answer: &str,
    ids: &'a [String],
    found: &mut BTreeMap<&'a str, Found>,
) -> Result<Option<String>, PortError> {
    let document = xml::parse(answer).map_err(|error| unreadable(GET_METRIC_DATA, &error))?;
    let result = xml::child(document.root_element(), "GetMetricDataResult")
        .ok_or_else(|| unreadable(GET_METRIC_DATA, &xml::Unreadable::Missing("result")))?;
    for data in xml::entries(result, "MetricDataResults") {
        let Some(id) = ids.iter().find(|known| Some(known.as_str()) == xml::text(data, &["Id"])) else {
            continue;
        };
        let of_endpoint = found.entry(id).or_default();
        for value in xml::entries(data, "Values") {
            let number = value.text().and_then(|text| text.trim().parse::<f64>().ok());
            // A value that is no number is no proof of silence.
            of_endpoint.sum += number.filter(|number| number.is_finite()).unwrap_or(f64::INFINITY);
        }
        of_endpoint.complete = xml::text(data, &["StatusCode"]) == Some("Complete");
    }
    Ok(xml::text(result, &["NextToken"]).map(str::to_owned))
}
