//! Certificates in ACM, over the narrow client: one call.

use autopilot::{
    balancing::{Certificate, CertificateStatus},
    error::PortError,
    ports::CertificateRead,
};
use aws_types::SdkConfig;
use serde_json::json;

use crate::narrow::{Api, Narrow, Protocol, unreadable};

const ACM: Api = Api {
    id: "ACM",
    signing_name: "acm",
    host: "acm",
    global: false,
    protocol: Protocol::Json { target: "CertificateManager", version: "1.1" },
};

const DESCRIBE: &str = "acm:DescribeCertificate";

/// ACM.
#[derive(Debug)]
pub struct Acm {
    narrow: Narrow,
}

impl Acm {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { narrow: Narrow::new(sdk, &ACM) }
    }
}

impl CertificateRead for Acm {
    async fn certificate(&self, arn: &str) -> Result<Option<Certificate>, PortError> {
        let answer = match self.narrow.json(DESCRIBE, &json!({ "CertificateArn": arn })).await {
            Ok(answer) => answer,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let certificate = &answer["Certificate"];
        let status = certificate["Status"].as_str();
        let status = status.ok_or_else(|| unreadable(DESCRIBE, &"it holds no status"))?;
        // The first name is among the alternative ones, too, but for some imported certificates.
        let alternative = certificate["SubjectAlternativeNames"].as_array().into_iter().flatten();
        let mut names: Vec<String> = Vec::new();
        for name in [&certificate["DomainName"]].into_iter().chain(alternative).filter_map(|it| it.as_str()) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        Ok(Some(Certificate { arn: arn.to_owned(), status: CertificateStatus::from(status), names }))
    }
}
