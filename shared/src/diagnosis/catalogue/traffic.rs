//! Domains, deletion, and requests that do not arrive or do not end.

use super::super::hit::Detail;
use super::super::kind::CauseKind;
use super::super::signal::Signal;
use super::super::story::Story;
use super::clue::{application_lines, fact, platform_lines, service};
use super::{Clue, Doubt, Entry, REFUTES};
use crate::evidence::{CustomDomain, Occasion};

const DOCS_DOMAINS: &str = "https://docs.aws.amazon.com/apprunner/latest/dg/manage-custom-domains.html";

/// Authorities whose mention in a CAA record lets Amazon issue.
const AMAZON: &[&str] = &["amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"];

fn domain<'s>(story: &'s Story<'_>) -> Option<&'s CustomDomain> {
    story.evidence.custom_domain.as_ref()
}

fn domain_status(story: &Story<'_>, part: &str) -> bool {
    domain(story).and_then(|domain| domain.status.as_deref()).is_some_and(|status| status.contains(part))
}

fn caa_excludes_amazon(story: &Story<'_>) -> bool {
    let records = domain(story).and_then(|domain| domain.caa.as_deref()).unwrap_or_default();
    let issuing: Vec<&String> = records.iter().filter(|record| !record.contains("iodef")).collect();
    !issuing.is_empty() && !issuing.iter().any(|record| AMAZON.iter().any(|name| record.contains(name)))
}

/// Whether the name cannot exist in the public DNS.
fn impossible_name(story: &Story<'_>) -> bool {
    const PRIVATE: &[&str] =
        &[".local", ".internal", ".test", ".invalid", ".localhost", ".lan", ".corp", ".example"];
    let name = domain(story).and_then(|domain| domain.name.as_deref());
    name.is_some_and(|name| !name.contains('.') || PRIVATE.iter().any(|end| name.ends_with(end)))
}

fn application_answered(story: &Story<'_>, wanted: u16) -> bool {
    story
        .all(Signal::Answered)
        .any(|hit| matches!(hit.detail, Detail::Answer { status, .. } if status == wanted))
}

/// Whether somebody got an answer of the application, other than a health check.
fn clients_served(story: &Story<'_>) -> bool {
    const CHECKS: &[&str] = &["health", "ping", "status", "ready", "live", "up", "alive"];
    let check = |path: &str| path.len() <= 1 || CHECKS.iter().any(|word| path.to_lowercase().contains(word));
    story.all(Signal::Answered).any(
        |hit| matches!(&hit.detail, Detail::Answer { path: Some(path), status: 200..400 } if !check(path)),
    )
}

fn acl_blocks(story: &Story<'_>) -> bool {
    story.evidence.web_acl.as_ref().is_some_and(|acl| acl.associated && acl.blocks_by_default != Some(false))
}

fn clients_refused(story: &Story<'_>) -> bool {
    let metrics = &story.evidence.metrics;
    let refused = metrics.highest("403").or(metrics.highest("4xx")).unwrap_or_default();
    let blocked = story.evidence.web_acl.as_ref().and_then(|acl| acl.blocked_requests).unwrap_or_default();
    refused > 0.0 || blocked > 0.0 || story.has(Signal::ClientsForbidden)
}

