//! Tags of App Runner's resources.

use serde_json::{Value, json};

use super::state::State;
use super::words::ServiceStatus;
use super::{AppRunner, not_found, refused, text};
use crate::aws::error::ApiError;
use crate::aws::lock;

const MAX_TAGS: usize = 50;

impl State {
    fn has_resource(&self, arn: &str) -> bool {
        let service = self.service(arn).is_some_and(|service| service.status != ServiceStatus::Deleted);
        service
            || self.ingress.iter().any(|ingress| ingress.arn == arn)
            || self.connectors.iter().any(|connector| connector.arn == arn)
            || self.connections.iter().any(|connection| connection.arn == arn)
            || self.revisions.iter().any(|revision| revision.arn == arn)
    }

    /// Adds the tags of a request to a resource.
    pub(super) fn set_tags(&mut self, arn: &str, tags: &Value) {
        let kept = self.tags.entry(arn.to_owned()).or_default();
        for tag in tags.as_array().into_iter().flatten() {
            kept.insert(text(tag, "Key").to_owned(), text(tag, "Value").to_owned());
        }
    }
}

impl AppRunner {
    pub(super) fn tag_resource(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "ResourceArn");
        let mut state = lock(&self.shared.state);
        if !state.has_resource(arn) {
            return Err(not_found("Resource", arn));
        }
        let present = state.tags.get(arn).map_or(0, std::collections::BTreeMap::len);
        if present + input["Tags"].as_array().map_or(0, Vec::len) > MAX_TAGS {
            return Err(refused("InvalidRequestException", "Tags: a resource can have 50 tags at most."));
        }
        state.set_tags(arn, &input["Tags"]);
        Ok(json!({}))
    }

    pub(super) fn untag_resource(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "ResourceArn");
        let mut state = lock(&self.shared.state);
        if !state.has_resource(arn) {
            return Err(not_found("Resource", arn));
        }
        if let Some(tags) = state.tags.get_mut(arn) {
            let gone = input["TagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str);
            gone.for_each(|key| {
                tags.remove(key);
            });
        }
        Ok(json!({}))
    }

    pub(super) fn list_tags(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "ResourceArn");
        let state = lock(&self.shared.state);
        if !state.has_resource(arn) {
            return Err(not_found("Resource", arn));
        }
        let tags = state.tags.get(arn).into_iter().flatten();
        let shown: Vec<Value> = tags.map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        Ok(json!({ "Tags": shown }))
    }
}
