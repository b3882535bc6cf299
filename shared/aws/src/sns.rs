//! Topics.

use autopilot::{
    error::PortError,
    ports::{Publication, Publish, Subscription},
};
use aws_sdk_sns::{Client, types::MessageAttributeValue};
use aws_types::SdkConfig;

use crate::failure::port_error;

/// SNS.
#[derive(Clone, Debug)]
pub struct Sns {
    client: Client,
}

impl Sns {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(sdk) }
    }
}

impl Publish for Sns {
    async fn publish(&self, topic: &str, message: &Publication) -> Result<(), PortError> {
        let mut call = self
            .client
            .publish()
            .topic_arn(topic)
            .set_subject(message.subject.clone())
            .message(message.body.as_str());
        for (name, value) in &message.attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            // The builder can only miss the data type, which is given.
            if let Ok(value) = value {
                call = call.message_attributes(*name, value);
            }
        }
        call.send().await.map(|_| ()).map_err(|error| port_error("sns:Publish", error))
    }

    async fn subscriptions(&self, topic: &str) -> Result<Vec<Subscription>, PortError> {
        let mut pages = self.client.list_subscriptions_by_topic().topic_arn(topic).into_paginator().send();
        let mut subscriptions = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error("sns:ListSubscriptionsByTopic", error))?;
            subscriptions.extend(page.subscriptions().iter().map(|subscription| Subscription {
                protocol: subscription.protocol().unwrap_or_default().to_owned(),
                endpoint: subscription.endpoint().unwrap_or_default().to_owned(),
                confirmed: subscription.subscription_arn().is_some_and(|arn| arn.starts_with("arn:")),
            }));
        }
        Ok(subscriptions)
    }
}
