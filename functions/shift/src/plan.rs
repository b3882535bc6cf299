//! The plan of a shift: what a person asks for, read and checked as a whole.
//!
//! Every error is reported at once and names its field and what is allowed there. A field that is not known is
//! refused: a misspelt guard must not pass for one that is set.
//!
//! | field | allowed | `standard` | `critical` |
//! |---|---|---|---|
//! | `hosted_zone_id` | letters and digits, at most 32 | – | – |
//! | `record_name` | a domain name | – | – |
//! | `from.service_arn` | ARN of the App Runner service | – | – |
//! | `from.set_identifier` | 1 to 128 characters | `app-runner-service` | |
//! | `to.set_identifier` | the same, and another one | `ecs-express-service` | |
//! | `to.alias`, `to.cname`, `to.express_service_arn` | exactly one of them | – | – |
//! | `to.target_group_arns` | target groups, at most 20; without an Express service at least one | – | |
//! | `step_weights` | whole numbers ascending strictly within 1 to 100 and ending in 100 | 10, 25, 50, 75, 100 | 5, 10, 25, 50, 75, 100 |
//! | `bake_time` | up to `7d` | `10m` | `30m` |
//! | `analysis_interval` | `1s` to `1h` | `1m` | |
//! | `failure_limit` | 1 to 100 failures one after the other | 2 | 1 |
//! | `min_requests` | 1 to 1,000,000,000 | 50 | |
//! | `max_error_share` | more than 0, at most 1 | 0.05 | |
//! | `max_latency` | `1s` to `2m`; without it latency is shown and gates nothing | – | |
//! | `alarms` | names of CloudWatch alarms, at most 100 | none | |
//! | `pause_before` | weights out of `step_weights` | none | |
//! | `progress_deadline` | longer than `bake_time`, up to `30d` | `6h` | |
//! | `validation_time` | up to `30d` | `24h` | |
//! | `accept_slow_abort` | allows TTLs above 300 s | `false` | |
//! | `finish_automatically` | `finish` follows the validation time by itself | `false` | |
//! | `dry_run` | checks and shows, changes nothing | `false` | |

use autopilot::{
    dns::{AliasTarget, HostedZoneId, RecordName},
    error::FieldError,
    period::Period,
    service::ServiceArn,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::read::{Errors, Object};

pub(crate) mod read;

/// What a person asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The hosted zone.
    pub hosted_zone_id: HostedZoneId,
    /// The name whose records are weighted.
    pub record_name: RecordName,
    /// The App Runner side.
    pub from: From,
    /// The successor.
    pub to: To,
    /// Weights of the successor, one step after the other; the last is 100.
    pub step_weights: Vec<u8>,
    /// How long each step is watched before the next.
    pub bake_time: Period,
    /// Failures nearer to each other than this count once.
    pub analysis_interval: Period,
    /// So many failures one after the other turn the shift back.
    pub failure_limit: u32,
    /// Below so many requests nothing is concluded.
    pub min_requests: u64,
    /// Share of 5xx answers above which the analysis fails.
    pub max_error_share: f64,
    /// Latency (p95) above which the analysis fails.
    pub max_latency: Option<Period>,
    /// `CloudWatch` alarms that turn the shift back.
    pub alarms: Vec<String>,
    /// Steps that wait for `resume`.
    pub pause_before: Vec<u8>,
    /// Without a step for so long the shift is paused.
    pub progress_deadline: Period,
    /// How long the way back stays open after the last step.
    pub validation_time: Period,
    /// Whether TTLs above 300 s are accepted.
    pub accept_slow_abort: bool,
    /// Whether `finish` follows the validation time by itself.
    pub finish_automatically: bool,
    /// Whether nothing is changed.
    pub dry_run: bool,
}

/// The App Runner side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct From {
    /// The service.
    pub service_arn: ServiceArn,
    /// Its record's set identifier.
    pub set_identifier: String,
}

/// The successor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct To {
    /// Its record's set identifier.
    pub set_identifier: String,
    /// Where its record leads.
    #[serde(flatten)]
    pub target: Target,
    /// Target groups that are watched; those of an Express service are found anew at each tick.
    #[serde(default)]
    pub target_group_arns: Vec<String>,
}

/// Where the successor's record leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// An alias.
    Alias(AliasTarget),
    /// A CNAME's target.
    Cname(RecordName),
    /// An ECS Express Mode service, whose load balancer is looked up.
    ExpressServiceArn(String),
}

/// A TTL above this makes the way back slow and is refused unless the plan accepts it, in seconds.
pub const QUICK_TTL: u32 = 300;

/// What a plan leaves out is filled in from a preset.
struct Preset {
    name: &'static str,
    step_weights: &'static [u8],
    bake_time: Period,
    failure_limit: u32,
}

const PRESETS: [Preset; 2] = [
    Preset {
        name: "standard",
        step_weights: &[10, 25, 50, 75, 100],
        bake_time: Period::minutes(10),
        failure_limit: 2,
    },
    Preset {
        name: "critical",
        step_weights: &[5, 10, 25, 50, 75, 100],
        bake_time: Period::minutes(30),
        failure_limit: 1,
    },
];

