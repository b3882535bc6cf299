//! Configurations that are kept in revisions: auto scaling and observability.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::configuration::Configuration;
use super::services::page_size;
use super::state::State;
use super::words::ServiceStatus;
use super::{AppRunner, bad_token, not_found, refused, text};
use crate::aws::clock::epoch_seconds;
use crate::aws::error::ApiError;
use crate::aws::identity::fresh;
use crate::aws::lock;
use crate::aws::paging::page;

/// The two families of revisions. Members are named `<prefix>Arn`, `<prefix>Name`, `<prefix>Revision`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Scaling,
    Observability,
}

/// One revision of a configuration.
pub(super) struct Revision {
    pub(super) arn: String,
    family: Family,
    name: String,
    number: usize,
    active: bool,
    is_default: bool,
    values: Map<String, Value>,
    created_at: Timestamp,
    deleted_at: Option<Timestamp>,
}

/// The ID of the configurations that every account has.
const DEFAULT_ID: &str = "00000000000000000000000000000001";
const DEFAULT_NAME: &str = "DefaultConfiguration";

impl Family {
    fn prefix(self) -> &'static str {
        match self {
            Self::Scaling => "AutoScalingConfiguration",
            Self::Observability => "ObservabilityConfiguration",
        }
    }

    /// The names and the revisions of each that an account may have.
    fn quotas(self) -> (usize, usize) {
        match self {
            Self::Scaling => (10, 5),
            Self::Observability => (10, 10),
        }
    }

    fn values(self, input: &Value) -> Map<String, Value> {
        let defaults = match self {
            Self::Scaling => json!({ "MaxConcurrency": 100, "MinSize": 1, "MaxSize": 25 }),
            Self::Observability => json!({ "TraceConfiguration": null }),
        };
        let defaults = defaults.as_object().cloned().unwrap_or_default();
        defaults
            .into_iter()
            .map(|(name, default)| (name.clone(), input.get(&name).cloned().unwrap_or(default)))
            .filter(|(_, value)| !value.is_null())
            .collect()
    }

    fn member(self, end: &str) -> String {
        format!("{}{end}", self.prefix())
    }
}

impl State {
    /// The active revision that an ARN means: that revision, or the latest if it names none.
    fn revision(&self, family: Family, arn: &str) -> Option<&Revision> {
        let active = self.revisions.iter().filter(|revision| revision.family == family && revision.active);
        let matching = |revision: &&Revision| {
            revision.arn == arn || revision.arn.strip_prefix(arn).is_some_and(|rest| rest.starts_with('/'))
        };
        active.filter(matching).max_by_key(|revision| revision.number)
    }

    fn is_latest(&self, revision: &Revision) -> bool {
        let same = self
            .revisions
            .iter()
            .filter(|other| other.family == revision.family && other.name == revision.name && other.active);
        same.map(|other| other.number).max() == Some(revision.number)
    }

    fn users<'a>(&'a self, arn: &'a str) -> impl Iterator<Item = &'a str> {
        let living = self.services.iter().filter(|service| service.status != ServiceStatus::Deleted);
        let using = living.filter(move |service| {
            let observability = &service.configuration["ObservabilityConfiguration"];
            let scaling = service.configuration.get("AutoScalingConfigurationArn");
            scaling.is_some_and(|used| used == arn) || observability["ObservabilityConfigurationArn"] == arn
        });
        using.map(|service| service.arn.as_str())
    }

    /// Replaces the scaling ARN that a request gave by that of an existing revision; the default if none.
    pub(super) fn resolve_scaling(&self, configuration: &mut Configuration) -> Result<(), ApiError> {
        let given = configuration.get("AutoScalingConfigurationArn").and_then(Value::as_str);
        let revision = match given {
            Some(arn) => self.revision(Family::Scaling, arn),
            None => self.revisions.iter().find(|it| it.family == Family::Scaling && it.is_default),
        };
        let missing = |what: &str, arn: &str| {
            refused("InvalidRequestException", &format!("{what} does not exist: {arn}"))
        };
        let revision =
            revision.ok_or_else(|| missing("AutoScalingConfiguration", given.unwrap_or(DEFAULT_NAME)))?;
        let observability = &configuration["ObservabilityConfiguration"]["ObservabilityConfigurationArn"];
        if let Some(arn) = observability.as_str()
            && self.revision(Family::Observability, arn).is_none()
        {
            return Err(missing("ObservabilityConfiguration", arn));
        }
        configuration.insert("AutoScalingConfigurationArn".to_owned(), json!(revision.arn));
        Ok(())
    }

