//! Every metric of the demo's account, as one JSON object a line.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use sandbox::{aws::cloudwatch::Point, stage::Stage};
use serde_json::{Value, json};

/// Writes what the sandbox's CloudWatch holds, and what the functions measured in their logs.
pub(crate) fn write(stage: &Stage, file: &Path) -> Result<()> {
    let mut points = stage.account.cloudwatch().points();
    for function in stage.template.functions().keys() {
        for line in stage.host.lambda.logs(function)? {
            points.extend(line.json().iter().flat_map(embedded));
        }
    }
    points.sort_by_key(|point| point.at);
    let mut text = String::new();
    for point in &points {
        let dimensions: BTreeMap<_, _> = point.dimensions.iter().cloned().collect();
        let line = json!({"namespace": point.namespace, "name": point.name, "dimensions": dimensions,
                          "at": point.at.as_millisecond(), "value": point.value});
        writeln!(text, "{line}")?;
    }
    fs::write(file, text).with_context(|| file.display().to_string())
}

/// The metrics of a line in the embedded metric format, as CloudWatch Logs takes them out.
fn embedded(line: &Value) -> Vec<Point> {
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    let at = line["_aws"]["Timestamp"].as_i64().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let names = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let dimensions = names(&directive["Dimensions"][0]).into_iter();
    let dimensions: Vec<_> =
        dimensions.filter_map(|name| Some((name.clone(), line[&name].as_str()?.to_owned()))).collect();
    let metrics = directive["Metrics"].as_array().into_iter().flatten();
    let point = |metric: &Value| {
        let name = metric["Name"].as_str()?.to_owned();
        let value = line[&name].as_f64()?;
        let namespace = directive["Namespace"].as_str()?.to_owned();
        Some(Point { namespace, name, dimensions: dimensions.clone(), at: at?, value })
    };
    metrics.filter_map(point).collect()
}
