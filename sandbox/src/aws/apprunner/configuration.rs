//! A service's configuration: how an update is merged into it and which defaults are filled in.
//!
//! What the service does with members left out *inside* a structure is not documented. The sandbox takes the
//! reading that is harder for its callers: left out means unchanged, at every depth. Maps and lists are
//! replaced as a whole.

use serde_json::{Map, Value, json};

use super::refused;
use crate::aws::error::ApiError;

/// The members that `UpdateService` takes, as `DescribeService` shows them.
pub(super) const MEMBERS: [&str; 6] = [
    "SourceConfiguration",
    "InstanceConfiguration",
    "HealthCheckConfiguration",
    "NetworkConfiguration",
    "ObservabilityConfiguration",
    "AutoScalingConfigurationArn",
];

/// Members whose content is the user's own.
const MAPS: [&str; 2] = ["RuntimeEnvironmentVariables", "RuntimeEnvironmentSecrets"];

/// vCPU units and the memory (MB) that goes with them.
const SIZES: [(&str, &[&str]); 5] = [
    ("256", &["512", "1024"]),
    ("512", &["1024"]),
    ("1024", &["2048", "3072", "4096"]),
    ("2048", &["4096", "6144"]),
    ("4096", &["8192", "10240", "12288"]),
];

/// A complete configuration.
pub(super) type Configuration = Map<String, Value>;

/// The configuration that a request leaves: `present` (empty for a new service) with the request's members
/// merged in and the defaults of `account` filled in.
pub(super) fn merged(
    present: &Configuration,
    input: &Value,
    account: &str,
) -> Result<Configuration, ApiError> {
    let kind_is_kept = ["ImageRepository", "CodeRepository"].iter().all(|kind| {
        let given = !input["SourceConfiguration"][kind].is_null();
        present.is_empty() || !given || present["SourceConfiguration"].get(kind).is_some()
    });
    if !kind_is_kept {
        return Err(refused(
            "InvalidRequestException",
            "SourceConfiguration: the source of an existing service cannot be switched between code and image.",
        ));
    }
    let mut all = Value::Object(present.clone());
    for member in MEMBERS {
        if !input[member].is_null() {
            merge(&mut all[member], &input[member]);
        }
    }
    let mut all = match all {
        Value::Object(all) => all,
        _ => Configuration::new(),
    };
    fill_source(entry(&mut all, "SourceConfiguration"), account)?;
    fill_instance(entry(&mut all, "InstanceConfiguration"))?;
    fill(
        entry(&mut all, "HealthCheckConfiguration"),
        &json!({ "Protocol": "TCP", "Path": "/", "Interval": 5, "Timeout": 2, "HealthyThreshold": 1, "UnhealthyThreshold": 5 }),
    );
    fill_network(entry(&mut all, "NetworkConfiguration"))?;
    fill_observability(entry(&mut all, "ObservabilityConfiguration"));
    Ok(all)
}

fn entry<'a>(all: &'a mut Configuration, member: &str) -> &'a mut Value {
    all.entry(member).or_insert_with(|| json!({}))
}

fn merge(present: &mut Value, given: &Value) {
    let (Value::Object(_), Value::Object(members)) = (&*present, given) else {
        *present = given.clone();
        return;
    };
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        if MAPS.contains(&name.as_str()) {
            present[name] = value.clone();
        } else {
            merge(&mut present[name], value);
        }
    }
}

/// Sets what is missing.
fn fill(value: &mut Value, defaults: &Value) {
    for (name, default) in defaults.as_object().into_iter().flatten() {
        if value[name].is_null() {
            value[name] = default.clone();
        } else if default.is_object() {
            fill(&mut value[name], default);
        }
    }
}

