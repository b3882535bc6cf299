//! IAM, over the narrow client: one call, where the SDK crate has 220,000 lines.

use autopilot::{
    error::PortError,
    ports::{RoleRead, TrustedRole},
};
use aws_types::SdkConfig;
use percent_encoding::percent_decode_str;

use crate::narrow::{Api, Narrow, Protocol, unreadable, xml};

const IAM: Api = Api {
    id: "IAM",
    signing_name: "iam",
    host: "iam",
    global: true,
    protocol: Protocol::Query { version: "2010-05-08" },
};

const GET_ROLE: &str = "iam:GetRole";

/// IAM.
#[derive(Debug)]
pub struct Iam {
    narrow: Narrow,
}

impl Iam {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { narrow: Narrow::new(sdk, &IAM) }
    }
}

impl RoleRead for Iam {
    async fn role(&self, arn: &str) -> Result<Option<TrustedRole>, PortError> {
        // arn:aws:iam::123456789012:role/path/name
        let name = arn.rsplit('/').next().unwrap_or_default();
        let answer = match self.narrow.query(GET_ROLE, &[("RoleName".to_owned(), name)]).await {
            Ok(answer) => answer,
            Err(error) if error.code.as_deref() == Some("NoSuchEntity") => return Ok(None),
            Err(error) => return Err(error),
        };
        let document = xml::parse(&answer).map_err(|error| unreadable(GET_ROLE, &error))?;
        let of_role = |name| xml::text(document.root_element(), &["GetRoleResult", "Role", name]);
        let policy = of_role("AssumeRolePolicyDocument")
            .ok_or_else(|| unreadable(GET_ROLE, &xml::Unreadable::Missing("trust policy")))?;
        Ok(Some(TrustedRole {
            created_at: of_role("CreateDate").and_then(|date| date.parse().ok()),
            trust_policy: percent_decode_str(policy).decode_utf8_lossy().into_owned(),
        }))
    }
}
