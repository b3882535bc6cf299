//! SNS: topics, subscriptions, and the messages that were published, for tests to read.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::clock::Clock;
use super::error::ApiError;
use super::lock;
use super::paging::page;
use super::protocol::{Protocol, entries};
use super::service::Service;
use crate::aws::identity::fresh;

const MAX_MESSAGE_BYTES: usize = 262_144;
const PAGE: usize = 100;

/// A message that SNS accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// When it was published.
    pub at: Timestamp,
    /// Its ID.
    pub id: String,
    /// The topic it was published to.
    pub topic_arn: String,
    /// Its subject, if it has one.
    pub subject: Option<String>,
    /// Its text.
    pub message: String,
    /// Its attributes, name to string value.
    pub attributes: BTreeMap<String, String>,
}

/// A subscription of a topic.
#[derive(Clone, Debug)]
struct Subscription {
    arn: String,
    topic_arn: String,
    protocol: String,
    endpoint: String,
    confirmed: bool,
    attributes: BTreeMap<String, String>,
}

#[derive(Default)]
struct State {
    topics: BTreeMap<String, BTreeMap<String, String>>,
    subscriptions: Vec<Subscription>,
    messages: Vec<Message>,
}

/// SNS for one account.
pub struct Sns {
    account: String,
    region: String,
    clock: Clock,
    state: Mutex<State>,
}

impl Sns {
    pub(crate) fn new(account: &str, region: &str, clock: Clock) -> Self {
        Self { account: account.to_owned(), region: region.to_owned(), clock, state: Mutex::default() }
    }

    /// Creates a topic, or finds it, and returns its ARN.
    pub fn add_topic(&self, name: &str) -> String {
        let arn = format!("arn:aws:sns:{}:{}:{name}", self.region, self.account);
        lock(&self.state).topics.entry(arn.clone()).or_default();
        arn
    }

    /// Deletes a topic, if it is there.
    pub fn remove_topic(&self, arn: &str) {
        lock(&self.state).topics.remove(arn);
    }

    /// Subscribes an endpoint. Unconfirmed ones are listed as `PendingConfirmation`.
    pub fn add_subscription(
        &self,
        topic_arn: &str,
        protocol: &str,
        endpoint: &str,
        confirmed: bool,
    ) -> String {
        let arn = format!("{topic_arn}:{}", fresh());
        lock(&self.state).subscriptions.push(Subscription {
            arn: arn.clone(),
            topic_arn: topic_arn.to_owned(),
            protocol: protocol.to_owned(),
            endpoint: endpoint.to_owned(),
            confirmed,
            attributes: BTreeMap::new(),
        });
        arn
    }