fn fill_source(source: &mut Value, account: &str) -> Result<(), ApiError> {
    let image = source["ImageRepository"]["ImageIdentifier"].as_str().map(str::to_owned);
    if image.is_some() == source.get("CodeRepository").is_some() {
        return Err(refused(
            "InvalidRequestException",
            "SourceConfiguration: exactly one of CodeRepository and ImageRepository must be given.",
        ));
    }
    let public = source["ImageRepository"]["ImageRepositoryType"] == "ECR_PUBLIC";
    let own = image.as_deref().is_none_or(|image| !public && image.starts_with(account));
    if public && source["AutoDeploymentsEnabled"] == json!(true) {
        return Err(refused(
            "InvalidRequestException",
            "SourceConfiguration.AutoDeploymentsEnabled: images of ECR Public cannot be deployed automatically.",
        ));
    }
    fill(source, &json!({ "AutoDeploymentsEnabled": own }));
    let settings = if image.is_some() {
        fill(source, &json!({ "ImageRepository": { "ImageConfiguration": { "Port": "8080" } } }));
        &mut source["ImageRepository"]["ImageConfiguration"]
    } else {
        fill(source, &json!({ "CodeRepository": { "SourceDirectory": "/" } }));
        if source["CodeRepository"]["CodeConfiguration"]["CodeConfigurationValues"].is_null() {
            return Ok(());
        }
        let values = &mut source["CodeRepository"]["CodeConfiguration"]["CodeConfigurationValues"];
        fill(values, &json!({ "Port": "8080" }));
        values
    };
    check_environment(settings)
}

fn check_environment(settings: &mut Value) -> Result<(), ApiError> {
    for member in MAPS {
        if settings[member].get("PORT").is_some() {
            return Err(refused(
                "InvalidRequestException",
                &format!("{member}: PORT is a reserved name. Set the port in the configuration instead."),
            ));
        }
        let empty = settings[member].as_object().is_none_or(Map::is_empty);
        if let (Some(settings), true) = (settings.as_object_mut(), empty) {
            settings.remove(member);
        }
    }
    Ok(())
}

/// Writes `1 vCPU` as `1024` and `2 GB` as `2048`, as the service shows them.
fn fill_instance(instance: &mut Value) -> Result<(), ApiError> {
    fill(instance, &json!({ "Cpu": "1024", "Memory": "2048" }));
    for (member, unit) in [("Cpu", " vCPU"), ("Memory", " GB")] {
        let text = instance[member].as_str().unwrap_or_default();
        if let Some(units) = text.strip_suffix(unit).and_then(|number| number.parse::<f64>().ok()) {
            instance[member] = json!((units * 1024.0).to_string());
        }
    }
    let fits = SIZES.iter().any(|(cpu, memory)| {
        instance["Cpu"] == *cpu && memory.iter().any(|memory| instance["Memory"] == *memory)
    });
    if fits {
        return Ok(());
    }
    let problem = format!(
        "InstanceConfiguration: {} of Cpu and {} of Memory do not go together.",
        instance["Cpu"], instance["Memory"]
    );
    Err(refused("InvalidRequestException", &problem))
}

fn fill_network(network: &mut Value) -> Result<(), ApiError> {
    fill(
        network,
        &json!({
            "EgressConfiguration": { "EgressType": "DEFAULT" },
            "IngressConfiguration": { "IsPubliclyAccessible": true },
            "IpAddressType": "IPV4",
        }),
    );
    let egress = &mut network["EgressConfiguration"];
    if egress["EgressType"] == "VPC" && egress["VpcConnectorArn"].is_null() {
        return Err(refused(
            "InvalidRequestException",
            "NetworkConfiguration.EgressConfiguration.VpcConnectorArn is required for EgressType VPC.",
        ));
    }
    if egress["EgressType"] == "DEFAULT" {
        *egress = json!({ "EgressType": "DEFAULT" });
    }
    Ok(())
}

