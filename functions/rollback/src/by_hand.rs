//! The steps that are left to a person, exact enough to be copied. They show no value of a configuration but the
//! image: the rest of it the person's own commands read and write.

use autopilot::service::ServiceArn;

use crate::versions::Version;

/// The command to this function that goes to a version past a guard that asks.
pub(crate) fn by_command(service: &ServiceArn, version: u64) -> String {
    format!(
        "Say {{\"command\":\"rollback\",\"service_arn\":\"{service}\",\"version\":{version},\"force\":true}} to this \
         function."
    )
}

/// The service's own source with another image. Nothing else of it is lost, whichever registry it is in.
fn with_image(service: &ServiceArn, image: &str, auto_deployments: bool) -> Vec<String> {
    vec![
        format!(
            "aws apprunner describe-service --service-arn {service} --query Service.SourceConfiguration | jq \
             '.ImageRepository.ImageIdentifier = \"{image}\" | .AutoDeploymentsEnabled = {auto_deployments}' > source.json"
        ),
        format!(
            "aws apprunner update-service --service-arn {service} --source-configuration file://source.json"
        ),
    ]
}

fn shown(service: &ServiceArn) -> String {
    format!(
        "Say {{\"command\":\"versions\",\"service_arn\":\"{service}\"}} to this function to see what is recorded."
    )
}

/// What a rollback to a version would do, without this function. `changed`: the members that it would change.
pub(crate) fn by_update(service: &ServiceArn, version: &Version, changed: &[String]) -> Vec<String> {
    let mut steps = match version.image() {
        Some(image) => with_image(service, &image.to_string(), false),
        None => vec![shown(service)],
    };
    let others: Vec<_> = changed.iter().filter(|member| !member.starts_with("SourceConfiguration")).collect();
    if version.image().is_none() || !others.is_empty() {
        steps.push(format!(
            "Set back with aws apprunner update-service what else version {} had otherwise: {}.",
            version.number,
            changed.join(", ")
        ));
    }
    steps
}

/// What a release would do, without this function.
pub(crate) fn of_release(service: &ServiceArn, image: Option<&str>) -> Vec<String> {
    image.map_or_else(|| vec![shown(service)], |image| with_image(service, image, true))
}

/// Where there is no version to go back to.
pub(crate) fn without_a_version(service: &ServiceArn) -> Vec<String> {
    vec![
        format!("Look what runs: aws apprunner describe-service --service-arn {service}"),
        "Correct it with aws apprunner update-service, or deploy a good version.".to_owned(),
    ]
}

/// What opens the way to a version again, by what stands in it.
pub(crate) fn past(obstacle: &str, service: &ServiceArn, version: &Version) -> Vec<String> {
    let number = version.number;
    let image = version.image().map_or_else(|| "the image".to_owned(), |image| image.to_string());
    let deploy = format!("aws apprunner start-deployment --service-arn {service}");
    match obstacle {
        "image-gone" => vec![
            format!("Push {image} again and then: {}", by_command(service, number)),
            format!("Or go to another version. {}", shown(service)),
        ],
        "resource-gone" => vec![
            "Create the resource anew; its new revision has another ARN.".to_owned(),
            format!(
                "aws apprunner update-service --service-arn {service} with that ARN (--network-configuration or \
                 --auto-scaling-configuration-arn) and the image {image}"
            ),
        ],
        "image-not-pinned" => vec![format!("Push what version {number} ran as {image} again."), deploy],
        "code-cannot-be-pinned" => vec!["Revert the commit in the repository.".to_owned(), deploy],
        _ => vec![by_command(service, number)],
    }
}
