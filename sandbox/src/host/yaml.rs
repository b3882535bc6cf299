//! Reads YAML as `CloudFormation` does: short tags (`!Ref X`) become their long
//! form (`{"Ref": "X"}`), so that everything after this module sees plain JSON.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Number, Value};
use serde_norway::Value as Yaml;

/// Short tags and the long form of each.
const TAGS: &[(&str, &str)] = &[
    ("!Ref", "Ref"),
    ("!Condition", "Condition"),
    ("!And", "Fn::And"),
    ("!Base64", "Fn::Base64"),
    ("!Equals", "Fn::Equals"),
    ("!FindInMap", "Fn::FindInMap"),
    ("!GetAZs", "Fn::GetAZs"),
    ("!GetAtt", "Fn::GetAtt"),
    ("!If", "Fn::If"),
    ("!ImportValue", "Fn::ImportValue"),
    ("!Join", "Fn::Join"),
    ("!Not", "Fn::Not"),
    ("!Or", "Fn::Or"),
    ("!Select", "Fn::Select"),
    ("!Split", "Fn::Split"),
    ("!Sub", "Fn::Sub"),
    ("!ToJsonString", "Fn::ToJsonString"),
];

/// Words that YAML 1.1, which `CloudFormation` and SAM speak, reads as booleans
/// while the parser used here keeps them as strings.
const YAML_1_1_BOOLEANS: &[&str] = &["on", "off", "yes", "no"];

/// Parses the text of a template.
pub(crate) fn read(text: &str) -> Result<Value> {
    refuse_yaml_1_1_booleans(text)?;
    let yaml: Yaml = serde_norway::from_str(text).context("the template is not YAML")?;
    convert("template", yaml)
}

/// An unquoted `on` would be `true` in the account and `"on"` here.
fn refuse_yaml_1_1_booleans(text: &str) -> Result<()> {
    for (index, line) in text.lines().enumerate() {
        let code = line.split(" #").next().unwrap_or_default().trim();
        let value = code.split_once(": ").or_else(|| code.split_once("- ")).map_or("", |(_, value)| value);
        let items = value.trim().trim_start_matches('[').trim_end_matches(']').split(',');
        let key = code.split_once(':').map(|(key, _)| key);
        for item in items.chain(key).map(|item| item.trim().to_ascii_lowercase()) {
            if YAML_1_1_BOOLEANS.contains(&item.as_str()) {
                bail!("template line {}: `{item}` is a boolean in YAML 1.1; quote it", index + 1);
            }
        }
    }
    Ok(())
}

fn convert(path: &str, yaml: Yaml) -> Result<Value> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::Number(number) => Value::Number(convert_number(path, &number)?),
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => {
            let items = items.into_iter().enumerate();
            Value::Array(
                items.map(|(i, item)| convert(&format!("{path}[{i}]"), item)).collect::<Result<_>>()?,
            )
        }
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let key = convert_key(path, key)?;
                let value = convert(&format!("{path}.{key}"), value)?;
                object.insert(key, value);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let (_, long) = TAGS
                .iter()
                .find(|(short, _)| *short == tag)
                .ok_or_else(|| anyhow!("{path}: {tag} is not a function that this host knows"))?;
            let argument = convert(&format!("{path}.{long}"), tagged.value)?;
            Value::Object(Map::from_iter([((*long).to_owned(), argument)]))
        }
    })
}

fn convert_number(path: &str, number: &serde_norway::Number) -> Result<Number> {
    number
        .as_i64()
        .map(Number::from)
        .or_else(|| number.as_u64().map(Number::from))
        .or_else(|| number.as_f64().and_then(Number::from_f64))
        .ok_or_else(|| anyhow!("{path}: {number} is not a number of JSON"))
}

fn convert_key(path: &str, key: Yaml) -> Result<String> {
    match key {
        Yaml::String(key) => Ok(key),
        Yaml::Number(key) => Ok(key.to_string()),
        other => bail!("{path}: {other:?} cannot be a key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_tags_become_long_forms() {
        let read =
            read("a: !If [C, !Ref X, !GetAtt Y.Arn]\nb: !Sub '${X}'\nc:\n  Fn::Join: ['-', [1, true]]")
                .unwrap();
        let expected = json!({
            "a": {"Fn::If": ["C", {"Ref": "X"}, {"Fn::GetAtt": "Y.Arn"}]},
            "b": {"Fn::Sub": "${X}"},
            "c": {"Fn::Join": ["-", [1, true]]},
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn an_unknown_tag_is_refused_with_its_path() {
        let error = read("a:\n  b: [1, !Frob x]").unwrap_err().to_string();
        assert_eq!(error, "template.a.b[1]: !Frob is not a function that this host knows");
    }

    #[test]
    fn unquoted_on_and_off_are_refused() {
        for text in ["a: on", "a:\n  - off", "a: [dry-run, on]", "a: Yes # really", "on:\n  push: 1", "No: x"]
        {
            assert!(read(text).unwrap_err().to_string().contains("quote it"), "{text}");
        }
        assert_eq!(
            read("a: 'on'\nb: [dry-run, \"off\"]").unwrap(),
            json!({"a": "on", "b": ["dry-run", "off"]})
        );
    }

    #[test]
    fn a_repeated_key_is_refused() {
        assert!(read("a: 1\na: 2").is_err());
    }
}
