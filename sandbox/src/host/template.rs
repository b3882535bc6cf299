//! Reads `template.yaml` as the account would after a deployment: parameters,
//! conditions and functions evaluated, Globals merged, each function with its
//! settings and with all that invokes it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value};

use super::function::{self, Function};
use super::intrinsics::Scope;
use super::node::Node;
use super::resources::{Account, Resource, name_property};
use super::{parameters, yaml};

/// Resources that route events to functions outside a function's own `Events`.
/// This host would silently ignore them, so it refuses them.
const UNREAD_SOURCES: &[&str] = &[
    "AWS::Events::Rule",
    "AWS::Scheduler::Schedule",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
];

/// A template, read for one account with one set of parameters.
#[derive(Clone, Debug)]
pub struct Template {
    scope: Scope,
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
    functions: BTreeMap<String, Function>,
}

impl Template {
    /// Reads a template file for the default account.
    pub fn read(path: &Path, parameters: &BTreeMap<String, String>) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text, Account::default(), parameters).with_context(|| path.display().to_string())
    }

    /// The template as if it had only these functions; all of them where none is named.
    pub(crate) fn with_functions(&self, names: &[String]) -> Result<Self> {
        let mut template = self.clone();
        if let Some(missing) = names.iter().find(|name| !self.functions.contains_key(*name)) {
            bail!("the template has no function {missing}");
        }
        template.functions.retain(|name, _| names.is_empty() || names.contains(name));
        Ok(template)
    }

    /// Reads the text of a template. `parameters` override the defaults.
    pub fn parse(text: &str, account: Account, parameters: &BTreeMap<String, String>) -> Result<Self> {
        let document = yaml::read(text)?;
        let section = |name: &str| document.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let declared = document.get("Parameters").map(|value| Node::new("Parameters", value));
        let mut scope = Scope {
            account,
            parameters: parameters::read(declared, parameters)?,
            resources: BTreeMap::new(),
            conditions: section("Conditions"),
            mappings: document.get("Mappings").cloned().unwrap_or_default(),
        };
        for name in scope.conditions.keys() {
            scope.condition(name)?;
        }
        let globals = document.get("Globals").and_then(|globals| globals.get("Function"));
        let resources = existing_resources(&scope, section("Resources"), globals)?;
        scope.resources = name_resources(&mut scope, &resources)?;
        let mut functions = BTreeMap::new();
        for (id, resource) in &resources {
            let node = Node::new(format!("Resources.{id}"), resource);
            let kind = node.require("Type")?;
            if kind.str()? == "AWS::Serverless::Function" {
                functions.insert(id.clone(), function::read(&scope, id, &node)?);
            } else if UNREAD_SOURCES.contains(&kind.str()?) {
                return Err(kind.error("this host reads the Events and EventInvokeConfig of functions only"));
            }
        }
        Ok(Self { scope, resources, outputs: section("Outputs"), functions })
    }

    /// The functions by logical ID.
    pub fn functions(&self) -> &BTreeMap<String, Function> {
        &self.functions
    }

    /// One function.
    pub fn function(&self, logical_id: &str) -> Result<&Function> {
        self.functions.get(logical_id).ok_or_else(|| anyhow!("the template has no function {logical_id}"))
    }

    /// The account that the template was read for.
    pub fn account(&self) -> &Account {
        &self.scope.account
    }

    /// Every resource that exists, by logical ID, with what SAM makes beside
    /// functions: roles, rules and schedules.
    pub fn resources(&self) -> &BTreeMap<String, Resource> {
        &self.scope.resources
    }

    /// What `Ref` gives for a parameter or resource.
    pub fn reference(&self, name: &str) -> Result<Value> {
        self.scope.resolve(name, &serde_json::json!({ "Ref": name }))
    }

    /// What `Fn::GetAtt` gives.
    pub fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value> {
        self.scope.resolve(logical_id, &serde_json::json!({ "Fn::GetAtt": [logical_id, attribute] }))
    }

    /// A resource's properties with every function evaluated; null for what
    /// SAM makes beside a function.
    pub fn properties(&self, logical_id: &str) -> Result<Value> {
        if !self.scope.resources.contains_key(logical_id) {
            bail!("the template has no resource {logical_id}");
        }
        let properties = self.resources.get(logical_id).and_then(|resource| resource.get("Properties"));
        self.scope.resolve(&format!("Resources.{logical_id}.Properties"), properties.unwrap_or(&Value::Null))
    }

    /// The value of an output.
    pub fn output(&self, name: &str) -> Result<Value> {
        let output = self.outputs.get(name).and_then(|output| output.get("Value"));
        let output = output.ok_or_else(|| anyhow!("the template has no output {name}"))?;
        self.scope.resolve(&format!("Outputs.{name}.Value"), output)
    }
}

