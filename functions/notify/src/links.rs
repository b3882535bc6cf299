//! Links into the AWS console.

use autopilot::service::ServiceArn;

/// A labelled link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it leads to.
    pub label: String,
    /// Where.
    pub url: String,
}

/// The service's page in the App Runner console.
pub fn service(service: &ServiceArn) -> Link {
    let region = service.region();
    let url = format!(
        "https://{region}.{}/apprunner/home?region={region}#/services/dashboard?service_arn={}",
        console(region),
        encoded(service.as_str())
    );
    Link { label: "Service".to_owned(), url }
}

/// A log stream's page in the CloudWatch console, which wants `$` for `%` and encodes twice.
pub fn log_stream(service: &ServiceArn, group: &str, stream: &str) -> Link {
    let region = service.region();
    let twice = |text: &str| encoded(&encoded(text)).replace('%', "$");
    let url = format!(
        "https://{region}.{}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{}/log-events/{}",
        console(region),
        twice(group),
        twice(stream)
    );
    Link { label: format!("Log {stream}"), url }
}

fn console(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "console.amazonaws.cn",
        Some("us") if region.starts_with("us-gov-") => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    }
}

/// Percent-encoding of everything but unreserved characters (RFC 3986, section 2.3).
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_encoded_as_the_consoles_want() {
        let arn: ServiceArn = "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap();
        assert_eq!(
            service(&arn).url,
            "https://eu-west-1.console.aws.amazon.com/apprunner/home?region=eu-west-1#/services/dashboard\
             ?service_arn=arn%3Aaws%3Aapprunner%3Aeu-west-1%3A123456789012%3Aservice%2Forders%2F8fe1"
        );
        assert_eq!(
            log_stream(&arn, "/aws/apprunner/orders/8fe1/service", "deployment/0af3").url,
            "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/\
             $252Faws$252Fapprunner$252Forders$252F8fe1$252Fservice/log-events/deployment$252F0af3"
        );
    }
}
