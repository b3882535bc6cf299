//! Changes of services: intents, modes, the stop, statuses, budgets.

use autopilot::{
    control::{Action, Mode},
    service::ServiceArn,
};
use jiff::{SignedDuration, Timestamp};
use sandbox::aws::{RequestRecord, Sandbox};

use super::{Before, Invariant, State};

/// Rollbacks of a service in a day, and the least time between two, as the template has them.
const ROLLBACKS_A_DAY: usize = 3;
const COOL_DOWN: SignedDuration = SignedDuration::from_mins(10);

/// As many tries as `RebuildDelays` has delays.
const TRIES: usize = 3;

/// From the intent, by which a budget counts, to the call at most.
const ON_THE_WAY: SignedDuration = SignedDuration::from_mins(1);

impl State {
    pub(super) fn before_service(
        &mut self,
        account: &Sandbox,
        record: &RequestRecord,
        now: Timestamp,
    ) -> Before {
        let function = record.caller.clone().unwrap_or_default();
        let Some(partition) = partition_of(&function) else {
            return self.before_cleanup(&function, now);
        };
        let subject = match record.input["ServiceArn"].as_str() {
            Some(arn) => arn.to_owned(),
            None => service_of(account, record),
        };
        self.stop_is_obeyed(&record.operation, now);
        self.mode_is_obeyed(account, partition, &subject, &record.operation, now);
        self.status_is_right(account, partition, &subject, &record.operation, now);
        Before::Service { intent: self.intent(partition, &subject), subject }
    }

    /// `cleanup` has one case for everything.
    fn before_cleanup(&mut self, function: &str, now: Timestamp) -> Before {
        self.stop_is_obeyed(function, now);
        let subject = cleanup::state::SUBJECT;
        Before::Service { intent: self.intent("cleanup", subject), subject: subject.to_owned() }
    }

    pub(super) fn stop_is_obeyed(&mut self, operation: &str, now: Timestamp) {
        let stopped = self.control().stopped_since;
        let holds = stopped.is_none() || self.is_fresh("control", now);
        self.check(Invariant::Stop, holds, now, || format!("{operation} though stopped since {stopped:?}"));
    }

    fn mode_is_obeyed(
        &mut self,
        account: &Sandbox,
        partition: &str,
        subject: &str,
        operation: &str,
        now: Timestamp,
    ) {
        let Ok(service) = subject.parse::<ServiceArn>() else { return };
        let action = if partition == "rollback" { Action::Rollback } else { Action::Rebuild };
        let tags = account.services().tags(subject);
        let tag = tags.iter().find(|(name, _)| name == action.tag()).map(|(_, value)| value.as_str());
        let mode = self.control().resolve(action, &service, tag, Mode::On).mode;
        let holds = mode == Mode::On || self.is_fresh(subject, now) || self.is_fresh("control", now);
        self.check(Invariant::Mode, holds, now, || format!("{operation} of {subject} in mode {mode}"));
    }

    fn status_is_right(
        &mut self,
        account: &Sandbox,
        partition: &str,
        subject: &str,
        operation: &str,
        now: Timestamp,
    ) {
        let described = account.services().describe(subject).unwrap_or_default();
        let status = described["Status"].as_str().unwrap_or("DELETED");
        let right: &[&str] = match (partition, operation) {
            ("rollback", _) => &["RUNNING"],
            (_, "UpdateService") => &["CREATE_FAILED"],
            _ => &["DELETE_FAILED"],
        };
        // While an operation runs App Runner refuses every change.
        let holds =
            right.contains(&status) || status == "OPERATION_IN_PROGRESS" || self.is_fresh(subject, now);
        self.check(Invariant::Status, holds, now, || {
            format!("{partition}: {operation} of {subject} in status {status}")
        });
    }

    pub(super) fn after_service(
        &mut self,
        record: &RequestRecord,
        intent: Option<String>,
        subject: &str,
        now: Timestamp,
    ) {
        let is_release = intent.as_ref().is_some_and(|intent| intent.contains("{\"release\""));
        self.spend(record, intent, now);
        let function = record.caller.clone().unwrap_or_default();
        let operation = record.operation.clone();
        match function.as_str() {
            "RollbackFunction" if !is_release => self.rollback_is_within_budget(subject, now),
            "RebuildFunction" => self.rebuild_is_within_budget(subject, &operation, now),
            _ => {}
        }
        // A release is told apart: it is no rollback.
        let mut made = record.clone();
        if is_release {
            "Release".clone_into(&mut made.operation);
        }
        self.note_change(&made, subject, now);
    }

    fn earlier(&self, function: &str, operation: &str, subject: &str, since: Timestamp) -> Vec<Timestamp> {
        let of = self.changes.iter().filter(|change| {
            change.function == function
                && change.operation == operation
                && change.subject == subject
                && change.at >= since
        });
        of.map(|change| change.at).collect()
    }

    fn rollback_is_within_budget(&mut self, subject: &str, now: Timestamp) {
        let day = now - SignedDuration::from_hours(24) + ON_THE_WAY;
        let earlier = self.earlier("RollbackFunction", "UpdateService", subject, day);
        self.check(Invariant::Budget, earlier.len() < ROLLBACKS_A_DAY, now, || {
            format!("a rollback of {subject} after {earlier:?}")
        });
        let cooled = earlier.last().is_none_or(|last| now.duration_since(*last) + ON_THE_WAY >= COOL_DOWN);
        self.check(Invariant::Budget, cooled, now, || {
            format!("a rollback of {subject} soon after {earlier:?}")
        });
    }

    fn rebuild_is_within_budget(&mut self, subject: &str, operation: &str, now: Timestamp) {
        let since = self.touched.get(subject).copied().unwrap_or(Timestamp::MIN);
        let earlier = self.earlier("RebuildFunction", operation, subject, since);
        self.check(Invariant::Budget, earlier.len() < TRIES, now, || {
            format!("{operation} of {subject} after {earlier:?}")
        });
    }
}

/// The function's partition of the table; `None` for `cleanup`, whose cases are no services'.
fn partition_of(function: &str) -> Option<&'static str> {
    match function {
        "RollbackFunction" => Some("rollback"),
        "RebuildFunction" => Some("rebuild"),
        _ => None,
    }
}

/// The service of an ingress connection.
fn service_of(account: &Sandbox, record: &RequestRecord) -> String {
    use sandbox::aws::service::Service as _;
    let arn = &record.input["VpcIngressConnectionArn"];
    let input = serde_json::json!({ "VpcIngressConnectionArn": arn });
    let answer = account.services().call("DescribeVpcIngressConnection", &input).unwrap_or_default();
    answer["VpcIngressConnection"]["ServiceArn"].as_str().unwrap_or_default().to_owned()
}