    /// Every message so far, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        lock(&self.state).messages.clone()
    }

    fn create_topic(&self, input: &Value) -> Result<Value, ApiError> {
        let name = text(input, "Name")?;
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let stem = name.strip_suffix(".fifo").unwrap_or(name);
        if stem.is_empty() || name.len() > 256 || !stem.chars().all(legal) {
            return Err(invalid("Topic Name"));
        }
        let arn = self.add_topic(name);
        if let Some(topic) = lock(&self.state).topics.get_mut(&arn) {
            topic.extend(attribute_entries(&input["Attributes"]["entry"]));
        }
        Ok(json!({ "TopicArn": arn }))
    }

    fn publish(&self, input: &Value) -> Result<Value, ApiError> {
        let topic_arn = input["TopicArn"].as_str().or_else(|| input["TargetArn"].as_str());
        let topic_arn = topic_arn
            .ok_or_else(|| invalid("TopicArn or TargetArn Reason: no value for required parameter"))?;
        self.topic(topic_arn)?;
        let message = input["Message"].as_str().unwrap_or_default();
        if message.is_empty() {
            return Err(invalid("Empty message"));
        }
        let subject = input["Subject"].as_str();
        if subject.is_some_and(|subject| !subject_is_legal(subject)) {
            return Err(invalid("Subject"));
        }
        let attributes = message_attributes(&input["MessageAttributes"]["entry"])?;
        let bytes =
            message.len() + attributes.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if bytes > MAX_MESSAGE_BYTES {
            return Err(invalid("Message too long"));
        }
        let id = fresh().to_string();
        lock(&self.state).messages.push(Message {
            at: self.clock.now(),
            id: id.clone(),
            topic_arn: topic_arn.to_owned(),
            subject: subject.map(str::to_owned),
            message: message.to_owned(),
            attributes,
        });
        Ok(json!({ "MessageId": id }))
    }

    fn subscribe(&self, input: &Value) -> Result<Value, ApiError> {
        let topic_arn = text(input, "TopicArn")?;
        self.topic(topic_arn)?;
        let protocol = text(input, "Protocol")?;
        // Only addresses of people and web hooks have to confirm.
        let confirmed = !matches!(protocol, "email" | "email-json" | "http" | "https");
        let arn = self.add_subscription(topic_arn, protocol, text(input, "Endpoint")?, confirmed);
        let attributes = attribute_entries(&input["Attributes"]["entry"]);
        for subscription in lock(&self.state).subscriptions.iter_mut().filter(|known| known.arn == arn) {
            subscription.attributes.extend(attributes.iter().cloned());
        }
        let shown = confirmed || input["ReturnSubscriptionArn"] == json!("true");
        Ok(json!({ "SubscriptionArn": if shown { arn } else { "pending confirmation".to_owned() } }))
    }

    fn list_subscriptions(&self, input: &Value) -> Result<Value, ApiError> {
        let topic_arn = text(input, "TopicArn")?;
        self.topic(topic_arn)?;
        let state = lock(&self.state);
        let all = state.subscriptions.iter().filter(|subscription| subscription.topic_arn == topic_arn);
        let page = page(all, PAGE, input["NextToken"].as_str(), || invalid("NextToken"))?;
        let members: Vec<Value> = page
            .items
            .into_iter()
            .map(|subscription| {
                json!({
                    "SubscriptionArn":
                        if subscription.confirmed { &subscription.arn } else { "PendingConfirmation" },
                    "Owner": self.account,
                    "Protocol": subscription.protocol,
                    "Endpoint": subscription.endpoint,
                    "TopicArn": subscription.topic_arn,
                })
            })
            .collect();
        Ok(json!({ "Subscriptions": { "member": members }, "NextToken": page.next }))
    }

    fn topic_attributes(&self, input: &Value) -> Result<Value, ApiError> {
        let topic_arn = text(input, "TopicArn")?;
        let own = self.topic(topic_arn)?;
        let state = lock(&self.state);
        let count = |confirmed: bool| {
            let of_topic = state.subscriptions.iter().filter(|s| s.topic_arn == topic_arn);
            of_topic.filter(|s| s.confirmed == confirmed).count().to_string()
        };
        let mut attributes = BTreeMap::from([
            ("TopicArn", topic_arn.to_owned()),
            ("Owner", self.account.clone()),
            ("DisplayName", String::new()),
            ("SubscriptionsConfirmed", count(true)),
            ("SubscriptionsPending", count(false)),
            ("SubscriptionsDeleted", "0".to_owned()),
        ]);
        attributes.extend(own.iter().map(|(name, value)| (name.as_str(), value.clone())));
        Ok(json!({ "Attributes": entries(attributes) }))
    }

    fn set_subscription_attributes(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "SubscriptionArn")?;
        let name = text(input, "AttributeName")?;
        let value = input["AttributeValue"].as_str().unwrap_or_default();
        if name == "FilterPolicy" && serde_json::from_str::<Map<String, Value>>(value).is_err() {
            return Err(invalid("FilterPolicy: failed to parse JSON."));
        }
        let mut state = lock(&self.state);
        let subscription = state.subscriptions.iter_mut().find(|subscription| subscription.arn == arn);
        let subscription = subscription.ok_or_else(|| not_found("Subscription does not exist"))?;
        subscription.attributes.insert(name.to_owned(), value.to_owned());
        Ok(json!({}))
    }

    fn subscription_attributes(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "SubscriptionArn")?;
        let state = lock(&self.state);
        let subscription = state.subscriptions.iter().find(|subscription| subscription.arn == arn);
        let subscription = subscription.ok_or_else(|| not_found("Subscription does not exist"))?;
        let mut attributes = BTreeMap::from([
            ("SubscriptionArn", subscription.arn.clone()),
            ("TopicArn", subscription.topic_arn.clone()),
            ("Protocol", subscription.protocol.clone()),
            ("Endpoint", subscription.endpoint.clone()),
            ("Owner", self.account.clone()),
            ("PendingConfirmation", (!subscription.confirmed).to_string()),
        ]);
        attributes.extend(subscription.attributes.iter().map(|(name, value)| (name.as_str(), value.clone())));
        Ok(json!({ "Attributes": entries(attributes) }))
    }

    /// The attributes that were set on a topic.
    fn topic(&self, arn: &str) -> Result<BTreeMap<String, String>, ApiError> {
        lock(&self.state).topics.get(arn).cloned().ok_or_else(|| not_found("Topic does not exist"))
    }
}

