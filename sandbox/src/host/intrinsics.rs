//! Evaluates `CloudFormation`'s functions: `Ref`, `Fn::GetAtt`, `Fn::Sub`,
//! conditions and the list functions. What it does not know is an error that
//! names the path, never a value passed through unread.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value};

use super::node::scalar;
use super::resources::{Account, Resource};

/// How deep conditions may refer to each other; beyond it they form a circle.
const CONDITION_DEPTH: usize = 32;

/// All that a function may refer to.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) account: Account,
    pub(crate) parameters: BTreeMap<String, Value>,
    pub(crate) resources: BTreeMap<String, Resource>,
    pub(crate) conditions: Map<String, Value>,
    pub(crate) mappings: Value,
}

impl Scope {
    /// Replaces every function in `value`. A property whose value is
    /// `AWS::NoValue` disappears.
    pub(crate) fn resolve(&self, path: &str, value: &Value) -> Result<Value> {
        Ok(self.evaluate(path, value)?.unwrap_or(Value::Null))
    }

    /// Whether the condition holds.
    pub(crate) fn condition(&self, name: &str) -> Result<bool> {
        self.condition_at(name, 0)
    }

    fn condition_at(&self, name: &str, depth: usize) -> Result<bool> {
        if depth > CONDITION_DEPTH {
            bail!("Conditions.{name}: refers to itself");
        }
        let value = self.conditions.get(name).ok_or_else(|| anyhow!("Conditions.{name}: is not declared"))?;
        self.truth(&format!("Conditions.{name}"), value, depth)
    }

