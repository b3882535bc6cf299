//! Whether the load balancer lets the name in: a listener takes it, leads it to the successor, and shows a
//! certificate that covers it.

use autopilot::{
    balancing::{Certificate, CertificateStatus, ListenerRule, LoadBalancerKind},
    error::FieldError,
};

use super::target_field;
use crate::{
    plan::Plan,
    records::same_load_balancer,
    successor::{Entrance, Successor},
};

pub(super) fn check(plan: &Plan, successor: &Successor, errors: &mut Vec<FieldError>) {
    let Some(balancer) = &successor.load_balancer else { return };
    let field = target_field(plan);
    if balancer.kind != LoadBalancerKind::Application {
        let message = format!(
            "is a load balancer of type {}; a shift watches Application Load Balancers",
            balancer.kind
        );
        return errors.push(FieldError::new(field, message));
    }
    // Something else, a distribution for example, may stand in front and use a name of its own.
    let direct = successor.lead(plan).is_some_and(|lead| same_load_balancer(&lead.name, &balancer.dns_name));
    if !direct || !successor.trouble.is_empty() {
        return;
    }
    let host = plan.record_name.to_string();
    let secure: Vec<&Entrance> =
        successor.entrances.iter().filter(|way| way.listener.protocol.as_deref() == Some("HTTPS")).collect();
    if secure.is_empty() {
        return errors.push(FieldError::new(field, "the load balancer has no HTTPS listener"));
    }
    let groups: Vec<&str> = successor.groups.iter().map(|group| group.arn.as_str()).collect();
    let takers: Vec<&&Entrance> = secure.iter().filter(|way| leads_to(&way.rules, &host, &groups)).collect();
    if takers.is_empty() {
        let message = format!(
            "no HTTPS listener leads {host} to the target groups; add the name to the host-header condition of their \
             rule"
        );
        return errors.push(FieldError::new(field, message));
    }
    if !takers.iter().any(|way| way.certificates.iter().any(|certificate| covers(certificate, &host))) {
        let message = format!("no certificate of the HTTPS listener covers {host}; add one that is ISSUED");
        errors.push(FieldError::new(field, message));
    }
}

/// True where the first rule that takes the host forwards to one of these groups. A rule that asks for more than a
/// host may or may not take a request, so it decides nothing.
fn leads_to(rules: &[ListenerRule], host: &str, groups: &[&str]) -> bool {
    let takes =
        |rule: &&ListenerRule| rule.hosts.is_empty() || rule.hosts.iter().any(|pattern| fits(pattern, host));
    let plain = rules.iter().filter(|rule| !rule.has_other_conditions).find(takes);
    plain.is_some_and(|rule| rule.target_groups.iter().any(|group| groups.contains(&group.as_str())))
}

fn covers(certificate: &Certificate, host: &str) -> bool {
    let above = host.split_once('.').map(|(_, rest)| rest);
    let fits = |name: &String| {
        let name = name.to_lowercase();
        name == host || name.strip_prefix("*.").is_some_and(|root| Some(root) == above)
    };
    certificate.status == CertificateStatus::Issued && certificate.names.iter().any(fits)
}

/// A host-header pattern: `*` stands for any characters, `?` for one (Application Load Balancer guide).
fn fits(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_lowercase(), host.to_lowercase());
    let (pattern, host) = (pattern.as_bytes(), host.as_bytes());
    // The place of the last star and of what it has swallowed so far.
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < host.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == host[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((from, swallowed)) = star else { return false };
                star = Some((from, swallowed + 1));
                (at, read) = (from + 1, swallowed + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_patterns_match_as_documented() {
        for (pattern, host, expected) in [
            ("app.example.com", "app.example.com", true),
            ("APP.example.com", "app.example.com", true),
            ("*.example.com", "app.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("a?p.example.com", "app.example.com", true),
            ("a?p.example.com", "ap.example.com", false),
            ("*app*", "my-app.example.com", true),
            ("*.com*", "app.example.org", false),
            ("*", "x", true),
            ("", "x", false),
        ] {
            assert_eq!(fits(pattern, host), expected, "{pattern} {host}");
        }
    }
}
