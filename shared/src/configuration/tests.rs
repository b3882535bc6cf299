mod comparing;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::service::ServiceArn;

const REPOSITORY: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders";

fn arn() -> ServiceArn {
    "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap()
}

fn place(root: &mut Value, path: &str, value: Value) {
    *path.split('.').fold(root, |at, name| &mut at[name]) = value;
}

/// Paths of all members below a structure of the API's model; maps and lists are one member.
fn paths(model: &Value, shape: &str, before: &str, found: &mut BTreeSet<String>) {
    let Some(members) = model["shapes"][shape]["members"].as_object() else {
        found.insert(before.to_owned());
        return;
    };
    for (name, shape) in members {
        let path = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        paths(model, shape.as_str().unwrap(), &path, found);
    }
}

#[test]
fn the_table_holds_every_member_of_the_api_s_model() {
    let model = include_str!("../../../sandbox/src/aws/apprunner/model.json");
    let model: Value = serde_json::from_str(model).unwrap();
    let members = |request: &str| {
        let mut found = BTreeSet::new();
        paths(&model, request, "", &mut found);
        found.retain(|path| !["ServiceArn", "ServiceName", "Tags"].contains(&path.as_str()));
        found
    };
    let table: BTreeSet<String> = Member::ALL.iter().map(|member| member.path().to_owned()).collect();
    assert_eq!(table, members("CreateServiceRequest"), "all that a service can be given");
    let mut updatable = table;
    updatable.remove("EncryptionConfiguration.KmsKey");
    assert_eq!(updatable, members("UpdateServiceRequest"), "all that an update takes");
}

#[test]
fn every_member_s_default_is_of_its_kind() {
    for member in Member::ALL {
        assert_eq!(equality::default(*member).is_some(), member.default().is_some(), "{member}");
    }
}

fn value(kind: Kind) -> BoxedStrategy<Value> {
    let text = "\\PC{0,12}";
    match kind {
        Kind::Text => text.prop_map(Value::from).boxed(),
        Kind::Secret => text.prop_map(|text| json!(format!("open-sesame{text}"))).boxed(),
        Kind::Flag => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Number => any::<i32>().prop_map(Value::from).boxed(),
        Kind::Environment => prop::collection::btree_map("[A-Z.]{1,8}", text, 0..4)
            .prop_map(|map| {
                let pairs = map.into_iter().map(|(name, text)| (name, json!(format!("open-sesame{text}"))));
                Value::Object(pairs.collect::<Map<_, _>>())
            })
            .boxed(),
    }
}

/// `UpdateService`'s input, without the ARN, of an image service or of one built from code.
fn input() -> impl Strategy<Value = Value> {
    any::<bool>().prop_flat_map(|from_code| {
        let fits = move |member: &&Member| match member.of() {
            Of::Any => true,
            Of::Image => !from_code,
            Of::Code | Of::CodeValues => from_code,
        };
        let members: Vec<_> = Member::ALL.iter().filter(fits).copied().collect();
        let maybe = |member: &Member| prop::option::weighted(0.8, value(member.kind()));
        let values: Vec<_> = members.iter().map(maybe).collect();
        values.prop_map(move |values| {
            let mut root = json!({});
            for (member, value) in members.iter().zip(values) {
                if let Some(value) = value {
                    place(&mut root, member.path(), value);
                }
            }
            root
        })
    })
}

/// The same as `DescribeService` shows it.
fn described(input: &Value) -> Value {
    let mut service = input.clone();
    service["Status"] = json!("RUNNING");
    service["ServiceName"] = json!("orders");
    if let Some(scaling) =
        service.as_object_mut().and_then(|members| members.remove("AutoScalingConfigurationArn"))
    {
        service["AutoScalingConfigurationSummary"] =
            json!({"AutoScalingConfigurationArn": scaling, "AutoScalingConfigurationRevision": 3});
    }
    service
}

proptest! {
    #[test]
    fn nothing_is_lost(input in input()) {
        let configuration = Configuration::from_json(&described(&input)).unwrap();
        let stored = serde_json::to_value(configuration.clone().seal()).unwrap();
        prop_assert_eq!(&stored, &input, "stored");
        let opened: Sealed = serde_json::from_value(stored).unwrap();
        prop_assert_eq!(opened.open(), &configuration, "opened");

        let update: Value = serde_json::from_str(configuration.update_input(&arn()).expose()).unwrap();
        let said = Configuration::from_json(&update).unwrap();
        prop_assert_eq!(&update["ServiceArn"], &json!(arn().as_str()));
        prop_assert!(update["EncryptionConfiguration"].is_null());
        for member in configuration.members.keys().filter(|member| **member != Member::KmsKey) {
            prop_assert_eq!(said.members.get(member), configuration.members.get(member), "{}", member);
        }
        let added = said.members.keys().filter(|member| !configuration.members.contains_key(member));
        for member in added {
            let known = [Member::EgressType, Member::Observability].contains(member)
                || said.environment(*member).is_some_and(Environment::is_empty);
            prop_assert!(known, "{} was added", member);
        }
        prop_assert!(said.text(Member::EgressType).is_some() && said.flag(Member::Observability).is_some());
    }

    #[test]
    fn no_secret_is_shown(input in input()) {
        let configuration = Configuration::from_json(&input).unwrap();
        let shown = format!("{configuration:?} {:?} {:?}", configuration.clone().seal(), configuration.update_input(&arn()));
        prop_assert!(!shown.contains("open-sesame"), "{}", shown);
    }

    #[test]
    fn a_configuration_equals_itself_and_is_no_exposure(input in input()) {
        let configuration = Configuration::from_json(&input).unwrap();
        let pinned = Configuration::from_json(&described(&input)).unwrap();
        prop_assert_eq!(differences(of(&configuration), of(&pinned)), vec![]);
        let guards: Vec<_> = exposure(of(&configuration), of(&pinned));
        prop_assert_eq!(guards, vec![]);
    }
}

