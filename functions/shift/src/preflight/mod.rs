//! Whether a shift may start: every check, all of them, before anything is written.
//!
//! Pure over what was observed ([`Situation`]). What could not be read is an error like any other: nothing is started
//! on what is not known. Checks of the records themselves are in [`crate::records`].

mod entrance;

use std::collections::HashSet;

use autopilot::{
    dns::{HostedZone, RecordName, RecordSet, RecordType},
    error::FieldError,
    evidence::CustomDomain,
    service::ServiceStatus,
};

use crate::{
    plan::{Plan, Target},
    records::{Conversion, convert, same_load_balancer},
    successor::Successor,
};

/// What was found before a start. A text in place of a value says why it could not be read.
#[derive(Clone, Debug)]
pub struct Situation {
    /// The zone; `None` where there is none.
    pub zone: Result<Option<HostedZone>, String>,
    /// Every record of the name.
    pub records: Result<Vec<RecordSet>, String>,
    /// The App Runner service.
    pub service: Result<ServiceStatus, String>,
    /// Its custom domains.
    pub domains: Result<Vec<CustomDomain>, String>,
    /// The successor.
    pub successor: Successor,
    /// Those of the plan's alarms that there are.
    pub alarms: Result<HashSet<String>, String>,
    /// True where another shift of this name is under way.
    pub under_way: bool,
}

const ZONE: &str = "plan.hosted_zone_id";
const NAME: &str = "plan.record_name";
const SERVICE: &str = "plan.from.service_arn";
const ALARMS: &str = "plan.alarms";

/// All checks. The pairs to begin with, or every reason why not.
pub fn check(plan: &Plan, found: &Situation) -> Result<Conversion, Vec<FieldError>> {
    let mut errors = found.successor.trouble.clone();
    if found.under_way {
        errors.push(FieldError::new(NAME, "is being shifted already; abort or finish that shift first"));
    }
    zone(plan, found, &mut errors);
    service(found, &mut errors);
    domain(plan, found, &mut errors);
    balancer(plan, &found.successor, &mut errors);
    hosts(plan, &found.successor, &mut errors);
    entrance::check(plan, &found.successor, &mut errors);
    alarms(plan, found, &mut errors);
    let conversion = match &found.records {
        Ok(records) => {
            convert(plan, found.successor.lead(plan).as_ref(), records).map_err(|found| errors.extend(found))
        }
        Err(why) => {
            errors.push(unread(NAME, why));
            Err(())
        }
    };
    if let Ok(conversion) = &conversion {
        pairs(conversion, &found.successor, &mut errors);
    }
    match conversion {
        Ok(conversion) if errors.is_empty() => Ok(conversion),
        _ => Err(errors),
    }
}

fn unread(field: &str, why: &str) -> FieldError {
    FieldError::new(field, format!("could not be checked: {why}"))
}

fn zone(plan: &Plan, found: &Situation, errors: &mut Vec<FieldError>) {
    match &found.zone {
        Err(why) => errors.push(unread(ZONE, why)),
        Ok(None) => errors.push(FieldError::new(ZONE, "does not exist in this account")),
        Ok(Some(zone)) if zone.private => {
            errors.push(FieldError::new(
                ZONE,
                "is a private zone; App Runner's custom domains need a public one",
            ));
        }
        Ok(Some(zone)) if !plan.record_name.is_within(&zone.name) => {
            let message = format!("{} is no name of the zone {}", plan.record_name, zone.name);
            errors.push(FieldError::new(NAME, message));
        }
        Ok(Some(_)) => {}
    }
}

fn service(found: &Situation, errors: &mut Vec<FieldError>) {
    match &found.service {
        Err(why) => errors.push(unread(SERVICE, why)),
        Ok(ServiceStatus::Running) => {}
        Ok(status) => {
            errors.push(FieldError::new(
                SERVICE,
                format!("is {status}; expected RUNNING and no operation under way"),
            ));
        }
    }
}

fn domain(plan: &Plan, found: &Situation, errors: &mut Vec<FieldError>) {
    let name = &plan.record_name;
    let domains = match &found.domains {
        Ok(domains) => domains,
        // Where the service cannot be read either, that is told already.
        Err(_) if found.service.is_err() => return,
        Err(why) => return errors.push(unread(SERVICE, why)),
    };
    let message = match status_of(name, domains) {
        Some("active") => return,
        Some(status) => format!("its custom domain {name} is {status}; expected active"),
        None => format!("{name} is no custom domain of the service; without one there is nothing to shift"),
    };
    errors.push(FieldError::new(SERVICE, message));
}