fn at_full_concurrency(story: &Story<'_>) -> bool {
    let limit = service(story).and_then(|service| service.max_concurrency);
    let metrics = &story.evidence.metrics;
    match (limit, metrics.highest("concurrency")) {
        (Some(limit), Some(highest)) => {
            #[expect(clippy::cast_precision_loss, reason = "a request count")]
            let per_instance = limit as f64;
            highest >= 0.95 * per_instance * metrics.highest("activeinstances").unwrap_or(1.0).max(1.0)
        }
        _ => false,
    }
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: CauseKind::DomainCaa,
        transient: false,
        means: "CAA records of the domain forbid Amazon to issue its certificate.",
        supports: &[
            Clue {
                percent: 94,
                says: "the certificate's validation failed for CAA records",
                holds: |s| platform_lines(s, Signal::CaaForbids),
            },
            Clue {
                percent: 92,
                says: "the domain has CAA records and none of them names Amazon",
                holds: |s| fact(caa_excludes_amazon(s) && !domain_status(s, "active")),
            },
        ],
        against: &[],
        fix: "Add a CAA record for amazon.com at the domain (or at the parent whose records apply), unlink the domain and link it again.",
        docs: DOCS_DOMAINS,
    },
    Entry {
        kind: CauseKind::DomainValidationMissing,
        transient: false,
        means: "The certificate's validation records are missing or wrong.",
        supports: &[
            Clue {
                percent: 90,
                says: "the domain waits for validation, and a validation record is missing or differs",
                holds: |s| {
                    fact(
                        domain(s).is_some_and(|d| d.validation_published == Some(false))
                            && !domain_status(s, "active"),
                    )
                },
            },
            Clue {
                percent: 64,
                says: "the domain waits for the validation of its certificate",
                holds: |s| {
                    let unknown = domain(s).is_some_and(|d| d.validation_published.is_none());
                    fact(unknown && domain_status(s, "pending"))
                },
            },
            Clue {
                percent: 70,
                says: "the domain's name cannot exist in the public DNS",
                holds: |s| fact(domain_status(s, "fail") && impossible_name(s)),
            },
            Clue {
                percent: 66,
                says: "the log speaks of the missing validation",
                holds: |s| platform_lines(s, Signal::ValidationPending),
            },
        ],
        against: &[Doubt {
            percent: 30,
            says: "CAA records forbid the certificate",
            holds: |s| caa_excludes_amazon(s) || s.has(Signal::CaaForbids),
        }],
        fix: "Publish the listed validation CNAMEs exactly as shown (no quotes, the zone's name not doubled, no CNAME at a name above them that hides \
              them). They must stay for the renewals. After 72 hours unlink the domain and link it again.",
        docs: DOCS_DOMAINS,
    },
    Entry {
        kind: CauseKind::DeleteBlockedByIngressConnection,
        transient: false,
        means: "The service cannot be deleted while a VPC ingress connection exists.",
        supports: &[
            Clue {
                percent: 94,
                says: "the deletion is refused for a VPC ingress connection",
                holds: |s| platform_lines(s, Signal::IngressBlocks),
            },
            Clue {
                percent: 88,
                says: "the deletion failed while a VPC ingress connection exists",
                holds: |s| {
                    let connections = s.evidence.ingress_connections.as_deref().unwrap_or_default();
                    let blocks = |status: &str| status == "AVAILABLE" || status.starts_with("FAILED");
                    let any =
                        connections.iter().any(|connection| connection.status.as_deref().is_none_or(blocks));
                    fact(any && s.failed && s.evidence.operation == Occasion::DeleteService)
                },
            },
        ],
        against: &[],
        fix: "Delete the service's VPC ingress connection, wait until it is gone, then delete the service again.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/network-pl.html",
    },
    Entry {
        kind: CauseKind::WafBlocked,
        transient: false,
        means: "The web ACL in front of the service blocks requests.",
        supports: &[
            Clue {
                percent: 84,
                says: "clients are refused, and a web ACL is associated",
                holds: |s| fact(s.at_run_time() && acl_blocks(s) && clients_refused(s)),
            },
            Clue {
                percent: 62,
                says: "a web ACL blocks what no rule allows",
                holds: |s| {
                    let blocks = s
                        .evidence
                        .web_acl
                        .as_ref()
                        .is_some_and(|acl| acl.associated && acl.blocks_by_default == Some(true));
                    let served = clients_served(s);
                    fact(
                        s.at_run_time()
                            && blocks
                            && !served
                            && s.evidence.metrics.highest("4xx") != Some(0.0),
                    )
                },
            },
        ],
        against: &[Doubt {
            percent: REFUTES,
            says: "the application itself answered 403",
            holds: |s| application_answered(s, 403),
        }],
        fix: "Look at the web ACL's sampled requests and logs for the rule that blocks, then allow those requests or set the default action to allow.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/waf.html",
    },
    Entry {
        kind: CauseKind::WafAclPropagating,
        transient: true,
        means: "A web ACL that was just created is not known everywhere yet.",
        supports: &[Clue {
            percent: 90,
            says: "WAF says that the web ACL is not available yet",
            holds: |s| platform_lines(s, Signal::AclPropagating),
        }],
        against: &[],
        fix: "Try again in a few minutes without changes.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/waf.html",
    },
    Entry {
        kind: CauseKind::RequestTimeout,
        transient: false,
        means: "Requests take longer than App Runner (120 seconds) or the program's own server allows.",
        supports: &[
            Clue {
                percent: 90,
                says: "the server stopped a worker whose request took too long",
                holds: |s| any_lines(s, Signal::WorkerTimeout),
            },
            Clue {
                percent: 88,
                says: "requests are cut at 120 seconds",
                holds: |s| any_lines(s, Signal::CutAtLimit),
            },
            Clue {
                percent: 72,
                says: "requests time out again and again",
                holds: |s| if s.at_run_time() { application_lines(s, Signal::SlowRequest) } else { None },
            },
            Clue {
                percent: 78,
                says: "the latency of requests reaches 120 seconds",
                holds: |s| {
                    fact(
                        s.at_run_time()
                            && s.evidence.metrics.highest("latency").is_some_and(|ms| ms >= 115_000.0),
                    )
                },
            },
        ],
        against: &[Doubt {
            percent: REFUTES,
            says: "a deployment failed, not a request",
            holds: |s| !s.at_run_time() && !s.has(Signal::WorkerTimeout),
        }],
        fix: "Shorten the work, answer first and work in the background, or raise the server's own timeout (Gunicorn: --timeout). App Runner's 120 \
              seconds cannot be raised.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    },
    Entry {
        kind: CauseKind::ConcurrencyLimit,
        transient: false,
        means: "More requests arrive than the instances may take.",
        supports: &[
            Clue {
                percent: 88,
                says: "clients get 429",
                holds: |s| {
                    let lines = platform_lines(s, Signal::ClientsThrottled);
                    let counted =
                        s.at_run_time() && s.evidence.metrics.highest("429").is_some_and(|count| count > 0.0);
                    lines.or(fact(counted))
                },
            },
            Clue {
                percent: 66,
                says: "the instances take as many requests as they may",
                holds: |s| fact(s.at_run_time() && at_full_concurrency(s)),
            },
        ],
        against: &[Doubt {
            percent: 60,
            says: "the application itself answered 429",
            holds: |s| application_answered(s, 429),
        }],
        fix: "Raise the maximum concurrency if the program can take it, the minimum size for sudden load, and the maximum size.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/manage-autoscaling.html",
    },
];

/// Lines with this meaning, of the platform or of the application. One is enough: it states the limit.
fn any_lines(story: &Story<'_>, signal: Signal) -> super::clue::Proof {
    platform_lines(story, signal).or_else(|| super::clue::lines(story, signal))
}