/// ASCII, beginning with a letter, number or punctuation mark, no line break or control character, fewer
/// than 100 characters.
fn subject_is_legal(subject: &str) -> bool {
    subject.len() < 100
        && subject.chars().all(|c| c == ' ' || c.is_ascii_graphic())
        && subject.starts_with(|c: char| c.is_ascii_graphic())
}

fn message_attributes(given: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let mut attributes = BTreeMap::new();
    for entry in given.as_array().into_iter().flatten() {
        let name = text(entry, "Name")?;
        let kind = text(&entry["Value"], "DataType")?;
        let value = entry["Value"]["StringValue"].as_str().or_else(|| entry["Value"]["BinaryValue"].as_str());
        match value {
            Some(value) if !value.is_empty() => {
                let number_is_bad = kind.starts_with("Number") && value.parse::<f64>().is_err();
                if number_is_bad {
                    return Err(invalid_value(&format!(
                        "The message attribute '{name}' with type 'Number' must use field 'String'."
                    )));
                }
                attributes.insert(name.to_owned(), value.to_owned());
            }
            _ => {
                return Err(invalid_value(&format!(
                    "The message attribute '{name}' must contain non-empty message attribute value for message \
                     attribute type '{kind}'."
                )));
            }
        }
    }
    Ok(attributes)
}

fn attribute_entries(given: &Value) -> Vec<(String, String)> {
    let entries = given.as_array().into_iter().flatten();
    entries
        .filter_map(|entry| Some((entry["key"].as_str()?.to_owned(), entry["value"].as_str()?.to_owned())))
        .collect()
}

fn text<'a>(input: &'a Value, member: &str) -> Result<&'a str, ApiError> {
    input[member]
        .as_str()
        .ok_or_else(|| invalid(&format!("{member} Reason: no value for required parameter")))
}

fn invalid(what: &str) -> ApiError {
    ApiError::refused("InvalidParameter", format!("Invalid parameter: {what}"))
}

fn invalid_value(message: &str) -> ApiError {
    ApiError::refused("ParameterValueInvalid", message)
}

fn not_found(message: &str) -> ApiError {
    ApiError::refused("NotFound", message).with_status(404)
}

impl Service for Sns {
    fn name(&self) -> &'static str {
        "sns"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Query { signing_name: "sns", namespace: "http://sns.amazonaws.com/doc/2010-03-31/" }
    }

    fn server_error(&self) -> &'static str {
        "InternalError"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        match operation {
            "CreateTopic" => self.create_topic(input),
            "GetSubscriptionAttributes" => self.subscription_attributes(input),
            "GetTopicAttributes" => self.topic_attributes(input),
            "ListSubscriptionsByTopic" => self.list_subscriptions(input),
            "Publish" => self.publish(input),
            "SetSubscriptionAttributes" => self.set_subscription_attributes(input),
            "Subscribe" => self.subscribe(input),
            _ => Err(ApiError::refused("InvalidAction", format!("Could not find operation {operation}"))),
        }
    }
}