fn fill_observability(observability: &mut Value) {
    fill(observability, &json!({ "ObservabilityEnabled": false }));
    if observability["ObservabilityEnabled"] == json!(false) {
        *observability = json!({ "ObservabilityEnabled": false });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "111122223333";

    fn image(more: &Value) -> Value {
        let mut input = json!({ "SourceConfiguration": { "ImageRepository": {
            "ImageIdentifier": "111122223333.dkr.ecr.us-east-1.amazonaws.com/web:1",
            "ImageRepositoryType": "ECR",
            "ImageConfiguration": { "Port": "3000", "RuntimeEnvironmentVariables": { "A": "1", "B": "2" } } } } });
        merge(&mut input, more);
        input
    }

    fn created() -> Configuration {
        merged(&Configuration::new(), &image(&json!({})), ACCOUNT).unwrap()
    }

    #[test]
    fn defaults_are_filled_in() {
        let all = created();
        assert_eq!(all["InstanceConfiguration"], json!({ "Cpu": "1024", "Memory": "2048" }));
        assert_eq!(all["NetworkConfiguration"]["IngressConfiguration"]["IsPubliclyAccessible"], json!(true));
        assert_eq!(all["SourceConfiguration"]["AutoDeploymentsEnabled"], json!(true));
        assert_eq!(all["HealthCheckConfiguration"]["UnhealthyThreshold"], json!(5));
    }

    #[test]
    fn left_out_means_unchanged_but_maps_are_replaced() {
        let update = json!({
            "SourceConfiguration": { "ImageRepository": { "ImageConfiguration": {
                "RuntimeEnvironmentVariables": { "A": "3" } } } },
            "InstanceConfiguration": { "Cpu": "2 vCPU", "Memory": "4 GB" },
        });
        let all = merged(&created(), &update, ACCOUNT).unwrap();
        let settings = &all["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"];
        assert_eq!(*settings, json!({ "Port": "3000", "RuntimeEnvironmentVariables": { "A": "3" } }));
        assert_eq!(all["InstanceConfiguration"], json!({ "Cpu": "2048", "Memory": "4096" }));
        let cleared = json!({ "SourceConfiguration": { "ImageRepository": { "ImageConfiguration": {
            "RuntimeEnvironmentVariables": {} } } } });
        let all = merged(&all, &cleared, ACCOUNT).unwrap();
        assert_eq!(
            all["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"],
            json!({ "Port": "3000" })
        );
    }

    #[test]
    fn leaving_the_vpc_forgets_the_connector() {
        let connector = "arn:aws:apprunner:us-east-1:111122223333:vpcconnector/c/1/0";
        let vpc = json!({ "NetworkConfiguration": { "EgressConfiguration": {
            "EgressType": "VPC", "VpcConnectorArn": connector } } });
        let all = merged(&created(), &vpc, ACCOUNT).unwrap();
        assert_eq!(all["NetworkConfiguration"]["EgressConfiguration"]["VpcConnectorArn"], connector);
        let back = json!({ "NetworkConfiguration": { "EgressConfiguration": { "EgressType": "DEFAULT" } } });
        let all = merged(&all, &back, ACCOUNT).unwrap();
        assert_eq!(all["NetworkConfiguration"]["EgressConfiguration"], json!({ "EgressType": "DEFAULT" }));
    }

    #[test]
    fn what_the_service_cannot_do_is_refused() {
        let code = json!({ "SourceConfiguration": { "CodeRepository": { "RepositoryUrl": "https://example.com/r" } } });
        for (input, named) in [
            (code, "switched"),
            (json!({ "InstanceConfiguration": { "Cpu": "256" } }), "do not go together"),
            (
                json!({ "NetworkConfiguration": { "EgressConfiguration": { "EgressType": "VPC" } } }),
                "VpcConnectorArn",
            ),
            (
                image(&json!({ "SourceConfiguration": { "ImageRepository": { "ImageConfiguration": {
                "RuntimeEnvironmentVariables": { "PORT": "80" } } } } })),
                "PORT",
            ),
        ] {
            let error = merged(&created(), &input, ACCOUNT).expect_err("refused");
            assert!(error.message.contains(named), "{error:?}");
        }
    }
}
