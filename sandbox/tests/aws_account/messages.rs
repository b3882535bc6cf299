//! SNS, EventBridge and STS over the wire.

use std::sync::{Arc, Mutex};

use crate::wire::{start, start_with};
use sandbox::aws::Options;
use serde_json::{Value, json};

#[tokio::test]
async fn published_messages_are_kept() {
    let (sandbox, client) = start().await;
    let topic = sandbox.sns().add_topic("alerts");
    let form = format!(
        "Action=Publish&Version=2010-03-31&TopicArn={topic}&Subject=It%20failed&Message=caf%C3%A9+%26+more%0Aline\
         &MessageAttributes.entry.1.Name=severity&MessageAttributes.entry.1.Value.DataType=String\
         &MessageAttributes.entry.1.Value.StringValue=critical"
    );
    let answer = client.query("sns", &form).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    assert!(answer.header("x-amzn-requestid").is_some());
    let message = &sandbox.messages()[0];
    assert!(
        answer
            .body
            .contains(&format!("<PublishResult><MessageId>{}</MessageId></PublishResult>", message.id))
    );
    assert_eq!(message.message, "café & more\nline");
    assert_eq!(message.subject.as_deref(), Some("It failed"));
    assert_eq!(message.attributes["severity"], "critical");
}

#[tokio::test]
async fn what_sns_would_not_send_is_refused() {
    let (sandbox, client) = start().await;
    let topic = sandbox.sns().add_topic("alerts");
    let publish = |rest: &str| format!("Action=Publish&TopicArn={topic}&{rest}");
    let subject = |subject: &str| publish(&format!("Message=x&Subject={subject}"));
    for (form, status, code, named) in [
        (subject("two%0Alines"), 400, "InvalidParameter", "Subject"),
        (subject("caf%C3%A9"), 400, "InvalidParameter", "Subject"),
        (subject(&"x".repeat(100)), 400, "InvalidParameter", "Subject"),
        (subject("%20begins+with+a+blank"), 400, "InvalidParameter", "Subject"),
        (publish("Message="), 400, "InvalidParameter", "Empty message"),
        (publish(&format!("Message={}", "x".repeat(262_145))), 400, "InvalidParameter", "Message too long"),
        (
            publish(
                "Message=x&MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.DataType=String",
            ),
            400,
            "ParameterValueInvalid",
            "non-empty",
        ),
        (format!("Action=Publish&TopicArn={topic}-none&Message=x"), 404, "NotFound", "Topic does not exist"),
        ("Action=Shout".to_owned(), 400, "InvalidAction", "Shout"),
    ] {
        let answer = client.query("sns", &form).await.unwrap();
        assert_eq!(answer.status, status, "{named}");
        assert!(answer.body.contains("<ErrorResponse"), "{}", answer.body);
        assert!(answer.body.contains(&format!("<Code>{code}</Code>")), "{}", answer.body);
        assert!(answer.body.contains(named), "{}", answer.body);
    }
    assert_eq!(sandbox.messages(), []);
    let longest = publish(&format!("Message={}&Subject={}", "x".repeat(262_144), "s".repeat(99)));
    assert_eq!(client.query("sns", &longest).await.unwrap().status, 200);
}

#[tokio::test]
async fn subscriptions_and_their_confirmation() {
    let (sandbox, client) = start().await;
    let topic = sandbox.sns().add_topic("alerts");
    sandbox.sns().add_subscription(&topic, "email", "someone@example.com", false);
    let queue = sandbox.sns().add_subscription(&topic, "sqs", "arn:aws:sqs:us-east-1:123456789012:q", true);
    let list =
        client.query("sns", &format!("Action=ListSubscriptionsByTopic&TopicArn={topic}")).await.unwrap();
    assert!(list.body.contains("<SubscriptionArn>PendingConfirmation</SubscriptionArn>"), "{}", list.body);
    assert!(list.body.contains(&format!("<SubscriptionArn>{queue}</SubscriptionArn>")));
    let attributes =
        client.query("sns", &format!("Action=GetTopicAttributes&TopicArn={topic}")).await.unwrap();
    assert!(attributes.body.contains("<entry><key>SubscriptionsPending</key><value>1</value></entry>"));
    let set = |policy: &str| {
        format!(
            "Action=SetSubscriptionAttributes&SubscriptionArn={queue}&AttributeName=FilterPolicy&AttributeValue={policy}"
        )
    };
    assert_eq!(client.query("sns", &set("nonsense")).await.unwrap().status, 400);
    assert_eq!(
        client.query("sns", &set("%7B%22severity%22%3A%5B%22critical%22%5D%7D")).await.unwrap().status,
        200
    );
    let stored = client
        .query("sns", &format!("Action=GetSubscriptionAttributes&SubscriptionArn={queue}"))
        .await
        .unwrap();
    assert!(stored.body.contains("{&quot;severity&quot;:[&quot;critical&quot;]}"), "{}", stored.body);
}

#[tokio::test]
async fn put_events_reach_the_bus_in_order() {
    let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
    let listener = heard.clone();
    let on_event = Arc::new(move |event: Value| listener.lock().unwrap().push(event));
    let (sandbox, client) = start_with(Options { on_event: Some(on_event), ..Options::default() }).await;
    sandbox.eventbridge().refuse_entries([false, true]);
    let entry = |number: usize| {
        json!({ "Source": "apprunner-autopilot", "DetailType": "Autopilot Rollback",
            "Detail": json!({ "n": number }).to_string(), "Resources": ["arn:x"] })
    };
    let entries = json!({ "Entries": [entry(0), entry(1), entry(2),
        { "Source": "aws.apprunner", "DetailType": "t", "Detail": "{}" },
        { "Source": "mine", "DetailType": "t", "Detail": "[]" },
        { "Source": "mine", "DetailType": "t" }] });
    let answer = client.json("AWSEvents.PutEvents", entries).await.unwrap().unwrap();
    assert_eq!(answer["FailedEntryCount"], 4);
    let codes: Vec<Option<&str>> =
        answer["Entries"].as_array().unwrap().iter().map(|entry| entry["ErrorCode"].as_str()).collect();
    let source = Some("NotAuthorizedForSourceException");
    assert_eq!(
        codes,
        [None, Some("InternalFailure"), None, source, Some("MalformedDetail"), Some("InvalidArgument")]
    );
    sandbox.settle().await;
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard, sandbox.events());
    assert_eq!(
        heard.iter().map(|event| event["detail"]["n"].clone()).collect::<Vec<_>>(),
        [json!(0), json!(2)]
    );
    assert_eq!(heard[0]["id"], answer["Entries"][0]["EventId"]);
    assert_eq!(heard[0]["detail-type"], "Autopilot Rollback");
    assert_eq!(heard[0]["resources"], json!(["arn:x"]));
    let eleven = json!({ "Entries": (0..11).map(entry).collect::<Vec<_>>() });
    let refusal = client.json("AWSEvents.PutEvents", eleven).await.unwrap().unwrap_err();
    assert_eq!(refusal.code, "ValidationException");
}

#[tokio::test]
async fn sts_says_who_the_account_is() {
    let (_sandbox, client) = start().await;
    let answer = client.query("sts", "Action=GetCallerIdentity&Version=2011-06-15").await.unwrap();
    assert!(
        answer.body.contains("<GetCallerIdentityResult><Account>123456789012</Account>"),
        "{}",
        answer.body
    );
    let nobody = client.query("sqs", "Action=ListQueues").await.unwrap();
    assert_eq!(nobody.status, 404);
}