const SECOND: Period = Period::seconds(1);
const NONE: Period = Period::seconds(0);
const IDENTIFIER: &str = "a text of 1 to 128 characters";
const FLAG: &str = "true or false";

impl Plan {
    /// Reads the field `plan` of a command; every error names its field.
    pub fn read(plan: Option<&Value>) -> Result<Self, Vec<FieldError>> {
        let errors = Errors::default();
        let object = Object::new("plan", plan, &errors);
        let read = read_plan(&object);
        object.refuse_others();
        let errors = errors.into_inner();
        match read {
            Some(plan) if errors.is_empty() => Ok(plan),
            _ => Err(errors),
        }
    }

    /// The weight of the successor after so many steps; 0 before the first.
    pub fn weight_after(&self, steps: usize) -> u8 {
        steps.checked_sub(1).and_then(|last| self.step_weights.get(last)).copied().unwrap_or(0)
    }

    /// After how many steps the successor has this weight, if ever.
    pub fn steps_to(&self, weight: u8) -> Option<usize> {
        (0..=self.step_weights.len()).find(|steps| self.weight_after(*steps) == weight)
    }
}

fn read_plan(object: &Object<'_>) -> Option<Plan> {
    let preset = object.optional("preset", "standard or critical", |value| {
        PRESETS.iter().find(|preset| value.as_str() == Some(preset.name))
    });
    let preset = preset.unwrap_or(&PRESETS[0]);
    let hosted_zone_id =
        object.required("hosted_zone_id", "the ID of a hosted zone, such as Z0EXAMPLE", parsed);
    let record_name = object.required("record_name", "a domain name", parsed);
    let from = read_from(&object.object("from"));
    let alarms = names(object);
    let to = read_to(&object.object("to"));
    if let (Some(from), Some(to)) = (&from, &to)
        && from.set_identifier == to.set_identifier
    {
        object.wrong("to.set_identifier", "expected another one than plan.from.set_identifier");
    }
    let step_weights = read_steps(object, preset);
    let pause_before = read_pauses(object, step_weights.as_deref());
    let bake_time = object.period("bake_time", NONE, Period::days(7)).unwrap_or(preset.bake_time);
    let deadline =
        object.period("progress_deadline", SECOND, Period::days(30)).unwrap_or(Period::minutes(360));
    if deadline <= bake_time {
        object.wrong(
            "progress_deadline",
            format!("expected more than the bake time ({bake_time}), found {deadline}"),
        );
    }
    let analysis_interval = object.period("analysis_interval", SECOND, Period::minutes(60));
    let failure_limit = object.number("failure_limit", 1, 100);
    let min_requests = object.number("min_requests", 1, 1_000_000_000);
    let max_error_share = object.optional("max_error_share", "a number above 0, at most 1", share);
    let max_latency = object.period("max_latency", SECOND, Period::minutes(2));
    let validation_time = object.period("validation_time", NONE, Period::days(30));
    let flag = |name| object.optional(name, FLAG, Value::as_bool).unwrap_or(false);
    let (accept_slow_abort, finish_automatically) = (flag("accept_slow_abort"), flag("finish_automatically"));
    let dry_run = flag("dry_run");
    // Nothing is given up before every field was read: all errors are to be told at once.
    Some(Plan {
        hosted_zone_id: hosted_zone_id?,
        record_name: record_name?,
        from: from?,
        to: to?,
        step_weights: step_weights?,
        bake_time,
        analysis_interval: analysis_interval.unwrap_or(Period::minutes(1)),
        failure_limit: failure_limit.unwrap_or(preset.failure_limit),
        min_requests: min_requests.unwrap_or(50),
        max_error_share: max_error_share.unwrap_or(0.05),
        max_latency,
        alarms,
        pause_before,
        progress_deadline: deadline,
        validation_time: validation_time.unwrap_or(Period::days(1)),
        accept_slow_abort,
        finish_automatically,
        dry_run,
    })
}

fn read_from(object: &Object<'_>) -> Option<From> {
    let service_arn = object.required(
        "service_arn",
        "arn:<partition>:apprunner:<region>:<account>:service/<name>/<id>",
        parsed,
    );
    let set_identifier = identifier(object, "app-runner-service");
    object.refuse_others();
    Some(From { service_arn: service_arn?, set_identifier })
}

