//! What every AWS service of the sandbox is to the server.

use serde_json::Value;

use super::error::ApiError;
use super::protocol::Protocol;

/// One AWS service. Input and result are JSON whatever the protocol; see [`Protocol`] for how each is
/// written on the wire.
pub trait Service: Send + Sync {
    /// The service's name in the request log and in fault rules, such as `apprunner`.
    fn name(&self) -> &'static str;

    /// How its requests are recognised, decoded and answered.
    fn protocol(&self) -> Protocol;

    /// Its own error code for an internal failure.
    fn server_error(&self) -> &'static str;

    /// Does the work of one operation. Must not block.
    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError>;

    /// What a presigned URL of this service leads to.
    fn download(&self, _path: &str) -> Option<String> {
        None
    }
}
