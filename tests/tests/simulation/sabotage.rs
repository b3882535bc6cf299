//! Broken worlds: what a function is told or does is falsified on the wire, so that one rule of it no longer works.
//! Each invariant must notice the one that breaks it. The product knows nothing of this.

use sandbox::aws::{ApiError, RequestRecord, Sandbox};
use serde_json::{Value, json};

use crate::{
    watch::Invariant,
    world::{NAME, ZONE},
};

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// A change of a service is made a second time, later.
    RepeatedCall,
    /// Functions forget what they have tried and when.
    ForgottenTries,
    /// Nobody sees a mode that a person set.
    IgnoredMode,
    /// Nobody sees that everything was stopped.
    IgnoredStop,
    /// `rebuild` takes what runs for failed.
    WrongStatus,
    /// `cleanup` does not see what is to be kept.
    UnreadKeep,
    /// `cleanup` does not see that endpoints are used.
    UnseenUse,
    /// One of the two weights is written as zero.
    LostWeight,
    /// Records are overwritten whatever they are.
    ForcedWrite,
    /// Alerts of failures get lost in the topic.
    SilentTopic,
    /// Every message is published three times.
    EchoingTopic,
    /// Announcements get lost on the bus.
    SilentBus,
    /// The bus refuses every announcement.
    StubbornBus,
    /// No tick comes.
    NoTicks,
    /// `notify` does not know which words are secret.
    UnknownSecrets,
    /// Writes of state have no condition.
    UnconditionalPut,
}

impl Sabotage {
    /// Every sabotage with the invariant that must notice it.
    pub(crate) const ALL: [(Self, Invariant); 16] = [
        (Self::RepeatedCall, Invariant::OneCallAnIntent),
        (Self::ForgottenTries, Invariant::Budget),
        (Self::IgnoredMode, Invariant::Mode),
        (Self::IgnoredStop, Invariant::Stop),
        (Self::WrongStatus, Invariant::Status),
        (Self::UnreadKeep, Invariant::Keep),
        (Self::UnseenUse, Invariant::EndpointInUse),
        (Self::LostWeight, Invariant::Weights),
        (Self::ForcedWrite, Invariant::ForeignEdit),
        (Self::SilentTopic, Invariant::Told),
        (Self::EchoingTopic, Invariant::ToldOnce),
        (Self::SilentBus, Invariant::ActsTold),
        (Self::StubbornBus, Invariant::Converges),
        (Self::NoTicks, Invariant::Ends),
        (Self::UnknownSecrets, Invariant::Secret),
        (Self::UnconditionalPut, Invariant::Versions),
    ];

    /// The invariant that is there for it.
    pub(crate) fn must_be_noticed_by(self) -> Invariant {
        let listed = Self::ALL.iter().find(|(sabotage, _)| *sabotage == self);
        listed.map_or(Invariant::OneCallAnIntent, |(_, invariant)| *invariant)
    }