    /// A revision as lists and services show it.
    pub(super) fn revision_summary(&self, revision: &Revision) -> Value {
        let family = revision.family;
        let mut shown = Map::new();
        shown.insert(family.member("Arn"), json!(revision.arn));
        shown.insert(family.member("Name"), json!(revision.name));
        shown.insert(family.member("Revision"), json!(revision.number));
        if family == Family::Scaling {
            shown.insert("Status".to_owned(), json!(if revision.active { "ACTIVE" } else { "INACTIVE" }));
            shown.insert("CreatedAt".to_owned(), epoch_seconds(revision.created_at));
            shown
                .insert("HasAssociatedService".to_owned(), json!(self.users(&revision.arn).next().is_some()));
            shown.insert("IsDefault".to_owned(), json!(revision.is_default));
        }
        Value::Object(shown)
    }

    fn describe_revision(&self, revision: &Revision) -> Value {
        let mut shown = self.revision_summary(revision);
        for (name, value) in &revision.values {
            shown[name] = value.clone();
        }
        shown["Status"] = json!(if revision.active { "ACTIVE" } else { "INACTIVE" });
        shown["Latest"] = json!(self.is_latest(revision));
        shown["CreatedAt"] = epoch_seconds(revision.created_at);
        if let Some(deleted_at) = revision.deleted_at {
            shown["DeletedAt"] = epoch_seconds(deleted_at);
        }
        json!({ revision.family.prefix(): shown })
    }
}

impl AppRunner {
    /// The configurations that AWS gives every account.
    pub(super) fn add_default_configurations(&self) {
        let mut state = lock(&self.shared.state);
        for family in [Family::Scaling, Family::Observability] {
            let mut revision = self.new_revision(&state, family, DEFAULT_NAME, &json!({}));
            revision.arn =
                self.shared.arn(&format!("{}/{DEFAULT_NAME}/1/{DEFAULT_ID}", family.prefix().to_lowercase()));
            revision.is_default = true;
            state.revisions.push(revision);
        }
    }

    fn new_revision(&self, state: &State, family: Family, name: &str, input: &Value) -> Revision {
        let same = state.revisions.iter().filter(|other| other.family == family && other.name == name);
        let number = 1 + same.map(|other| other.number).max().unwrap_or(0);
        let id = fresh().simple();
        Revision {
            arn: self.shared.arn(&format!("{}/{name}/{number}/{id}", family.prefix().to_lowercase())),
            family,
            name: name.to_owned(),
            number,
            active: true,
            is_default: false,
            values: family.values(input),
            created_at: self.shared.narrator.clock.now(),
            deleted_at: None,
        }
    }

    /// Create, Describe, List and Delete of both families.
    pub(super) fn revision_operation(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        for family in [Family::Scaling, Family::Observability] {
            let Some(action) = operation.strip_suffix('s').unwrap_or(operation).strip_suffix(family.prefix())
            else {
                continue;
            };
            return match action {
                "Create" => self.create_revision(family, input),
                "Describe" => {
                    let state = lock(&self.shared.state);
                    let arn = text(input, &family.member("Arn"));
                    let revision =
                        state.revision(family, arn).ok_or_else(|| not_found(family.prefix(), arn))?;
                    Ok(state.describe_revision(revision))
                }
                "List" => self.list_revisions(family, input),
                "Delete" => self.delete_revision(family, input),
                _ => Err(ApiError::unknown_operation(operation)),
            };
        }
        Err(ApiError::unknown_operation(operation))
    }

