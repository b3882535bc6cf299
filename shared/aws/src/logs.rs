//! CloudWatch Logs, over the narrow client: two calls.

use autopilot::{
    error::PortError,
    ports::{LogsRead, StreamInfo, Window},
    redact::Untrusted,
};
use aws_types::SdkConfig;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::narrow::{Api, Narrow, Protocol};

const LOGS: Api = Api {
    id: "CloudWatch Logs",
    signing_name: "logs",
    host: "logs",
    global: false,
    protocol: Protocol::Json { target: "Logs_20140328", version: "1.1" },
};

/// `DescribeLogStreams` gives at most so many a page; the newest are enough.
const STREAMS: u32 = 50;

/// CloudWatch Logs.
#[derive(Debug)]
pub struct Logs {
    narrow: Narrow,
}

impl Logs {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { narrow: Narrow::new(sdk, &LOGS) }
    }
}

impl LogsRead for Logs {
    async fn streams(&self, group: &str) -> Result<Vec<StreamInfo>, PortError> {
        let input = json!({ "logGroupName": group, "orderBy": "LastEventTime", "descending": true, "limit": STREAMS });
        let answer = match self.narrow.json("logs:DescribeLogStreams", &input).await {
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            answer => answer?,
        };
        let info = |stream: &Value| StreamInfo {
            name: stream["logStreamName"].as_str().unwrap_or_default().to_owned(),
            last_event_at: stream["lastEventTimestamp"]
                .as_i64()
                .and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        };
        Ok(answer["logStreams"].as_array().into_iter().flatten().map(info).collect())
    }

    async fn tail(
        &self,
        group: &str,
        stream: &str,
        window: Window,
        limit: u16,
    ) -> Result<Vec<Untrusted>, PortError> {
        let input = json!({
            "logGroupName": group, "logStreamName": stream, "limit": limit, "startFromHead": false,
            "startTime": window.start.as_millisecond(),
            "endTime": window.end.as_millisecond() + 1, // it is exclusive
        });
        let answer = self.narrow.json("logs:GetLogEvents", &input).await?;
        let messages = answer["events"].as_array().into_iter().flatten();
        Ok(messages
            .filter_map(|event| event["message"].as_str())
            .map(|line| Untrusted::from(line.to_owned()))
            .collect())
    }
}
