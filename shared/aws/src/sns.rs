//! Topics, over the narrow client: two calls.

use autopilot::{
    error::PortError,
    ports::{Publication, Publish, Subscription},
};
use aws_types::SdkConfig;

use crate::narrow::{Api, Narrow, Protocol, unreadable, xml};

const SNS: Api = Api {
    id: "SNS",
    signing_name: "sns",
    host: "sns",
    global: false,
    protocol: Protocol::Query { version: "2010-03-31" },
};

const LIST: &str = "sns:ListSubscriptionsByTopic";

/// A page holds 100 subscriptions; nobody has this many of one topic.
const PAGES: usize = 100;

/// SNS.
#[derive(Debug)]
pub struct Sns {
    narrow: Narrow,
}

impl Sns {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { narrow: Narrow::new(sdk, &SNS) }
    }
}

impl Publish for Sns {
    async fn publish(&self, topic: &str, message: &Publication) -> Result<(), PortError> {
        let mut parameters =
            vec![("TopicArn".to_owned(), topic), ("Message".to_owned(), message.body.as_str())];
        if let Some(subject) = &message.subject {
            parameters.push(("Subject".to_owned(), subject));
        }
        for (at, (name, value)) in message.attributes.iter().enumerate() {
            let entry = format!("MessageAttributes.entry.{}", at + 1);
            parameters.push((format!("{entry}.Name"), name));
            parameters.push((format!("{entry}.Value.DataType"), "String"));
            parameters.push((format!("{entry}.Value.StringValue"), value));
        }
        self.narrow.query("sns:Publish", &parameters).await.map(drop)
    }

    async fn subscriptions(&self, topic: &str) -> Result<Vec<Subscription>, PortError> {
        let (mut subscriptions, mut next): (_, Option<String>) = (Vec::new(), None);
        for _ in 0..PAGES {
            let mut parameters = vec![("TopicArn".to_owned(), topic)];
            parameters.extend(next.iter().map(|token| ("NextToken".to_owned(), token.as_str())));
            let answer = self.narrow.query(LIST, &parameters).await?;
            let document = xml::parse(&answer).map_err(|error| unreadable(LIST, &error))?;
            let result = xml::child(document.root_element(), "ListSubscriptionsByTopicResult")
                .ok_or_else(|| unreadable(LIST, &"it holds no result"))?;
            for entry in xml::entries(result, "Subscriptions") {
                let text = |name| xml::text(entry, &[name]).unwrap_or_default();
                subscriptions.push(Subscription {
                    protocol: text("Protocol").to_owned(),
                    endpoint: text("Endpoint").to_owned(),
                    confirmed: text("SubscriptionArn").starts_with("arn:"),
                });
            }
            next = xml::text(result, &["NextToken"]).map(str::to_owned);
            if next.is_none() {
                return Ok(subscriptions);
            }
        }
        Err(unreadable(LIST, &format!("it does not end within {PAGES} pages")))
    }
}
