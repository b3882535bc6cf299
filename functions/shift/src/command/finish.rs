//! `finish`: a simple record again, and what to take down in which order.

use autopilot::{
    error::Failure,
    ports::{Announce, AppRunnerRead, Described, DnsRead},
    store::{StateRead, StateWrite},
};
use futures_util::future::join;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Tried, answered, go_on::difference, shift_of};
use crate::{
    advance::{ShiftRecord, Shifts},
    decide::{Act, What},
    left::domains_left,
    records::{Standing, standing},
    shift::{Phase, Shift},
    world::World,
};

impl<W, S, B> Shifts<W, S, B>
where
    W: World,
    S: StateRead + StateWrite,
    B: Announce,
{
    pub(super) async fn finish(
        &self,
        mut record: ShiftRecord,
        force: bool,
        now: Timestamp,
    ) -> Result<Tried, Failure> {
        if record.state.ledger.intent.is_some() || !shift_of(&mut record)?.maybe_on_their_way.is_empty() {
            let job = self.advance_one(record, now).await?;
            if job.raced {
                return Ok(Tried::Raced);
            }
            record = job.record;
        }
        let shift = shift_of(&mut record)?;
        let after = match (shift.phase, shift.finished_at) {
            (Phase::Succeeded, _) => return Ok(Tried::Answer(self.with_checklist(&record).await?)),
            (Phase::RolledBack, Some(_)) => return Ok(Tried::Answer(answered(&record))),
            (Phase::RolledBack, None) => shift.original.clone(),
            (Phase::Validating, _) if shift.validating_since.is_some() => shift.pairs.successor_alone(),
            (phase, _) => {
                let message = format!(
                    "the shift is {phase} at {}; finish follows the validation, or an abort",
                    shift.weights
                );
                return Ok(Tried::refused("record_name", message));
            }
        };
        if let Some(until) =
            shift.validated_at().filter(|until| now < *until && !force && shift.phase == Phase::Validating)
        {
            let message = format!("the validation lasts until {until}; \"force\": true ends it now");
            return Ok(Tried::refused("force", message));
        }
        let names = [shift.plan.record_name.clone()].into();
        let found = self.world.dns().records(&shift.plan.hosted_zone_id, &names).await?;
        if standing(&shift.expected, &found) != Standing::AsExpected {
            return Ok(Tried::refused("record_name", difference(shift, &found)));
        }
        if shift.phase == Phase::Validating && !force {
            let left = domains_left(&self.world, shift).await?;
            if !left.is_empty() {
                let message = format!(
                    "{} may still lead to the App Runner service; shift or unlink them first, or say \"force\": true",
                    left.join(", ")
                );
                return Ok(Tried::refused("plan.from.service_arn", message));
            }
        }
        let act = Act { what: What::Finish, before: shift.expected.clone(), after };
        let job = self.write_one(record, act, now).await?;
        if job.raced {
            return Ok(Tried::Raced);
        }
        let finished = job.record.state.work.as_ref().is_some_and(|shift| shift.finished_at.is_some());
        if !finished {
            let why =
                job.outcome.map_or_else(|| "it was not tried".to_owned(), |outcome| format!("{outcome:?}"));
            return Ok(Tried::refused("record_name", format!("not finished yet ({why}); send finish again")));
        }
        Ok(Tried::Answer(self.with_checklist(&job.record).await?))
    }

    async fn with_checklist(&self, record: &ShiftRecord) -> Result<Value, Failure> {
        let mut answer = answered(record);
        let Some(shift) = record.state.work.as_ref().filter(|shift| shift.phase == Phase::Succeeded) else {
            return Ok(answer);
        };
        let arn = &shift.plan.from.service_arn;
        let (left, described) =
            join(domains_left(&self.world, shift), self.world.apprunner().describe(arn)).await;
        // The record is written; what can only be named in part is named in part.
        let left = left.unwrap_or_else(|_| vec!["domains that could not be read".to_owned()]);
        answer["checklist"] = checklist(shift, described.ok().as_ref(), &left);
        answer["blocked_by"] = json!(left);
        Ok(answer)
    }
}

/// What is left to take down, in an order in which nothing that is still needed goes first.
fn checklist(shift: &Shift, service: Option<&Described>, left: &[String]) -> Value {
    let arn = shift.plan.from.service_arn.as_str();
    let (zone, name) = (&shift.plan.hosted_zone_id, &shift.plan.record_name);
    let refers_to = service.map(|service| service.refers_to.clone()).unwrap_or_default();
    let role = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    let roles: Vec<String> = [refers_to.access_role, refers_to.instance_role]
        .into_iter()
        .flatten()
        .map(|arn| format!("aws iam list-attached-role-policies --role-name {}", role(&arn)))
        .collect();
    let connector = refers_to
        .vpc_connector
        .map(|connector| format!("aws apprunner delete-vpc-connector --vpc-connector-arn {connector}"));
    let blocked = !left.is_empty();
    let step = |step: &str, what: String, commands: Vec<String>| json!({"step": step, "what": what, "commands": commands, "blocked": blocked && step != "traffic"});
    json!([
        step("traffic", format!("{name} answers with the successor alone. Wait 24 to 48 hours for resolvers that keep \
             records longer than they should."), vec![format!("dig +short {name}")]),
        step("domain", "Unlink the domain from the service. From here on there is no quick way back.".to_owned(),
            vec![format!("aws apprunner disassociate-custom-domain --service-arn {arn} --domain-name {name}")]),
        step("dns", "Delete records that still lead to awsapprunner.com. Certificate validation records \
             (_….acm-validations.aws) stay: the successor's certificate is renewed by its own, and App Runner's are \
             needed while any of the service's domains is linked.".to_owned(),
            vec![format!("aws route53 list-resource-record-sets --hosted-zone-id {zone}")]),
        step("service", "Delete the service, with its configuration and its copy of the image.".to_owned(),
            vec![format!("aws apprunner delete-service --service-arn {arn}")]),
        step("endpoint", "A private service leaves its interface endpoint behind, which costs by the hour; the \
             function cleanup finds it.".to_owned(),
            vec![format!("aws apprunner list-vpc-ingress-connections --filter ServiceArn={arn}")]),
        step("connector", "Delete the VPC connector, once no other service uses it.".to_owned(),
            connector.into_iter().collect()),
        step("roles", "Delete the roles that were made for this service alone.".to_owned(), roles),
    ])
}
