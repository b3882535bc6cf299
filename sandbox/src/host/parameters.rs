//! Parameter values: what the test gives, else the default, checked against
//! the constraints that the template declares, so that a test cannot run with
//! a value that `CloudFormation` would refuse.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use regex_lite::Regex;
use serde_json::Value;

use super::node::{Node, scalar};

/// Reads the `Parameters` section. Lists (`CommaDelimitedList`, `List<…>`)
/// become arrays, all else is a string, as in `CloudFormation`.
pub(crate) fn read(
    declared: Option<Node<'_>>,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Value>> {
    let declared = declared.map(|node| node.entries()).transpose()?.unwrap_or_default();
    for name in given.keys() {
        if !declared.iter().any(|(declared, _)| declared == name) {
            bail!("Parameters.{name}: the template has no such parameter");
        }
    }
    declared
        .into_iter()
        .map(|(name, declaration)| Ok((name.to_owned(), value(name, &declaration, given.get(name))?)))
        .collect()
}

fn value(name: &str, declaration: &Node<'_>, given: Option<&String>) -> Result<Value> {
    let text = match (given, declaration.get("Default")) {
        (Some(given), _) => given.clone(),
        (None, Some(default)) => default.text()?,
        (None, None) => bail!("{}: has no default, and no value was given for {name}", declaration.path()),
    };
    let kind = declaration.require("Type")?.str()?;
    let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
    if !is_list {
        check(declaration, kind, &text)?;
        return Ok(Value::String(text));
    }
    let items: Vec<&str> = text.split(',').map(str::trim).collect();
    for item in &items {
        check(declaration, "String", item)?;
    }
    Ok(items.into())
}

fn check(declaration: &Node<'_>, kind: &str, text: &str) -> Result<()> {
    let refuse = |why: String| declaration.error(format_args!("{text:?} {why}"));
    if let Some(allowed) = declaration.get("AllowedValues") {
        let values: Vec<String> =
            allowed.value().as_array().map(|v| v.iter().filter_map(scalar).collect()).unwrap_or_default();
        if !values.iter().any(|value| value == text) {
            return Err(refuse(format!("is none of {values:?}")));
        }
    }
    if let Some(pattern) = declaration.get("AllowedPattern") {
        let source = pattern.str()?;
        let regex = Regex::new(&format!("^(?:{source})$"))
            .with_context(|| format!("{}: not a pattern", pattern.path()))?;
        if !regex.is_match(text) {
            return Err(refuse(format!("does not match {source}")));
        }
    }
    let length = text.chars().count();
    if let Some(least) = declaration.get("MinLength")
        && length < least.integer()?
    {
        return Err(refuse("is shorter than MinLength".into()));
    }
    if let Some(most) = declaration.get("MaxLength")
        && length > most.integer()?
    {
        return Err(refuse("is longer than MaxLength".into()));
    }
    if kind == "Number" {
        check_number(declaration, text)?;
    }
    Ok(())
}

fn check_number(declaration: &Node<'_>, text: &str) -> Result<()> {
    let refuse = |why: &str| declaration.error(format_args!("{text:?} {why}"));
    let number: f64 = text.parse().map_err(|_| refuse("is not a number"))?;
    let bound = |name: &str| -> Result<Option<f64>> {
        let text = declaration.get(name).map(|node| node.text()).transpose()?;
        text.map(|text| text.parse().with_context(|| format!("{}.{name}", declaration.path()))).transpose()
    };
    if bound("MinValue")?.is_some_and(|least| number < least) {
        return Err(refuse("is below MinValue"));
    }
    if bound("MaxValue")?.is_some_and(|most| number > most) {
        return Err(refuse("is above MaxValue"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(declaration: &Value, given: Option<&str>) -> Result<Value> {
        let declared = json!({ "P": declaration });
        let given = given.map(|value| ("P".to_owned(), value.to_owned())).into_iter().collect();
        Ok(read(Some(Node::new("Parameters", &declared)), &given)?["P"].clone())
    }

    #[test]
    fn values_and_defaults() {
        let rows = [
            (json!({"Type": "String", "Default": ""}), None, json!("")),
            (json!({"Type": "String", "Default": "a"}), Some("b"), json!("b")),
            (json!({"Type": "Number", "Default": 5}), None, json!("5")),
            (json!({"Type": "CommaDelimitedList", "Default": "a, b"}), None, json!(["a", "b"])),
            (json!({"Type": "String", "AllowedValues": ["off", "on"]}), Some("on"), json!("on")),
            (json!({"Type": "String", "AllowedPattern": "[0-9]+[smhd]"}), Some("10m"), json!("10m")),
        ];
        for (declaration, given, expected) in rows {
            assert_eq!(one(&declaration, given).unwrap(), expected, "{declaration}");
        }
    }

    #[test]
    fn refused_values_name_the_parameter() {
        let rows = [
            (json!({"Type": "String"}), None, "no default"),
            (json!({"Type": "String", "AllowedValues": ["off"]}), Some("on"), "none of"),
            (json!({"Type": "String", "AllowedPattern": "[0-9]+[smhd]"}), Some("10 m"), "does not match"),
            (json!({"Type": "Number"}), Some("x"), "not a number"),
            (json!({"Type": "Number", "MaxValue": 3}), Some("4"), "above MaxValue"),
            (json!({"Type": "Number", "MinValue": 3}), Some("2"), "below MinValue"),
            (json!({"Type": "String", "MinLength": 2}), Some("a"), "shorter"),
            (json!({"Type": "String", "MaxLength": 2}), Some("abc"), "longer"),
        ];
        for (declaration, given, expected) in rows {
            let error = one(&declaration, given).unwrap_err().to_string();
            assert!(error.starts_with("Parameters.P") && error.contains(expected), "{declaration}: {error}");
        }
    }

    #[test]
    fn a_value_for_no_parameter_is_refused() {
        let error = read(None, &BTreeMap::from([("Q".into(), "1".into())])).unwrap_err();
        assert_eq!(error.to_string(), "Parameters.Q: the template has no such parameter");
    }
}