/// The resources whose condition holds, functions with the Globals merged.
fn existing_resources(
    scope: &Scope,
    declared: Map<String, Value>,
    globals: Option<&Value>,
) -> Result<Map<String, Value>> {
    let mut existing = Map::new();
    for (id, mut resource) in declared {
        let node = Node::new(format!("Resources.{id}"), &resource);
        let is_function = node.require("Type")?.str()? == "AWS::Serverless::Function";
        if let Some(condition) = node.get("Condition")
            && !scope.condition(condition.str()?)?
        {
            continue;
        }
        if let (true, Some(globals)) = (is_function, globals) {
            let own = resource.get("Properties").cloned().unwrap_or_default();
            resource["Properties"] = merge(globals.clone(), own);
        }
        existing.insert(id, resource);
    }
    Ok(existing)
}

/// SAM's rule: maps merge, lists are joined with the global part first,
/// anything else the function's own value replaces.
fn merge(global: Value, own: Value) -> Value {
    match (global, own) {
        (global, Value::Null) => global,
        (Value::Object(mut global), Value::Object(own)) => {
            for (key, value) in own {
                let merged = merge(global.remove(&key).unwrap_or_default(), value);
                global.insert(key, merged);
            }
            Value::Object(global)
        }
        (Value::Array(mut global), Value::Array(own)) => {
            global.extend(own);
            Value::Array(global)
        }
        (_, own) => own,
    }
}

/// Names every resource. A name may be made from another resource's name, so
/// names are settled in rounds until none is left or none can be settled.
fn name_resources(scope: &mut Scope, declared: &Map<String, Value>) -> Result<BTreeMap<String, Resource>> {
    let mut open: Vec<(&String, &Value)> = declared.iter().collect();
    loop {
        let mut waiting = Vec::new();
        let mut failure = None;
        let before = open.len();
        for (id, declaration) in open {
            match name_resource(scope, id, declaration) {
                Ok(resource) => add_resource(scope, id, resource, declaration),
                Err(error) => {
                    failure = Some(error);
                    waiting.push((id, declaration));
                }
            }
        }
        match failure {
            None => return Ok(std::mem::take(&mut scope.resources)),
            Some(error) if waiting.len() == before => return Err(error),
            Some(_) => open = waiting,
        }
    }
}

fn name_resource(scope: &Scope, id: &str, declaration: &Value) -> Result<Resource> {
    let node = Node::new(format!("Resources.{id}"), declaration);
    let kind = node.require("Type")?.str()?.to_owned();
    let given = name_property(&kind).and_then(|property| node.get("Properties")?.get(property));
    let name = match given {
        Some(given) => {
            let value = scope.resolve(given.path(), given.value())?;
            Node::new(given.path(), &value).text()?
        }
        None => format!("{}-{id}", scope.account.stack),
    };
    Ok(Resource { kind, name })
}

/// Adds a resource, and what SAM makes beside a function: the role of one that
/// names none, and a rule or schedule for each of its events.
fn add_resource(scope: &mut Scope, id: &str, resource: Resource, declaration: &Value) {
    if resource.kind == "AWS::Serverless::Function" {
        let property = |name: &str| declaration.get("Properties").and_then(|properties| properties.get(name));
        let stack = scope.account.stack.clone();
        if property("Role").is_none() {
            let role = Resource { kind: "AWS::IAM::Role".into(), name: format!("{stack}-{id}Role") };
            scope.resources.insert(format!("{id}Role"), role);
        }
        for (event, source) in property("Events").and_then(Value::as_object).into_iter().flatten() {
            let made = format!("{id}{event}");
            let (kind, name) = match source.get("Type").and_then(Value::as_str) {
                Some("ScheduleV2") => ("AWS::Scheduler::Schedule", made.clone()),
                _ => ("AWS::Events::Rule", format!("{stack}-{made}")),
            };
            scope.resources.insert(made, Resource { kind: kind.into(), name });
        }
    }
    scope.resources.insert(id.to_owned(), resource);
}
