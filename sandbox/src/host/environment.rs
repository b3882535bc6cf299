//! The environment of a function process: what Lambda gives, what the template
//! says, and the endpoint of the sandbox. Nothing is inherited from the host.

use std::collections::BTreeMap;

use super::function::Function;
use super::resources::Account;

/// The variables of a function; the test's own come last and win. The access
/// key ID is the function's logical ID, so that the account can tell the
/// callers apart.
pub(crate) fn of(
    function: &Function,
    account: &Account,
    endpoint: &str,
    extra: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let given_by_lambda = [
        ("AWS_ACCESS_KEY_ID", function.logical_id.clone()),
        ("AWS_DEFAULT_REGION", account.region.clone()),
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "sandbox".to_owned()),
        ("AWS_REGION", account.region.clone()),
        ("AWS_SECRET_ACCESS_KEY", "sandbox".to_owned()),
        ("AWS_SESSION_TOKEN", "sandbox".to_owned()),
        ("LAMBDA_TASK_ROOT", "/var/task".to_owned()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin".to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("_HANDLER", function.handler.clone()),
    ];
    let mut variables: BTreeMap<String, String> =
        given_by_lambda.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    variables.extend(function.environment.clone());
    variables.extend(extra.clone());
    variables
}
