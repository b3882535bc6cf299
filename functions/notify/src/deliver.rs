//! Sending what a record's outbox holds, and clearing it.

use std::collections::HashMap;

use autopilot::{
    call::Call,
    control::Action,
    error::{Class, Failure, PortError},
    evidence::Occasion,
    gather::{FirstLook, Gathered, Subject},
    incident::{Incident, IncidentId},
    outbox::Entry,
    ports::{AppRunnerRead, FactsRead, LogsRead, Publish},
    service::ServiceArn,
    store::{self, StateRead, StateWrite, Written},
    telemetry,
};
use futures_util::future::join_all;
use tracing::{error, info};

use crate::{
    decide::VALIDATION_OF,
    explain,
    handler::Notify,
    message::Message,
    render,
    state::{self, Audience, Notice, Outgoing, SubjectRecord},
};

/// Evidence by incident.
pub(crate) type Evidences = HashMap<IncidentId, Gathered>;

impl<A, L, F, S, P> Notify<A, L, F, S, P>
where
    A: AppRunnerRead,
    L: LogsRead,
    F: FactsRead,
    S: StateRead + StateWrite,
    P: Publish,
{
    /// Gathers the evidence of every failure that waits to be told, from a first look where there is one.
    pub(crate) async fn gather_all(
        &self,
        record: &SubjectRecord,
        claimed: bool,
        look: Option<&FirstLook>,
    ) -> Evidences {
        let mut evidences = Evidences::new();
        let Some(service) = state::service_of(&record.key).filter(|_| claimed) else { return evidences };
        for entry in &record.outbox.entries {
            let Notice::Failure { incident } = &entry.message.notice else { continue };
            let Some(incident) = record.state.incident(incident) else { continue };
            if !evidences.contains_key(&incident.id) {
                let gathered = match look {
                    Some(look) => self.gather_one(&service, incident, look).await,
                    None => self.gather_one(&service, incident, &self.first_look(&service).await).await,
                };
                evidences.insert(incident.id.clone(), gathered);
            }
        }
        evidences
    }

    async fn gather_one(&self, service: &ServiceArn, incident: &Incident, look: &FirstLook) -> Gathered {
        let operations = look.operations.as_deref().unwrap_or_default();
        let operation = operations.iter().find(|op| incident.operation.as_ref() == Some(&op.id)).cloned();
        self.look_closer(service, look, operation, subject_of(incident), incident.failed_at).await
    }

    /// Sends the entries of a claimed outbox in order, and clears what was sent.
    pub(crate) async fn deliver(
        &self,
        record: &mut SubjectRecord,
        evidences: &Evidences,
        call: &Call,
    ) -> Result<(), Failure> {
        let mut sent = Vec::new();
        let mut failed = None;
        // One notice's entries, one a topic, go out together; notices go out one after the other.
        for entries in record.outbox.entries.chunk_by(|a, b| a.message.notice == b.message.notice) {
            let notice = entries.first().map(|entry| &entry.message.notice);
            let message = notice.and_then(|notice| compose(record, notice, evidences, call));
            let Some(message) = message.filter(|_| !are_said_by_the_alert(entries, record)) else {
                sent.extend(entries.iter().map(|entry| entry.number));
                continue;
            };
            let answers = join_all(entries.iter().map(|entry| self.send(record, entry, &message))).await;
            for (entry, answer) in entries.iter().zip(answers) {
                match answer {
                    Ok(()) => sent.push(entry.number),
                    Err(error) => failed = Some(error),
                }
            }
            if failed.is_some() {
                break;
            }
            info!(
                kind = message.kind,
                phase = message.phase,
                thread = message.thread,
                "Told: {}",
                message.title
            );
            telemetry::told(notice.map_or("notify", Notice::function), &message.phase, call.now);
        }
        record.outbox.settle(&sent);
        if record.save(&self.state).await? == Written::Conflict {
            store::update(&self.state, record.key.clone(), |record: &mut SubjectRecord| {
                record.outbox.settle(&sent);
            })
            .await?;
        }
        failed.map_or(Ok(()), |error| Err(Failure::Port(error)))
    }

    async fn send(
        &self,
        record: &SubjectRecord,
        entry: &Entry<Outgoing>,
        message: &Message,
    ) -> Result<(), PortError> {
        let id = format!("{}#{}", record.key.sort, entry.number);
        match entry.message.to {
            Audience::Alert => self.topics.publish(&self.settings.alert_topic, &message.for_people()).await,
            Audience::Chat => {
                match self.topics.publish(&self.settings.chat_topic, &message.for_chat(&id)).await {
                    // A chat topic that will never take it must not hold up the alerts behind it.
                    Err(refused) if refused.class == Class::Permanent => {
                        error!(error = %refused, thread = message.thread, "The chat topic refused a message for good");
                        Ok(())
                    }
                    answer => answer,
                }
            }
        }
    }
}

/// Whoever gets an alert late reads in it how App Runner's own rollback ended, and needs no second message.
fn are_said_by_the_alert(entries: &[Entry<Outgoing>], record: &SubjectRecord) -> bool {
    let alert_waits = |entry: &Entry<Outgoing>| {
        let Notice::RollbackEnded { incident: ended } = &entry.message.notice else { return false };
        record.outbox.entries.iter().any(|other| {
            let failure = matches!(&other.message.notice, Notice::Failure { incident } if incident == ended);
            failure && other.message.to == entry.message.to
        })
    };
    entries.iter().all(alert_waits)
}

/// What an incident is about, by its kind.
fn subject_of(incident: &Incident) -> Subject {
    let kind = incident.kind.as_str();
    match kind.strip_prefix(VALIDATION_OF) {
        Some(domain) => Subject { occasion: Occasion::CustomDomain, domain: Some(domain.to_lowercase()) },
        None => Subject { occasion: Occasion::from_name(kind), domain: None },
    }
}

/// The message of a notice; nothing where the record no longer knows what it is about.
fn compose(record: &SubjectRecord, notice: &Notice, evidences: &Evidences, call: &Call) -> Option<Message> {
    match notice {
        Notice::Announced { announcement } => return Some(render::announced(announcement)),
        Notice::AlreadyThere { failures } => return Some(render::already_there(failures)),
        _ => {}
    }
    let service = state::service_of(&record.key)?;
    let incident = |id: &IncidentId| record.state.incident(id);
    match notice {
        Notice::Failure { incident: id } => {
            let gathered = evidences.get(id)?;
            let redactor = gathered.redactor();
            let causes = explain::causes(gathered, &redactor);
            Some(render::failure(&service, incident(id)?, gathered, &causes, &redactor))
        }
        Notice::RollbackEnded { incident: id } => Some(render::rollback_ended(&service, incident(id)?)),
        Notice::Recovered { incident: id } => Some(render::recovered(&service, incident(id)?)),
        Notice::LongRunning { operation } => Some(render::long_running(&service, operation, call.now)),
        Notice::UnreadableTag { value } => {
            Some(render::unreadable_tag(&service, Action::Notify.tag(), value))
        }
        Notice::Unreadable { why } => Some(render::unreadable(&service, why)),
        Notice::Announced { .. } | Notice::AlreadyThere { .. } => None,
    }
}