    fn truth(&self, path: &str, value: &Value, depth: usize) -> Result<bool> {
        let Some((name, argument)) = single_entry(value) else {
            return scalar(value)
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| anyhow!("{path}: is not a condition"));
        };
        let operands = || -> Result<Vec<bool>> {
            let list = argument.as_array().ok_or_else(|| anyhow!("{path}.{name}: must be a list"))?;
            list.iter().map(|item| self.truth(path, item, depth)).collect()
        };
        match name {
            "Condition" => self.condition_at(&string(path, argument)?, depth + 1),
            "Fn::Not" => match operands()?.as_slice() {
                [operand] => Ok(!operand),
                _ => bail!("{path}.Fn::Not: takes one condition"),
            },
            "Fn::And" => Ok(operands()?.into_iter().all(|operand| operand)),
            "Fn::Or" => Ok(operands()?.into_iter().any(|operand| operand)),
            "Fn::Equals" => {
                let [left, right] = self.arguments(path, name, argument)?;
                Ok(scalar(&left).unwrap_or_else(|| left.to_string())
                    == scalar(&right).unwrap_or_else(|| right.to_string()))
            }
            other => bail!("{path}: {other} is not a condition"),
        }
    }

    fn evaluate(&self, path: &str, value: &Value) -> Result<Option<Value>> {
        if let Some((name, argument)) = single_entry(value)
            && (name == "Ref" || name.starts_with("Fn::"))
        {
            return self.call(path, name, argument);
        }
        Ok(Some(match value {
            Value::Array(items) => {
                let mut kept = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    kept.extend(self.evaluate(&format!("{path}[{index}]"), item)?);
                }
                Value::Array(kept)
            }
            Value::Object(entries) => {
                let mut kept = Map::new();
                for (key, item) in entries {
                    if let Some(item) = self.evaluate(&format!("{path}.{key}"), item)? {
                        kept.insert(key.clone(), item);
                    }
                }
                Value::Object(kept)
            }
            plain => plain.clone(),
        }))
    }

    fn call(&self, path: &str, name: &str, argument: &Value) -> Result<Option<Value>> {
        Ok(Some(match name {
            "Ref" => return self.reference(path, &string(path, argument)?),
            "Fn::If" => {
                let branches = argument.as_array().map(Vec::as_slice);
                let Some([condition, then, otherwise]) = branches else {
                    bail!("{path}.Fn::If: takes a condition and two values");
                };
                let holds = self.condition(&string(path, condition)?).with_context(|| path.to_owned())?;
                return self.evaluate(path, if holds { then } else { otherwise });
            }
            "Fn::GetAtt" => self.attribute(path, &dotted(path, argument)?)?.into(),
            "Fn::Sub" => self.substitute(path, argument)?.into(),
            "Fn::Join" => {
                let [separator, items] = self.arguments(path, name, argument)?;
                strings(path, &items)?.join(&string(path, &separator)?).into()
            }
            "Fn::Split" => {
                let [separator, text] = self.arguments(path, name, argument)?;
                let (separator, text) = (string(path, &separator)?, string(path, &text)?);
                text.split(separator.as_str()).collect::<Vec<_>>().into()
            }
            "Fn::Select" => {
                let [index, items] = self.arguments(path, name, argument)?;
                let index: usize = string(path, &index)?.parse().with_context(|| path.to_owned())?;
                let items = items.as_array().ok_or_else(|| anyhow!("{path}.{name}: needs a list"))?;
                items.get(index).cloned().ok_or_else(|| anyhow!("{path}.{name}: no element {index}"))?
            }
            "Fn::FindInMap" => {
                let [map, first, second] = self.arguments(path, name, argument)?;
                let (map, first, second) =
                    (string(path, &map)?, string(path, &first)?, string(path, &second)?);
                let found = self.mappings.get(&map).and_then(|m| m.get(&first)?.get(&second));
                found.cloned().ok_or_else(|| anyhow!("{path}: Mappings.{map}.{first}.{second} is missing"))?
            }
            "Fn::ToJsonString" => self.resolve(path, argument)?.to_string().into(),
            other => bail!("{path}: this host does not evaluate {other}"),
        }))
    }

    /// The evaluated arguments of a function that takes exactly `N`.
    fn arguments<const N: usize>(&self, path: &str, name: &str, argument: &Value) -> Result<[Value; N]> {
        let list = argument.as_array().ok_or_else(|| anyhow!("{path}.{name}: must be a list"))?;
        let values = list.iter().map(|item| self.resolve(path, item)).collect::<Result<Vec<_>>>()?;
        values.try_into().map_err(|_| anyhow!("{path}.{name}: takes {N} arguments"))
    }

    fn reference(&self, path: &str, name: &str) -> Result<Option<Value>> {
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        let value = self
            .account
            .pseudo_parameter(name)
            .or_else(|| self.parameters.get(name).cloned())
            .or_else(|| Some(self.resources.get(name)?.reference(&self.account).into()));
        value.map(Some).ok_or_else(|| anyhow!("{path}: {name} is no parameter and no resource of this stack"))
    }

    fn attribute(&self, path: &str, target: &str) -> Result<String> {
        let (name, attribute) =
            target.split_once('.').ok_or_else(|| anyhow!("{path}: {target} names no attribute"))?;
        let resource =
            self.resources.get(name).ok_or_else(|| anyhow!("{path}: {name} is no resource of this stack"))?;
        resource.attribute(&self.account, attribute).with_context(|| format!("{path}: {target}"))
    }

    fn substitute(&self, path: &str, argument: &Value) -> Result<String> {
        let (text, own) = match argument {
            Value::Array(parts) => match parts.as_slice() {
                [text, Value::Object(own)] => (string(path, text)?, own.clone()),
                _ => bail!("{path}.Fn::Sub: takes a string and a map"),
            },
            text => (string(path, text)?, Map::new()),
        };
        let mut result = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) =
                after.split_once('}').ok_or_else(|| anyhow!("{path}.Fn::Sub: a ${{ is not closed"))?;
            result.push_str(before);
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                result.extend(["${", literal, "}"]);
            } else if let Some(value) = own.get(name) {
                result.push_str(&string(path, &self.resolve(path, value)?)?);
            } else if name.contains('.') {
                result.push_str(&self.attribute(path, name)?);
            } else {
                let value = self.reference(path, name)?.unwrap_or(Value::Null);
                result.push_str(&string(&format!("{path}: ${{{name}}}"), &value)?);
            }
        }
        result.push_str(rest);
        Ok(result)
    }
}

/// The only entry of a map that has one.
fn single_entry(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(name, argument)| (name.as_str(), argument))
}

fn string(path: &str, value: &Value) -> Result<String> {
    scalar(value).ok_or_else(|| anyhow!("{path}: {value} is not a string"))
}

fn strings(path: &str, value: &Value) -> Result<Vec<String>> {
    let items = value.as_array().ok_or_else(|| anyhow!("{path}: {value} is not a list"))?;
    items.iter().map(|item| string(path, item)).collect()
}

/// `Fn::GetAtt` takes `A.Arn` or `["A", "Arn"]`.
fn dotted(path: &str, argument: &Value) -> Result<String> {
    if argument.is_array() { Ok(strings(path, argument)?.join(".")) } else { string(path, argument) }
}