fn of(configuration: &Configuration) -> Snapshot<'_> {
    Snapshot { configuration, digest: None }
}

#[test]
fn its_secrets_are_removed_from_what_others_say() {
    let settings = json!({
        "RuntimeEnvironmentVariables": {"SMTP": "xyzzy-plugh"},
        "StartCommand": "node server.js --key=open-sesame",
    });
    let mut root = json!({});
    place(&mut root, "SourceConfiguration.ImageRepository.ImageConfiguration", settings);
    let redactor = Configuration::from_json(&root).unwrap().redactor();
    let said =
        "Value 'xyzzy-plugh' or 'node server.js --key=open-sesame' failed to satisfy constraint".into();
    let expected = "Value '[redacted]' or 'node server.js --key=[redacted]' failed to satisfy constraint";
    assert_eq!(redactor.clean(&said).as_str(), expected);
}

#[test]
fn what_is_of_another_kind_is_named() {
    for (json, field) in [
        (json!({"InstanceConfiguration": {"Cpu": 1024}}), "InstanceConfiguration.Cpu"),
        (json!({"HealthCheckConfiguration": {"Interval": "5"}}), "HealthCheckConfiguration.Interval"),
        (
            json!({"HealthCheckConfiguration": {"Interval": 5_000_000_000_i64}}),
            "HealthCheckConfiguration.Interval",
        ),
        (
            json!({"NetworkConfiguration": {"IngressConfiguration": {"IsPubliclyAccessible": "no"}}}),
            "NetworkConfiguration.IngressConfiguration.IsPubliclyAccessible",
        ),
    ] {
        assert_eq!(Configuration::from_json(&json).unwrap_err().field, field);
        assert!(serde_json::from_value::<Sealed>(json).unwrap_err().to_string().starts_with(field));
    }
}

#[test]
fn an_image_identifier_gives_its_parts() {
    let read = |text: &str| text.parse::<ImageIdentifier>().unwrap();
    for (text, repository, tag, digest, runs) in [
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/orders:v7", "orders", Some("v7"), None, Some("v7")),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/orders",
            "team/orders",
            None,
            None,
            Some("latest"),
        ),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:abc",
            "orders",
            None,
            Some("sha256:abc"),
            None,
        ),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:v7@sha256:abc",
            "orders",
            Some("v7"),
            Some("sha256:abc"),
            None,
        ),
        ("public.ecr.aws/nginx/nginx:latest", "nginx/nginx", Some("latest"), None, Some("latest")),
    ] {
        let image = read(text);
        assert_eq!(image.to_string(), text);
        let parts = (image.repository.as_str(), image.tag.as_deref(), image.digest.as_deref());
        assert_eq!(parts, (repository, tag, digest), "{text}");
        assert_eq!(image.effective_tag(), runs, "{text}");
        let pinned = image.with_digest("sha256:def");
        assert_eq!(pinned.to_string(), format!("{}/{repository}@sha256:def", image.registry));
        assert!(pinned.is_beside(&image) && read(&pinned.to_string()) == pinned);
    }
    for (a, b, same) in [
        ("", ":latest", true),
        (":a", ":a", true),
        (":a", ":b", false),
        ("@sha256:a", ":t@sha256:a", true),
        (":t", ":t@sha256:a", false),
    ] {
        assert_eq!(
            read(&format!("{REPOSITORY}{a}")).is_same(&read(&format!("{REPOSITORY}{b}"))),
            same,
            "{a} {b}"
        );
    }
}

#[test]
fn what_names_no_image_in_ecr_is_refused() {
    for text in [
        "",
        "nginx",
        "docker.io/library/nginx:latest",
        "12345.dkr.ecr.eu-west-1.amazonaws.com/orders",
        "123456789012.dkr.ecr.eu-west-1.example.com/orders",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders@",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders@abc",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/or ders:v1",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:v1:v2",
    ] {
        assert!(text.parse::<ImageIdentifier>().is_err(), "{text}");
    }
}

#[test]
fn every_number_and_every_secret_is_given_back() {
    let mut configuration = Configuration::default();
    for member in Member::ALL {
        match member.kind() {
            Kind::Number => {
                configuration.set_number(*member, Some(7));
                assert_eq!(configuration.number(*member), Some(7), "{}", member.path());
                assert_eq!(configuration.text(*member), None, "{}", member.path());
            }
            Kind::Secret => {
                configuration.set_text(*member, Some("make"));
                assert_eq!(
                    configuration.secret(*member).map(Untrusted::expose),
                    Some("make"),
                    "{}",
                    member.path()
                );
                assert_eq!(configuration.number(*member), None, "{}", member.path());
            }
            _ => {}
        }
    }
}
