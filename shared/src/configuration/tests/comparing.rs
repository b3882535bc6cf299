//! Equality and guards.

use serde_json::{Value, json};

use super::{super::*, REPOSITORY, of, place};

/// An image service with these members.
fn image(members: &[(&str, Value)]) -> Configuration {
    let mut root = json!({});
    place(&mut root, Member::Image.path(), json!(format!("{REPOSITORY}:latest")));
    for (path, value) in members {
        place(&mut root, path, value.clone());
    }
    Configuration::from_json(&root).unwrap()
}

const VARIABLES: &str = "SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables";
const START: &str = "SourceConfiguration.ImageRepository.ImageConfiguration.StartCommand";

#[test]
fn spellings_and_defaults_of_instance_and_health_check_are_equal() {
    for (what, left, right, expected) in [
        ("nothing said", vec![], vec![], vec![]),
        (
            "automatic deployments",
            vec![("SourceConfiguration.AutoDeploymentsEnabled", json!(true))],
            vec![("SourceConfiguration.AutoDeploymentsEnabled", json!(false))],
            vec![],
        ),
        (
            "spelled vCPU",
            vec![("InstanceConfiguration.Cpu", json!("0.25 vCPU"))],
            vec![("InstanceConfiguration.Cpu", json!("256"))],
            vec![],
        ),
        ("default vCPU", vec![("InstanceConfiguration.Cpu", json!("1 vCPU"))], vec![], vec![]),
        ("other vCPU", vec![("InstanceConfiguration.Cpu", json!("2 vCPU"))], vec![], vec![Member::Cpu]),
        (
            "spelled memory",
            vec![("InstanceConfiguration.Memory", json!("0.5 GB"))],
            vec![("InstanceConfiguration.Memory", json!("512"))],
            vec![],
        ),
        ("default memory", vec![("InstanceConfiguration.Memory", json!("2 GB"))], vec![], vec![]),
        (
            "health defaults",
            vec![(
                "HealthCheckConfiguration",
                json!({"Protocol": "TCP", "Path": "/", "Interval": 5, "Timeout": 2, "HealthyThreshold": 1, "UnhealthyThreshold": 5}),
            )],
            vec![],
            vec![],
        ),
        (
            "health interval",
            vec![("HealthCheckConfiguration.Interval", json!(10))],
            vec![],
            vec![Member::HealthInterval],
        ),
        ("path of TCP", vec![("HealthCheckConfiguration.Path", json!("/health"))], vec![], vec![]),
        (
            "path of HTTP",
            vec![("HealthCheckConfiguration", json!({"Protocol": "HTTP", "Path": "/health"}))],
            vec![("HealthCheckConfiguration", json!({"Protocol": "HTTP"}))],
            vec![Member::HealthPath],
        ),
    ] {
        let (left, right) = (image(&left), image(&right));
        assert_eq!(differences(of(&left), of(&right)), expected, "{what}");
        assert_eq!(differences(of(&right), of(&left)), expected, "{what}, turned around");
    }
}