/// Status of the domain that covers a name: its own, one whose `www` it is, or a wildcard's.
pub fn status_of<'a>(name: &RecordName, domains: &'a [CustomDomain]) -> Option<&'a str> {
    let name = name.to_string();
    let covers = |domain: &CustomDomain| {
        let of = domain.name.as_deref().unwrap_or_default().trim_end_matches('.').to_lowercase();
        let www = domain.www && name.strip_prefix("www.") == Some(&of);
        let below = of
            .strip_prefix("*.")
            .is_some_and(|root| name.split_once('.').is_some_and(|(_, rest)| rest == root));
        // The more specific association wins.
        [of == name, www, below].iter().position(|covers| *covers)
    };
    let found = domains.iter().filter_map(|domain| Some((covers(domain)?, domain)));
    let (_, domain) = found.min_by_key(|(rank, _)| *rank)?;
    domain.status.as_deref()
}

/// The field of the plan that says where the successor is.
pub fn target_field(plan: &Plan) -> &'static str {
    match plan.to.target {
        Target::Alias(_) => "plan.to.alias",
        Target::Cname(_) => "plan.to.cname",
        Target::ExpressServiceArn(_) => "plan.to.express_service_arn",
    }
}

fn balancer(plan: &Plan, successor: &Successor, errors: &mut Vec<FieldError>) {
    let Some(balancer) = &successor.load_balancer else { return };
    if let Some(state) = balancer.state.as_deref().filter(|state| *state != "active") {
        errors.push(FieldError::new(
            target_field(plan),
            format!("the load balancer is {state}; expected active"),
        ));
    }
    if let Target::Alias(alias) = &plan.to.target {
        if !same_load_balancer(&alias.dns_name, &balancer.dns_name) {
            let message = format!(
                "is not the load balancer in front of the target groups, which is {}",
                balancer.dns_name
            );
            errors.push(FieldError::new("plan.to.alias.dns_name", message));
        } else if alias.hosted_zone_id != balancer.hosted_zone_id {
            let message = format!("the load balancer's zone is {}", balancer.hosted_zone_id);
            errors.push(FieldError::new("plan.to.alias.hosted_zone_id", message));
        }
    }
}

fn hosts(plan: &Plan, successor: &Successor, errors: &mut Vec<FieldError>) {
    let field = "plan.to.target_group_arns";
    for group in &successor.groups {
        // Elastic Load Balancing answers in an order of its own.
        let given = plan.to.target_group_arns.iter().position(|arn| *arn == group.arn);
        let field = given.map_or(target_field(plan).to_owned(), |index| format!("{field}[{index}]"));
        if let Err(why) = &group.hosts {
            errors.push(unread(&field, why));
        }
    }
    // While a deployment moves between groups one of them is empty; all of them empty is another matter.
    let readable = successor.groups.iter().all(|group| group.hosts.is_ok());
    if !successor.groups.is_empty()
        && readable
        && !successor.groups.iter().any(super::successor::Group::is_healthy)
    {
        errors.push(FieldError::new(target_field(plan), "no target is healthy"));
    }
}

/// An alarm that is not there would never turn a shift back, and never let one go on.
fn alarms(plan: &Plan, found: &Situation, errors: &mut Vec<FieldError>) {
    let alarms = match &found.alarms {
        Ok(alarms) => alarms,
        Err(why) => return errors.push(unread(ALARMS, why)),
    };
    for name in plan.alarms.iter().filter(|name| !alarms.contains(*name)) {
        errors.push(FieldError::new(ALARMS, format!("there is no alarm {name} in this account and Region")));
    }
}

fn pairs(conversion: &Conversion, successor: &Successor, errors: &mut Vec<FieldError>) {
    for pair in conversion.pairs.iter() {
        let asks_health = pair.to.alias.as_ref().is_some_and(|alias| alias.evaluate_target_health);
        if asks_health && successor.neighbours > 0 {
            let message = format!(
                "is true and the load balancer has {} other target groups: an empty one of them would move this \
                 traffic; expected false",
                successor.neighbours
            );
            errors.push(FieldError::new("plan.to.alias.evaluate_target_health", message));
        }
        let single_stack = successor.load_balancer.as_ref().is_some_and(|balancer| !balancer.dual_stack);
        if pair.to.kind == RecordType::Aaaa && single_stack {
            let message = "has an AAAA record and the load balancer answers on IPv4 only; make it dual-stack, or delete \
                           the AAAA record first";
            errors.push(FieldError::new(NAME, message));
        }
    }
}

#[cfg(test)]
mod tests;
