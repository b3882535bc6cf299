//! The start's configuration: what it refuses, which endpoints it leads to, whom it trusts.

use autopilot::settings::Environment;
use aws_types::service_config::{LoadServiceConfig as _, ServiceConfigKey};

use super::{Endpoints, configuration, roots};

fn environment(changed: &[(&str, Option<&str>)]) -> Environment {
    let given = [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "a secret"),
    ];
    let mut environment: Environment =
        given.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for (name, value) in changed {
        match value {
            Some(value) => drop(environment.insert((*name).to_owned(), (*value).to_owned())),
            None => drop(environment.remove(*name)),
        }
    }
    environment
}

#[test]
fn what_lambda_gives_is_enough_and_a_missing_variable_is_named() {
    let sdk = configuration(&environment(&[])).unwrap();
    assert_eq!(sdk.region().map(AsRef::as_ref), Some("eu-west-1"));
    assert_eq!((sdk.use_fips(), sdk.use_dual_stack()), (None, None));
    let sdk = configuration(&environment(&[("AWS_USE_FIPS_ENDPOINT", Some("true"))])).unwrap();
    assert_eq!(sdk.use_fips(), Some(true));
    for variable in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        assert_eq!(configuration(&environment(&[(variable, None)])).unwrap_err().variable, variable);
    }
}

#[test]
fn nothing_secret_is_printed() {
    let sdk = configuration(&environment(&[("AWS_ENDPOINT_URL", Some("http://127.0.0.1:1"))])).unwrap();
    assert!(!format!("{sdk:?}").contains("a secret"), "{sdk:?}");
}

#[test]
fn a_services_own_endpoint_comes_before_the_common_one() {
    let endpoints = Endpoints::of(&environment(&[
        ("AWS_ENDPOINT_URL", Some("http://all")),
        ("AWS_ENDPOINT_URL_ROUTE_53", Some("http://dns")),
    ]));
    for (id, expected) in [("Route 53", "http://dns"), ("SNS", "http://all")] {
        let key = ServiceConfigKey::builder()
            .service_id(id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        assert_eq!(endpoints.load_config(key.unwrap()).as_deref(), Some(expected), "{id}");
    }
}

#[test]
fn amazons_five_roots_are_trusted() {
    assert_eq!(roots(&environment(&[])).unwrap().len(), 5);
}
