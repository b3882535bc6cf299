//! ACM, as far as a certificate's names go: `DescribeCertificate`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::error::ApiError;
use super::lock;
use super::protocol::Protocol;
use super::service::Service;
use crate::aws::identity::fresh;

/// ACM for one account.
pub struct Acm {
    account: String,
    region: String,
    certificates: Mutex<BTreeMap<String, Value>>,
}

impl Acm {
    pub(crate) fn new(account: &str, region: &str) -> Self {
        Self { account: account.to_owned(), region: region.to_owned(), certificates: Mutex::default() }
    }

    /// Seeds a certificate with these names in a status such as `ISSUED`, and returns its ARN.
    pub fn add_certificate(&self, names: &[&str], status: &str) -> String {
        let arn = format!("arn:aws:acm:{}:{}:certificate/{}", self.region, self.account, fresh());
        let certificate = json!({
            "CertificateArn": arn,
            "DomainName": names.first(),
            "SubjectAlternativeNames": names,
            "Status": status,
            "Type": "AMAZON_ISSUED",
        });
        lock(&self.certificates).insert(arn.clone(), certificate);
        arn
    }
}

impl Service for Acm {
    fn name(&self) -> &'static str {
        "acm"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Json { target: "CertificateManager", version: "1.1", message_member: "message" }
    }

    fn server_error(&self) -> &'static str {
        "InternalFailure"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        if operation != "DescribeCertificate" {
            return Err(ApiError::unknown_operation(operation));
        }
        let arn = input["CertificateArn"].as_str().unwrap_or_default();
        if !arn.starts_with("arn:") {
            return Err(ApiError::refused("InvalidArnException", format!("{arn} is not an ARN")));
        }
        let certificates = lock(&self.certificates);
        let found = certificates.get(arn).ok_or_else(|| {
            let problem = format!("Could not find certificate {arn}.");
            ApiError::refused("ResourceNotFoundException", problem)
        })?;
        Ok(json!({ "Certificate": found }))
    }
}