#[test]
fn what_means_the_same_is_equal() {
    let egress = "NetworkConfiguration.EgressConfiguration.EgressType";
    let connector = "NetworkConfiguration.EgressConfiguration.VpcConnectorArn";
    for (what, left, right, expected) in [
        (
            "network defaults",
            vec![(
                "NetworkConfiguration",
                json!({"EgressConfiguration": {"EgressType": "DEFAULT"}, "IngressConfiguration": {"IsPubliclyAccessible": true}, "IpAddressType": "IPV4"}),
            )],
            vec![],
            vec![],
        ),
        (
            "private",
            vec![("NetworkConfiguration.IngressConfiguration.IsPubliclyAccessible", json!(false))],
            vec![],
            vec![Member::Public],
        ),
        (
            "connector in use",
            vec![(egress, json!("VPC")), (connector, json!("a"))],
            vec![(egress, json!("VPC")), (connector, json!("b"))],
            vec![Member::VpcConnector],
        ),
        ("connector without use", vec![(connector, json!("a"))], vec![], vec![]),
        (
            "no tracing",
            vec![(
                "ObservabilityConfiguration",
                json!({"ObservabilityEnabled": false, "ObservabilityConfigurationArn": "a"}),
            )],
            vec![],
            vec![],
        ),
        ("empty environment", vec![(VARIABLES, json!({}))], vec![], vec![]),
        (
            "order",
            vec![(VARIABLES, json!({"A": "1", "B": "2"}))],
            vec![(VARIABLES, json!({"B": "2", "A": "1"}))],
            vec![],
        ),
        (
            "another value",
            vec![(VARIABLES, json!({"A": "1"}))],
            vec![(VARIABLES, json!({"A": "2"}))],
            vec![Member::ImageVariables],
        ),
        ("an empty value", vec![(VARIABLES, json!({"A": ""}))], vec![], vec![Member::ImageVariables]),
        ("start command", vec![(START, json!("a"))], vec![], vec![Member::ImageStartCommand]),
        (
            "port",
            vec![("SourceConfiguration.ImageRepository.ImageConfiguration.Port", json!("8080"))],
            vec![],
            vec![],
        ),
        (
            "scaling",
            vec![("AutoScalingConfigurationArn", json!("a/1"))],
            vec![("AutoScalingConfigurationArn", json!("a/2"))],
            vec![Member::AutoScaling],
        ),
        (
            "role",
            vec![("InstanceConfiguration.InstanceRoleArn", json!("r"))],
            vec![],
            vec![Member::InstanceRole],
        ),
    ] {
        let (left, right) = (image(&left), image(&right));
        assert_eq!(differences(of(&left), of(&right)), expected, "{what}");
        assert_eq!(differences(of(&right), of(&left)), expected, "{what}, turned around");
    }
}

#[test]
fn a_tag_and_its_recorded_digest_are_equal() {
    let other = REPOSITORY.replace("orders", "other");
    for (left, recorded, right, also, equal) in [
        (":v1", None, ":v1", None, true),
        (":v1", None, ":v2", None, false),
        ("", None, ":latest", None, true),
        (":v1", Some("sha256:a"), "@sha256:a", None, true),
        (":v1", Some("sha256:a"), "@sha256:b", None, false),
        (":v1", None, "@sha256:a", None, false),
        (":v1@sha256:a", None, "@sha256:a", None, true),
        (":v1", Some("sha256:a"), ":v2", Some("sha256:a"), true),
        (":v1", Some("sha256:a"), ":v1", Some("sha256:b"), false),
        (":v1", Some("sha256:a"), ":v1", None, true),
    ] {
        let named = |rest: &str| image(&[(Member::Image.path(), json!(format!("{REPOSITORY}{rest}")))]);
        let (a, b) = (named(left), named(right));
        let (a, b) =
            (Snapshot { configuration: &a, digest: recorded }, Snapshot { configuration: &b, digest: also });
        let expected = if equal { vec![] } else { vec![Member::Image] };
        assert_eq!(differences(a, b), expected, "{left} ({recorded:?}) and {right} ({also:?})");
        assert_eq!(differences(b, a), expected, "{right} ({also:?}) and {left} ({recorded:?})");
        let elsewhere = image(&[(Member::Image.path(), json!(format!("{other}{right}")))]);
        let elsewhere = Snapshot { configuration: &elsewhere, digest: also };
        assert_eq!(differences(a, elsewhere), [Member::Image], "another repository");
    }
}

#[test]
fn where_a_code_services_file_is_read_its_values_say_nothing() {
    let code = |source: &str, runtime: &str| {
        Configuration::from_json(&json!({"SourceConfiguration": {"CodeRepository": {
            "RepositoryUrl": "https://github.com/example/orders",
            "CodeConfiguration": {"ConfigurationSource": source, "CodeConfigurationValues": {"Runtime": runtime}},
        }}}))
        .unwrap()
    };
    let differ = |source| differences(of(&code(source, "NODEJS_18")), of(&code(source, "NODEJS_22")));
    assert_eq!(differ("REPOSITORY"), []);
    assert_eq!(differ("API"), [Member::Runtime]);
}