    fn create_revision(&self, family: Family, input: &Value) -> Result<Value, ApiError> {
        let name_member = family.member("Name");
        let name = text(input, &name_member);
        if name == DEFAULT_NAME {
            return Err(refused(
                "InvalidRequestException",
                &format!("{name_member}: {DEFAULT_NAME} is reserved."),
            ));
        }
        let mut state = lock(&self.shared.state);
        let own = || {
            state.revisions.iter().filter(|it| it.family == family && it.active && it.name != DEFAULT_NAME)
        };
        let (max_names, max_revisions) = family.quotas();
        let mut names: Vec<&str> = own().map(|revision| revision.name.as_str()).collect();
        names.dedup();
        let revisions = own().filter(|revision| revision.name == name).count();
        if revisions >= max_revisions || (revisions == 0 && names.len() >= max_names) {
            let problem = format!("You have reached the limit of {}.", family.prefix());
            return Err(refused("ServiceQuotaExceededException", &problem));
        }
        let revision = self.new_revision(&state, family, name, input);
        let arn = revision.arn.clone();
        state.revisions.push(revision);
        state.set_tags(&arn, &input["Tags"]);
        let revision = state.revision(family, &arn).ok_or_else(|| not_found(family.prefix(), &arn))?;
        Ok(state.describe_revision(revision))
    }

    fn list_revisions(&self, family: Family, input: &Value) -> Result<Value, ApiError> {
        let name = input[family.member("Name")].as_str();
        let latest_only = input["LatestOnly"] == json!(true);
        let state = lock(&self.shared.state);
        let wanted = state.revisions.iter().filter(|revision| {
            revision.family == family
                && revision.active
                && name.is_none_or(|name| name == revision.name)
                && (!latest_only || state.is_latest(revision))
        });
        let page = page(wanted, page_size(input, 100), input["NextToken"].as_str(), bad_token)?;
        let shown: Vec<Value> =
            page.items.into_iter().map(|revision| state.revision_summary(revision)).collect();
        Ok(json!({ family.member("SummaryList"): shown, "NextToken": page.next }))
    }

    fn delete_revision(&self, family: Family, input: &Value) -> Result<Value, ApiError> {
        let mut state = lock(&self.shared.state);
        let arn = text(input, &family.member("Arn"));
        let revision = state.revision(family, arn).ok_or_else(|| not_found(family.prefix(), arn))?;
        if revision.is_default || state.users(&revision.arn).next().is_some() {
            return Err(refused(
                "InvalidRequestException",
                &format!("{} is the default or in use.", family.prefix()),
            ));
        }
        let (name, arn) = (revision.name.clone(), revision.arn.clone());
        let all = input["DeleteAllRevisions"] == json!(true);
        let now = self.shared.narrator.clock.now();
        let gone = |revision: &&mut Revision| {
            revision.family == family && (revision.arn == arn || (all && revision.name == name))
        };
        for revision in state.revisions.iter_mut().filter(gone) {
            revision.active = false;
            revision.deleted_at = Some(now);
        }
        let revision = state.revisions.iter().find(|revision| revision.arn == arn);
        Ok(revision.map_or_else(|| json!({}), |revision| state.describe_revision(revision)))
    }

    pub(super) fn update_default_scaling(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "AutoScalingConfigurationArn");
        let mut state = lock(&self.shared.state);
        let chosen = state.revision(Family::Scaling, arn).map(|revision| revision.arn.clone());
        let chosen = chosen.ok_or_else(|| not_found("AutoScalingConfiguration", arn))?;
        for revision in state.revisions.iter_mut().filter(|revision| revision.family == Family::Scaling) {
            revision.is_default = revision.arn == chosen;
        }
        let revision = state
            .revision(Family::Scaling, &chosen)
            .ok_or_else(|| not_found("AutoScalingConfiguration", arn))?;
        Ok(state.describe_revision(revision))
    }

    pub(super) fn list_scaling_users(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "AutoScalingConfigurationArn");
        let state = lock(&self.shared.state);
        let revision =
            state.revision(Family::Scaling, arn).ok_or_else(|| not_found("AutoScalingConfiguration", arn))?;
        let users = state.users(&revision.arn);
        let page = page(users, page_size(input, 100), input["NextToken"].as_str(), bad_token)?;
        Ok(json!({ "ServiceArnList": page.items, "NextToken": page.next }))
    }
}
