//! Whether a trust policy lets an AWS service assume the role.
//!
//! Only what a policy says for certain is answered. Conditions depend on the request, so a statement with some
//! of them leaves the answer open.

use serde_json::Value;

/// Whether the policy, JSON, lets this service principal assume the role; `None` where that cannot be told.
pub fn trusts(policy: &str, principal: &str) -> Option<bool> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let statements = items(policy.get("Statement")?);
    let about = |effect: &str| {
        let concerns = |statement: &&&Value| {
            statement["Effect"] == effect
                && names(&statement["Action"], matches_action)
                && names_principal(&statement["Principal"], principal)
        };
        let found: Vec<&&Value> = statements.iter().filter(concerns).collect();
        let certain = found.iter().any(|statement| statement.get("Condition").is_none());
        (!found.is_empty()).then_some(certain)
    };
    // `NotPrincipal` and `NotAction` turn everything round; nobody writes them here.
    if statements.iter().any(|s| s.get("NotPrincipal").is_some() || s.get("NotAction").is_some()) {
        return None;
    }
    match (about("Deny"), about("Allow")) {
        (Some(true), _) | (_, None) => Some(false),
        (None, Some(true)) => Some(true),
        _ => None,
    }
}

/// IAM takes one item wherever it takes a list.
fn items(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |list| list.iter().collect())
}

fn names(value: &Value, wanted: impl Fn(&str) -> bool) -> bool {
    items(value).iter().any(|item| item.as_str().is_some_and(&wanted))
}

/// Action names are compared without regard to case.
fn matches_action(action: &str) -> bool {
    ["*", "sts:*", "sts:assume*", "sts:assumerole"].contains(&action.to_lowercase().as_str())
}

fn names_principal(value: &Value, principal: &str) -> bool {
    value == "*" || value["AWS"] == "*" || names(&value["Service"], |service| service == principal)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TASKS: &str = "tasks.apprunner.amazonaws.com";

    fn verdict(statement: &Value) -> Option<bool> {
        trusts(&json!({"Version": "2012-10-17", "Statement": statement}).to_string(), TASKS)
    }

    #[test]
    fn a_policy_is_read_in_every_shape_that_iam_takes() {
        let allow = |principal: Value, action: Value| json!({"Effect": "Allow", "Principal": principal, "Action": action});
        for (statement, expected) in [
            (json!([allow(json!({"Service": TASKS}), json!("sts:AssumeRole"))]), Some(true)),
            (allow(json!({"Service": TASKS}), json!("sts:AssumeRole")), Some(true)),
            (
                json!([allow(
                    json!({"Service": ["ecs-tasks.amazonaws.com", TASKS]}),
                    json!(["sts:TagSession", "STS:assumerole"])
                )]),
                Some(true),
            ),
            (json!([allow(json!({"AWS": "*"}), json!("sts:*"))]), Some(true)),
            (
                json!([allow(json!({"Service": "build.apprunner.amazonaws.com"}), json!("sts:AssumeRole"))]),
                Some(false),
            ),
            (json!([allow(json!({"Service": TASKS}), json!("sts:TagSession"))]), Some(false)),
            (json!([allow(json!({"AWS": "arn:aws:iam::1:root"}), json!("sts:AssumeRole"))]), Some(false)),
            (json!([]), Some(false)),
        ] {
            assert_eq!(verdict(&statement), expected, "{statement}");
        }
    }

    #[test]
    fn conditions_leave_it_open_and_a_denial_settles_it() {
        let mut allow =
            json!({"Effect": "Allow", "Principal": {"Service": TASKS}, "Action": "sts:AssumeRole"});
        let mut deny = allow.clone();
        deny["Effect"] = json!("Deny");
        assert_eq!(verdict(&json!([allow, deny])), Some(false));
        deny["Condition"] = json!({"StringNotEquals": {"aws:SourceAccount": "1"}});
        assert_eq!(verdict(&json!([allow, deny])), None);
        allow["Condition"] = json!({"StringEquals": {"aws:SourceAccount": "1"}});
        assert_eq!(verdict(&json!([allow])), None);
    }

    #[test]
    fn what_is_no_policy_is_not_judged() {
        for text in ["", "[]", "{\"Version\": 1}", "not json", "{\"Statement\": [{\"NotPrincipal\": {}}]}"] {
            assert_eq!(trusts(text, TASKS), None, "{text}");
        }
    }
}