    /// Answers a call: `observe` does its work, as it is asked to.
    pub(crate) fn answer(
        self,
        account: &Sandbox,
        record: &RequestRecord,
        observe: &dyn Fn(&RequestRecord) -> Result<Value, ApiError>,
    ) -> Result<Value, ApiError> {
        let caller = record.caller.as_deref().unwrap_or_default();
        match (self, record.operation.as_str()) {
            (Self::ForgottenTries, "GetItem" | "Query") => observe(record).map(|answer| {
                let answer = rewritten(&answer, "\\\"tries\\\":", "\\\"tries\\\":0,\\\"forgot\\\":");
                rewritten(&answer, "\\\"made\\\":[", "\\\"made\\\":[],\\\"forgot_too\\\":[")
            }),
            (Self::IgnoredMode, "ListTagsForResource") => observe(record).map(|_| json!({ "Tags": [] })),
            (Self::IgnoredMode, "GetItem") => {
                observe(record).map(|answer| rewritten(&answer, "\\\"modes\\\":", "\\\"forgot\\\":"))
            }
            (Self::IgnoredStop, "GetItem") => {
                observe(record).map(|answer| rewritten(&answer, "\\\"stopped_since\\\":", "\\\"forgot\\\":"))
            }
            (Self::WrongStatus, "ListServices" | "DescribeService") if caller == "RebuildFunction" => {
                observe(record).map(|answer| rewritten(&answer, "\"RUNNING\"", "\"CREATE_FAILED\""))
            }
            (Self::UnreadKeep, "DescribeVpcEndpoints") => {
                observe(record).map(|answer| rewritten(&answer, "apprunner-autopilot:keep", "kept"))
            }
            (Self::UnseenUse, "ListVpcIngressConnections") if caller == "CleanupFunction" => {
                observe(record).map(|_| json!({ "VpcIngressConnectionSummaryList": [] }))
            }
            (Self::LostWeight, "ChangeResourceRecordSets") => {
                observe(&asking(record, &rewritten(&record.input, "\"Weight\":\"100\"", "\"Weight\":\"0\"")))
            }
            (Self::ForcedWrite, "ChangeResourceRecordSets") => observe(&forced(account, record)),
            (Self::SilentTopic, "Publish") if record.input.to_string().contains("failure") => {
                Ok(json!({ "MessageId": "lost" }))
            }
            (Self::EchoingTopic, "Publish") => {
                let _ = (observe(record), observe(record));
                observe(record)
            }
            (Self::SilentBus, "PutEvents") => Ok(taken(record, &json!({ "EventId": "lost" }), 0)),
            (Self::StubbornBus, "PutEvents") => {
                Ok(taken(record, &json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "no" }), 1))
            }
            (Self::UnknownSecrets, "DescribeService") if caller == "NotifyFunction" => observe(record)
                .map(|answer| rewritten(&answer, "\"RuntimeEnvironmentVariables\"", "\"Nothing\"")),
            (Self::UnconditionalPut, "PutItem") => {
                let mut input = record.input.clone();
                if let Some(input) = input.as_object_mut() {
                    input.retain(|member, _| ["TableName", "Item"].contains(&member.as_str()));
                }
                observe(&asking(record, &input))
            }
            _ => observe(record),
        }
    }
}

/// The same call with another input.
fn asking(record: &RequestRecord, input: &Value) -> RequestRecord {
    RequestRecord { input: input.clone(), ..record.clone() }
}

/// A value with a piece of its JSON text replaced.
fn rewritten(value: &Value, from: &str, to: &str) -> Value {
    serde_json::from_str(&value.to_string().replace(from, to)).unwrap_or_else(|_| value.clone())
}

/// What the bus says to a batch.
fn taken(record: &RequestRecord, entry: &Value, failed: usize) -> Value {
    let entries = record.input["Entries"].as_array().map_or(0, Vec::len);
    json!({ "FailedEntryCount": entries * failed, "Entries": vec![entry.clone(); entries] })
}

/// A write that no longer compares: somebody has just edited the records, and they are replaced all the same.
fn forced(account: &Sandbox, record: &RequestRecord) -> RequestRecord {
    let records = account.route53().records(ZONE).into_iter();
    let mine = records
        .filter(|record| record["Name"].as_str().is_some_and(|name| name.trim_end_matches('.') == NAME));
    for mut record in mine {
        record["TTL"] = json!("7");
        let _ = account.route53().put_record(ZONE, &record);
    }
    let changes = record.input["ChangeBatch"]["Changes"]["Change"].as_array().cloned().unwrap_or_default();
    let there: Vec<Value> = account
        .route53()
        .records(ZONE)
        .into_iter()
        .filter(|record| record["Name"].as_str().is_some_and(|name| name.trim_end_matches('.') == NAME))
        .collect();
    let deletions =
        there.into_iter().map(|record| json!({ "Action": "DELETE", "ResourceRecordSet": record }));
    let creations = changes.into_iter().filter(|change| change["Action"] != "DELETE");
    let batch: Vec<Value> = deletions.chain(creations).collect();
    let mut input = record.input.clone();
    input["ChangeBatch"]["Changes"]["Change"] = batch.into();
    asking(record, &input)
}
