//! STS, as far as a function asks it who it is.

use serde_json::{Value, json};

use super::error::ApiError;
use super::protocol::Protocol;
use super::service::Service;

/// STS for one account.
pub struct Sts {
    account: String,
}

impl Sts {
    pub(crate) fn new(account: &str) -> Self {
        Self { account: account.to_owned() }
    }
}

impl Service for Sts {
    fn name(&self) -> &'static str {
        "sts"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Query { signing_name: "sts", namespace: "https://sts.amazonaws.com/doc/2011-06-15/" }
    }

    fn server_error(&self) -> &'static str {
        "InternalFailure"
    }

    fn call(&self, operation: &str, _input: &Value) -> Result<Value, ApiError> {
        match operation {
            "GetCallerIdentity" => Ok(json!({
                "Account": self.account,
                "Arn": format!("arn:aws:sts::{}:assumed-role/sandbox/function", self.account),
                "UserId": "AROASANDBOXSANDBOX:function",
            })),
            _ => Err(ApiError::refused("InvalidAction", format!("Could not find operation {operation}"))),
        }
    }
}
