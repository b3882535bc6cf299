//! IAM, as far as a role's trust goes: `GetRole`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::ApiError;
use super::lock;
use super::protocol::Protocol;
use super::service::Service;

struct Role {
    created_at: Timestamp,
    trust_policy: String,
}

/// IAM for one account.
#[derive(Default)]
pub struct Iam {
    roles: Mutex<BTreeMap<String, Role>>,
}

impl Iam {
    /// Seeds a role that this service may assume, such as `build.apprunner.amazonaws.com`.
    pub fn add_role(&self, name: &str, trusted_service: &str, created_at: Timestamp) {
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": trusted_service },
            "Action": "sts:AssumeRole",
        }] });
        self.add_role_with_policy(name, &policy, created_at);
    }

    /// Seeds a role with this trust policy.
    pub fn add_role_with_policy(&self, name: &str, trust_policy: &Value, created_at: Timestamp) {
        let role = Role { created_at, trust_policy: trust_policy.to_string() };
        lock(&self.roles).insert(name.to_owned(), role);
    }

    fn get_role(&self, input: &Value) -> Result<Value, ApiError> {
        let name = input["RoleName"].as_str().unwrap_or_default();
        let roles = lock(&self.roles);
        let role = roles.get(name).ok_or_else(|| {
            let problem = format!("The role with name {name} cannot be found.");
            ApiError::refused("NoSuchEntity", problem).with_status(404)
        })?;
        Ok(json!({ "Role": {
            "Path": "/",
            "RoleName": name,
            "RoleId": "AROASANDBOXSANDBOXROLE",
            "Arn": format!("arn:aws:iam::123456789012:role/{name}"),
            "CreateDate": role.created_at.to_string(),
            "AssumeRolePolicyDocument": url_encoded(&role.trust_policy),
        } }))
    }
}

/// As RFC 3986 has it: what is not unreserved is escaped.
fn url_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

impl Service for Iam {
    fn name(&self) -> &'static str {
        "iam"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Query { signing_name: "iam", namespace: "https://iam.amazonaws.com/doc/2010-05-08/" }
    }

    fn server_error(&self) -> &'static str {
        "ServiceFailure"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        match operation {
            "GetRole" => self.get_role(input),
            _ => Err(ApiError::refused("InvalidAction", format!("Could not find operation {operation}"))),
        }
    }
}