#[test]
fn guards_trip_on_what_only_a_person_may_allow() {
    use Exposure::{BecomesPublic, ChangesEnvironment, ChangesRoles};
    let public = "NetworkConfiguration.IngressConfiguration.IsPubliclyAccessible";
    let access = "SourceConfiguration.AuthenticationConfiguration.AccessRoleArn";
    let secrets = "SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentSecrets";
    let v2 = (Member::Image.path(), json!(format!("{REPOSITORY}:v2")));
    for (what, from, to, expected) in [
        ("nothing", vec![], vec![], vec![]),
        ("to public", vec![(public, json!(false))], vec![(public, json!(true))], vec![BecomesPublic]),
        ("to public, by default", vec![(public, json!(false))], vec![], vec![BecomesPublic]),
        ("to private", vec![(public, json!(true))], vec![(public, json!(false))], vec![]),
        (
            "role",
            vec![("InstanceConfiguration.InstanceRoleArn", json!("a"))],
            vec![("InstanceConfiguration.InstanceRoleArn", json!("b"))],
            vec![ChangesRoles],
        ),
        ("role added", vec![], vec![(access, json!("a"))], vec![ChangesRoles]),
        (
            "value",
            vec![(VARIABLES, json!({"A": "1"}))],
            vec![(VARIABLES, json!({"A": "2"}))],
            vec![ChangesEnvironment],
        ),
        ("variable gone", vec![(VARIABLES, json!({"A": "1"}))], vec![], vec![ChangesEnvironment]),
        (
            "secret",
            vec![(secrets, json!({"A": "arn:1"}))],
            vec![(secrets, json!({"A": "arn:2"}))],
            vec![ChangesEnvironment],
        ),
        (
            "value and image",
            vec![(VARIABLES, json!({"A": "1"})), v2.clone()],
            vec![(VARIABLES, json!({"A": "2"}))],
            vec![],
        ),
        ("size", vec![("InstanceConfiguration.Cpu", json!("512"))], vec![], vec![]),
        (
            "all",
            vec![(public, json!(false)), (access, json!("a")), (VARIABLES, json!({"A": "1"}))],
            vec![],
            vec![BecomesPublic, ChangesRoles, ChangesEnvironment],
        ),
    ] {
        let (from, to) = (image(&from), image(&to));
        assert_eq!(exposure(of(&from), of(&to)), expected, "{what}");
    }
    let latest = image(&[(VARIABLES, json!({"A": "1"}))]);
    let pinned = image(&[]).pinned_to(&latest.image().unwrap().with_digest("sha256:a"));
    let now = |digest| Snapshot { configuration: &latest, digest };
    assert_eq!(
        exposure(now(Some("sha256:a")), of(&pinned)),
        [ChangesEnvironment],
        "the tag means that digest"
    );
    assert_eq!(exposure(now(Some("sha256:b")), of(&pinned)), [], "the tag has moved on");
    assert_eq!(exposure(now(None), of(&pinned)), [ChangesEnvironment], "who knows what the tag means");
}

#[test]
fn code_that_stays_the_same_keeps_its_environment_too() {
    let code = |branch: &str, value: &str| {
        Configuration::from_json(&json!({"SourceConfiguration": {"CodeRepository": {
            "RepositoryUrl": "https://github.com/example/orders",
            "SourceCodeVersion": {"Type": "BRANCH", "Value": branch},
            "CodeConfiguration": {"ConfigurationSource": "API", "CodeConfigurationValues": {
                "Runtime": "NODEJS_22", "RuntimeEnvironmentVariables": {"A": value}}},
        }}}))
        .unwrap()
    };
    let guards = |from: &Configuration, to: &Configuration| exposure(of(from), of(to));
    assert_eq!(guards(&code("main", "1"), &code("main", "2")), [Exposure::ChangesEnvironment]);
    assert_eq!(guards(&code("next", "1"), &code("main", "2")), []);
}

#[test]
fn a_pinned_configuration_runs_its_digest_and_deploys_nothing_by_itself() {
    let latest = image(&[("SourceConfiguration.AutoDeploymentsEnabled", json!(true))]);
    let pinned = latest.clone().pinned_to(&latest.image().unwrap().with_digest("sha256:a"));
    assert_eq!(pinned.text(Member::Image), Some(format!("{REPOSITORY}@sha256:a").as_str()));
    assert_eq!(pinned.flag(Member::AutoDeployments), Some(false));
    let recorded = Snapshot { configuration: &latest, digest: Some("sha256:a") };
    assert_eq!(differences(recorded, of(&pinned)), []);
}