fn read_to(object: &Object<'_>) -> Option<To> {
    let set_identifier = identifier(object, "ecs-express-service");
    let alias = object.has("alias").then(|| read_alias(&object.object("alias")));
    let cname = object.has("cname").then(|| object.optional("cname", "a domain name", parsed));
    let express = object.has("express_service_arn").then(|| {
        let expected = "the ARN of an ECS Express Mode service";
        object.optional("express_service_arn", expected, |value| arn_of(value, "ecs", "service/"))
    });
    let given: Vec<Option<Target>> = [
        alias.map(|alias| alias.map(Target::Alias)),
        cname.map(|name| name.map(Target::Cname)),
        express.map(|arn| arn.map(Target::ExpressServiceArn)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let groups = object.list("target_group_arns", "the ARN of a target group", |value| {
        arn_of(value, "elasticloadbalancing", "targetgroup/")
    });
    let is_readable = !object.has("target_group_arns") || groups.is_some();
    let groups = groups.unwrap_or_default();
    object.refuse_others();
    if given.len() != 1 && !object.is_missing() {
        object.wrong("alias", "expected exactly one of alias, cname and express_service_arn");
        return None;
    }
    let target = given.into_iter().next().flatten()?;
    if groups.len() > 20 {
        object.wrong("target_group_arns", format!("expected at most 20, found {}", groups.len()));
    }
    let judged = !groups.is_empty() || matches!(target, Target::ExpressServiceArn(_));
    if is_readable && !judged {
        object.wrong(
            "target_group_arns",
            "expected at least one target group, to judge the steps by; alarms alone do not tell whether it serves",
        );
    }
    Some(To { set_identifier, target, target_group_arns: groups })
}

fn read_alias(object: &Object<'_>) -> Option<AliasTarget> {
    let dns_name = object.required("dns_name", "a domain name", parsed);
    let zone = object.required("hosted_zone_id", "the hosted zone ID of the load balancer", parsed);
    let health = object.optional("evaluate_target_health", FLAG, Value::as_bool);
    object.refuse_others();
    Some(AliasTarget {
        dns_name: dns_name?,
        hosted_zone_id: zone?,
        evaluate_target_health: health.unwrap_or(false),
    })
}

fn read_steps(object: &Object<'_>, preset: &Preset) -> Option<Vec<u8>> {
    let expected = "a whole number from 1 to 100";
    if !object.has("step_weights") {
        return Some(preset.step_weights.to_vec());
    }
    let steps = object.list("step_weights", expected, |value| weight(value).filter(|weight| *weight > 0))?;
    for (index, pair) in steps.windows(2).enumerate() {
        if let [before, after] = pair
            && after <= before
        {
            let message = format!("expected more than the step before it ({before}), found {after}");
            object.wrong(&format!("step_weights[{}]", index + 1), message);
        }
    }
    match steps.last() {
        None => object.wrong("step_weights", "expected at least one step"),
        Some(100) => {}
        Some(last) => {
            let path = format!("step_weights[{}]", steps.len() - 1);
            object.wrong(&path, format!("expected the last step to be 100, found {last}"));
        }
    }
    Some(steps)
}

fn read_pauses(object: &Object<'_>, steps: Option<&[u8]>) -> Vec<u8> {
    let pauses = object.list("pause_before", "one of plan.step_weights", weight).unwrap_or_default();
    for (index, pause) in pauses.iter().enumerate() {
        if steps.is_some_and(|steps| !steps.contains(pause)) {
            let message = format!("expected one of plan.step_weights, found {pause}");
            object.wrong(&format!("pause_before[{index}]"), message);
        }
    }
    pauses
}

fn names(object: &Object<'_>) -> Vec<String> {
    let expected = "the name of a CloudWatch alarm";
    let name = |value: &Value| {
        value.as_str().filter(|name| (1..=255).contains(&name.chars().count())).map(str::to_owned)
    };
    let mut names = object.list("alarms", expected, name).unwrap_or_default();
    if names.len() > 100 {
        object.wrong("alarms", format!("expected at most 100, found {}", names.len()));
    }
    names.sort_unstable();
    names.dedup();
    names
}

impl Object<'_> {
    fn period(&self, name: &'static str, least: Period, most: Period) -> Option<Period> {
        let expected = format!("a time from {least} to {most}, such as 90s, 10m, 24h or 7d");
        self.optional(name, &expected, |value| {
            parsed::<Period>(value).filter(|period| (least..=most).contains(period))
        })
    }

    fn number<T: TryFrom<u64>>(&self, name: &'static str, least: u64, most: u64) -> Option<T> {
        self.optional(name, &format!("a whole number from {least} to {most}"), |value| {
            let number = value.as_u64().filter(|number| (least..=most).contains(number))?;
            T::try_from(number).ok()
        })
    }
}

fn identifier(object: &Object<'_>, default: &str) -> String {
    let read = |value: &Value| {
        value.as_str().filter(|text| (1..=128).contains(&text.chars().count())).map(str::to_owned)
    };
    object.optional("set_identifier", IDENTIFIER, read).unwrap_or_else(|| default.to_owned())
}

fn parsed<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

fn share(value: &Value) -> Option<f64> {
    value.as_f64().filter(|share| *share > 0.0 && *share <= 1.0)
}

fn weight(value: &Value) -> Option<u8> {
    value.as_u64().and_then(|number| u8::try_from(number).ok()).filter(|weight| *weight <= 100)
}

/// `arn:<partition>:<service>:<region>:<account>:<kind>…`
fn arn_of(value: &Value, service: &str, kind: &str) -> Option<String> {
    let text = value.as_str()?;
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, of, region, account, resource] = parts[..] else { return None };
    let filled = ![partition, region, account].iter().any(|part| part.is_empty());
    let plain = text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let named = resource.strip_prefix(kind).is_some_and(|rest| !rest.is_empty());
    (of == service && filled && plain && named).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
