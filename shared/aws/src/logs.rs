//! CloudWatch Logs.

use autopilot::{
    error::PortError,
    ports::{LogsRead, StreamInfo, Window},
    redact::Untrusted,
};
use aws_sdk_cloudwatchlogs::{Client, types::OrderBy};
use aws_types::SdkConfig;
use jiff::Timestamp;

use crate::failure::port_error;

/// `DescribeLogStreams` gives at most so many a page; the newest are enough.
const STREAMS: i32 = 50;

/// CloudWatch Logs.
#[derive(Clone, Debug)]
pub struct Logs {
    client: Client,
}

impl Logs {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(sdk) }
    }
}

impl LogsRead for Logs {
    async fn streams(&self, group: &str) -> Result<Vec<StreamInfo>, PortError> {
        let call = self
            .client
            .describe_log_streams()
            .log_group_name(group)
            .order_by(OrderBy::LastEventTime)
            .descending(true)
            .limit(STREAMS);
        let answer = call.send().await.map_err(|error| port_error("logs:DescribeLogStreams", error));
        let streams = match answer {
            Ok(answer) => answer.log_streams.unwrap_or_default(),
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Err(error),
        };
        let info = |stream: aws_sdk_cloudwatchlogs::types::LogStream| StreamInfo {
            name: stream.log_stream_name.unwrap_or_default(),
            last_event_at: stream.last_event_timestamp.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        };
        Ok(streams.into_iter().map(info).collect())
    }

    async fn tail(
        &self,
        group: &str,
        stream: &str,
        window: Window,
        limit: u16,
    ) -> Result<Vec<Untrusted>, PortError> {
        let call = self
            .client
            .get_log_events()
            .log_group_name(group)
            .log_stream_name(stream)
            .start_time(window.start.as_millisecond())
            // The end is exclusive.
            .end_time(window.end.as_millisecond() + 1)
            .limit(i32::from(limit))
            .start_from_head(false);
        let answer = call.send().await.map_err(|error| port_error("logs:GetLogEvents", error))?;
        Ok(answer
            .events
            .unwrap_or_default()
            .into_iter()
            .filter_map(|event| event.message)
            .map(Untrusted::from)
            .collect())
    }
}
