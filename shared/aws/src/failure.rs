//! The SDK's failures in the classes of `autopilot`, with source and service code kept.

use autopilot::error::{Class, PortError};
use aws_sdk_apprunner::{
    config::http::HttpResponse,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
};

/// Codes with a 4xx status that a later attempt can turn into a success.
const RETRYABLE_CODES: [&str; 13] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidStateException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "Throttled",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
];

/// Translates a failed call.
pub(crate) fn port_error<E>(call: &'static str, error: SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
    let status = error.raw_response().map(|response| response.status().as_u16());
    let class = match (&error, code.as_deref(), status) {
        (SdkError::ServiceError(_), Some(code), _) if RETRYABLE_CODES.contains(&code) => Class::Retryable,
        (SdkError::ConstructionFailure(_), _, _)
        | (SdkError::ServiceError(_), _, Some(400..=428 | 430..=499)) => Class::Permanent,
        _ => Class::Retryable,
    };
    let message = match &error {
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::ServiceError(service) => match service.err().message() {
            Some(message) => message.to_owned(),
            None => format!("status {}", status.unwrap_or_default()),
        },
        other => DisplayErrorContext(other).to_string(),
    };
    PortError { call, class, code, message, source: Some(Box::new(error)) }
}

#[cfg(test)]
mod tests {
    use aws_sdk_apprunner::{error::ErrorMetadata, operation::describe_service::DescribeServiceError};

    use super::*;

    fn refused(code: &str, status: u16) -> PortError {
        let metadata = ErrorMetadata::builder().code(code).message("no").build();
        let response = HttpResponse::new(status.try_into().unwrap(), "".into());
        port_error(
            "apprunner:DescribeService",
            SdkError::service_error(DescribeServiceError::generic(metadata), response),
        )
    }

    #[test]
    fn answers_are_classed_by_code_and_status() {
        for (code, status, class) in [
            ("AccessDeniedException", 400, Class::Permanent),
            ("InvalidRequestException", 400, Class::Permanent),
            ("ThrottlingException", 400, Class::Retryable),
            ("ExpiredToken", 403, Class::Retryable),
            ("InvalidStateException", 400, Class::Retryable),
            ("PriorRequestNotComplete", 400, Class::Retryable),
            ("InvalidChangeBatch", 400, Class::Permanent),
            ("NoSuchHostedZone", 404, Class::Permanent),
            ("SlowDown", 429, Class::Retryable),
            ("InternalServiceErrorException", 500, Class::Retryable),
        ] {
            let error = refused(code, status);
            assert_eq!((error.class, error.code.as_deref()), (class, Some(code)));
        }
    }

    #[test]
    fn silence_is_retryable_and_has_no_code() {
        let silence = SdkError::<DescribeServiceError, HttpResponse>::timeout_error("late");
        let error = port_error("apprunner:DescribeService", silence);
        assert_eq!(
            (error.class, error.code, error.message.as_str()),
            (Class::Retryable, None, "no answer in time")
        );
    }
}
