//! DynamoDB, SNS and CloudWatch Logs as moto understands them.

use anyhow::Result;
use autopilot::{
    ports::{LogsRead as _, Publication, Publish as _, Window},
    redact::PublicText,
    store::{Item, Key, StateRead as _, StateWrite as _, Written},
};
use autopilot_aws::{dynamodb::Table, logs::Logs, sns::Sns};
use autopilot_tests::emulator::Emulator;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::sdk;

fn item(version: u64, state: Value) -> Item {
    Item { version, state, pending: json!([]), expires_at: Some(Timestamp::UNIX_EPOCH) }
}

#[tokio::test]
async fn a_write_goes_over_the_version_before_it_alone() -> Result<()> {
    let moto = Emulator::moto().await?;
    moto.seed(
        "client('dynamodb').create_table(TableName='state', BillingMode='PAY_PER_REQUEST',\n    \
         KeySchema=[{'AttributeName': 'pk', 'KeyType': 'HASH'}, {'AttributeName': 'sk', 'KeyType': 'RANGE'}],\n    \
         AttributeDefinitions=[{'AttributeName': n, 'AttributeType': 'S'} for n in ('pk', 'sk')])\n\
         print('{}')\n",
    )
    .await?;
    let table = Table::new(&sdk(moto.endpoint())?, "state");
    let key = Key::new("rollback", "one");
    assert_eq!(table.get(&key).await?, None);
    let (first, second) = (item(1, json!({"text": "first \" \u{e9}"})), item(2, json!({"text": "second"})));
    for (written, expected) in [
        (&first, Written::Yes),
        (&first, Written::Conflict),
        (&second, Written::Yes),
        (&second, Written::Conflict),
    ] {
        assert_eq!(table.put(&key, written).await?, expected, "version {}", written.version);
    }
    assert_eq!(table.get(&key).await?.as_ref(), Some(&second));
    // A page holds 1 MB.
    for number in 0..4 {
        let large = item(1, json!({"text": "x".repeat(350_000)}));
        table.put(&Key::new("shift", format!("large-{number}")), &large).await?;
    }
    let keys: Vec<String> = table.list("shift").await?.into_iter().map(|(key, _)| key.sort).collect();
    assert_eq!(keys, ["large-0", "large-1", "large-2", "large-3"]);
    Ok(())
}

#[tokio::test]
async fn a_message_arrives_with_its_attributes() -> Result<()> {
    let moto = Emulator::moto().await?;
    let topic = moto
        .seed(
            "sns, sqs = client('sns'), client('sqs')\n\
             topic = sns.create_topic(Name='alerts')['TopicArn']\n\
             queue = sqs.create_queue(QueueName='inbox')['QueueUrl']\n\
             arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=['QueueArn'])['Attributes']['QueueArn']\n\
             sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn)\n\
             print(json.dumps(topic))\n",
        )
        .await?;
    let topic: String = serde_json::from_value(topic)?;
    let sns = Sns::new(&sdk(moto.endpoint())?);
    let message = Publication {
        subject: Some("orders: deployment failed".to_owned()),
        body: PublicText::ours("50 % & more\nlines, + and \u{2013}"),
        attributes: vec![("severity", "critical".to_owned()), ("phase", "failure".to_owned())],
    };
    sns.publish(&topic, &message).await?;
    let subscriptions = sns.subscriptions(&topic).await?;
    assert_eq!(
        (subscriptions.len(), subscriptions[0].protocol.as_str(), subscriptions[0].confirmed),
        (1, "sqs", true)
    );
    let read = "sqs = client('sqs')\n\
                url = sqs.get_queue_url(QueueName='inbox')['QueueUrl']\n\
                print(sqs.receive_message(QueueUrl=url)['Messages'][0]['Body'])\n";
    let received = moto.seed(read).await?;
    assert_eq!(
        (&received["Subject"], &received["Message"]),
        (&json!(message.subject), &json!(message.body.as_str()))
    );
    for (name, value) in &message.attributes {
        assert_eq!(received["MessageAttributes"][name]["Value"], json!(value));
    }
    let gone = sns.publish(&topic.replace("alerts", "gone"), &message).await.unwrap_err();
    assert_eq!(gone.code.as_deref(), Some("NotFound"));
    Ok(())
}

#[tokio::test]
async fn streams_and_their_last_lines() -> Result<()> {
    let moto = Emulator::moto().await?;
    moto.seed(
        "import time\n\
         logs, now = client('logs'), int(time.time() * 1000)\n\
         logs.create_log_group(logGroupName='g')\n\
         logs.create_log_stream(logGroupName='g', logStreamName='events')\n\
         lines = [{'timestamp': now - 1000 + at, 'message': f'line {at}'} for at in range(5)]\n\
         logs.put_log_events(logGroupName='g', logStreamName='events', logEvents=lines)\n\
         print('{}')\n",
    )
    .await?;
    let logs = Logs::new(&sdk(moto.endpoint())?);
    let streams = logs.streams("g").await?;
    assert_eq!((streams.len(), streams[0].name.as_str()), (1, "events"));
    let last = streams[0].last_event_at.unwrap_or(Timestamp::UNIX_EPOCH);
    let window = Window { start: last - SignedDuration::from_mins(1), end: last };
    assert_eq!(logs.tail("g", "events", window, 3).await?.len(), 3);
    assert_eq!(logs.streams("gone").await?.len(), 0);
    Ok(())
}
