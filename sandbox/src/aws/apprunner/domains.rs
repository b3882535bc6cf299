//! Custom domains of a service and their certificate validation records.

use serde_json::{Value, json};

use super::script::Outcome;
use super::services::{in_status, known, page_size};
use super::state::{Domain, ServiceState, State};
use super::words::{DomainStatus, ServiceStatus};
use super::{AppRunner, bad_token, not_found, refused, text};
use crate::aws::error::ApiError;
use crate::aws::identity::fresh;
use crate::aws::lock;
use crate::aws::paging::page;

const MAX_DOMAINS: usize = 5;

impl AppRunner {
    pub(super) fn associate_domain(&self, input: &Value) -> Result<Value, ApiError> {
        let (arn, name) = (text(input, "ServiceArn"), text(input, "DomainName"));
        let mut state = lock(&self.shared.state);
        in_status(&state, arn, "AssociateCustomDomain", &[ServiceStatus::Running])?;
        if name.contains('*') && name.strip_prefix("*.").is_none_or(|root| root.contains('*')) {
            return Err(refused(
                "InvalidRequestException",
                "DomainName: a wildcard must stand alone before the root.",
            ));
        }
        if state.services.iter().any(|service| service.domains.iter().any(|domain| domain.name == name)) {
            return Err(refused("InvalidRequestException", "DomainName is linked to a service already."));
        }
        let www = input["EnableWWWSubdomain"].as_bool().unwrap_or(true) && !name.starts_with("*.");
        let fails = state.next_script(arn, name).is_some_and(|script| script.outcome != Outcome::Succeed);
        let Some(service) = state.service_mut(arn) else { return Err(not_found("Service", arn)) };
        if service.domains.len() >= MAX_DOMAINS {
            return Err(refused("InvalidRequestException", "A service can have 5 custom domains at most."));
        }
        service.domains.push(new_domain(name, www));
        let end =
            if fails { DomainStatus::CreateFailed } else { DomainStatus::PendingCertificateDnsValidation };
        self.settle_domain(arn, name, Some(end));
        answer(&state, arn, name)
    }

    pub(super) fn disassociate_domain(&self, input: &Value) -> Result<Value, ApiError> {
        let (arn, name) = (text(input, "ServiceArn"), text(input, "DomainName"));
        let mut state = lock(&self.shared.state);
        in_status(&state, arn, "DisassociateCustomDomain", &[ServiceStatus::Running])?;
        let fails = state.next_script(arn, name).is_some_and(|script| script.outcome != Outcome::Succeed);
        let Some(service) = state.service_mut(arn) else { return Err(not_found("Service", arn)) };
        let domain = service.domains.iter_mut().find(|domain| domain.name == name);
        domain.ok_or_else(|| not_found("Custom domain", name))?.status = DomainStatus::Deleting;
        self.settle_domain(arn, name, fails.then_some(DomainStatus::DeleteFailed));
        answer(&state, arn, name)
    }

    pub(super) fn describe_domains(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.shared.state);
        let service = known(&state, text(input, "ServiceArn"))?;
        let page = page(&service.domains, page_size(input, 5), input["NextToken"].as_str(), bad_token)?;
        let domains: Vec<Value> = page.items.into_iter().map(shown).collect();
        let mut answer = targets(&state, service);
        answer["CustomDomains"] = json!(domains);
        answer["NextToken"] = json!(page.next);
        Ok(answer)
    }

    /// Gives a domain its next status after a phase; with none it is gone.
    fn settle_domain(&self, arn: &str, name: &str, end: Option<DomainStatus>) {
        let (shared, work) = (self.shared.clone(), self.shared.activity.begin());
        let (arn, name) = (arn.to_owned(), name.to_owned());
        tokio::spawn(async move {
            let _work = work;
            tokio::time::sleep(shared.phase).await;
            let mut state = lock(&shared.state);
            let Some(service) = state.service_mut(&arn) else { return };
            match end {
                Some(end) => {
                    for domain in service.domains.iter_mut().filter(|domain| domain.name == name) {
                        domain.status = end;
                    }
                }
                None => service.domains.retain(|domain| domain.name != name),
            }
        });
    }
}

/// A domain that is being linked, with a validation record for each of its names.
pub(super) fn new_domain(name: &str, www: bool) -> Domain {
    let mut names = vec![name.trim_start_matches("*.").to_owned()];
    if www {
        names.push(format!("www.{name}"));
    }
    let records = names
        .into_iter()
        .map(|name| {
            let (label, value) = (fresh().simple(), fresh().simple());
            json!({
                "Name": format!("_{label}.{name}."),
                "Type": "CNAME",
                "Value": format!("_{value}.acm-validations.aws."),
                "Status": "PENDING_VALIDATION",
            })
        })
        .collect();
    Domain { name: name.to_owned(), www, status: DomainStatus::Creating, records }
}

fn shown(domain: &Domain) -> Value {
    json!({
        "DomainName": domain.name,
        "EnableWWWSubdomain": domain.www,
        "CertificateValidationRecords": domain.records,
        "Status": domain.status,
    })
}

/// The members that all three answers share.
fn targets(state: &State, service: &ServiceState) -> Value {
    let vpc_targets: Vec<Value> = state
        .ingress
        .iter()
        .filter(|ingress| ingress.service_arn == service.arn)
        .map(|ingress| {
            json!({
                "VpcIngressConnectionArn": ingress.arn,
                "VpcId": ingress.vpc["VpcId"],
                "DomainName": ingress.domain,
            })
        })
        .collect();
    json!({ "DNSTarget": service.url, "ServiceArn": service.arn, "VpcDNSTargets": vpc_targets })
}

fn answer(state: &State, arn: &str, name: &str) -> Result<Value, ApiError> {
    let service = known(state, arn)?;
    let domain = service.domains.iter().find(|domain| domain.name == name);
    let mut answer = targets(state, service);
    answer["CustomDomain"] = shown(domain.ok_or_else(|| not_found("Custom domain", name))?);
    Ok(answer)
}
