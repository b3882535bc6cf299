//! A whole look at a service: what is read, and what of it is recorded.

use autopilot::{
    case::Case,
    configuration::{Configuration, Member},
    control::{Action, Mode},
    error::{Class, Failure, PortError},
    ports::{AppRunnerRead, ConfigurationRead, ImageDigests, PushedImage, RevisionRead},
    service::{Operation, OperationStatus, OperationType, ServiceArn, ServiceStatus},
    store::{self, Record, StateRead, StateWrite},
};
use jiff::Timestamp;

use crate::{
    case::{Bake, Wanted, Work},
    handler::Rollback,
    seen::{Look, WayBack, shipping},
    versions::{self, Ended, LookUp, Success, Version, Versions, VersionsRecord},
    way_back,
};

impl<A, C, M, I, S, B> Rollback<A, C, M, I, S, B>
where
    A: AppRunnerRead + ConfigurationRead + RevisionRead,
    I: ImageDigests,
    S: StateRead + StateWrite,
    B: autopilot::ports::Announce,
{
    /// Looks at a service. A version that an operation brought, and how a bake ended, are recorded on the way.
    pub(crate) async fn look(
        &self,
        service: &ServiceArn,
        case: &Case<Work>,
        ended: Option<Ended>,
        now: Timestamp,
    ) -> Result<Look, Failure> {
        let (control, configured, operations, tags, record) = tokio::join!(
            self.desk.control(),
            self.apprunner.configuration(service),
            self.apprunner.operations(service, None),
            self.apprunner.tags(service),
            self.versions_of(service),
        );
        // A deleted service is described for an hour, without tags.
        let tag = match tags {
            Err(gone) if gone.is_not_found() => None,
            tags => tags?.remove(Action::Rollback.tag()),
        };
        let mode = control?.resolve(Action::Rollback, service, tag.as_deref(), self.settings.mode);
        let gone = Look { tag, set_by: mode.by, ..Look::gone(service.clone(), mode.mode) };
        let not_found = [configured.as_ref().err(), operations.as_ref().err()];
        if not_found.into_iter().flatten().any(PortError::is_not_found) {
            return Ok(gone);
        }
        let configured = configured?;
        let mut look = Look {
            status: Some(configured.status),
            operations: operations?,
            configuration: configured.configuration,
            versions: record?.state,
            ..gone
        };
        let running = look.operations.first().filter(|operation| operation.status.is_running());
        if let Some(operation) = running.cloned() {
            look.began = Some(self.looked_up(&operation, &look.configuration, &case.work, now).await?);
            return Ok(look);
        }
        if look.status != Some(ServiceStatus::Running) {
            return Ok(look);
        }
        self.record(&mut look, &case.work, now).await?;
        if let (Some(ended), Some(bake)) = (ended, &case.work.baking)
            && runs_still(bake, &look, &case.work)
        {
            let judged = |versions: &mut Versions| versions.judge(&bake.operation, ended.clone());
            look.versions = self.change_versions(service, judged).await?;
        }
        let left = case.work.rolling.as_ref().and_then(|rolling| rolling.act.left());
        if let Some(left) = left {
            look.versions = self.change_versions(service, |versions| versions.reject(left)).await?;
        }
        self.check_way_back(&mut look, &case.work).await?;
        Ok(look)
    }

    /// What the configured image means while an operation runs; asked once an operation.
    async fn looked_up(
        &self,
        operation: &Operation,
        configuration: &Configuration,
        work: &Work,
        now: Timestamp,
    ) -> Result<LookUp, PortError> {
        let known = work.began.as_ref().filter(|began| began.operation == operation.id);
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let image = configuration.text(Member::Image).unwrap_or_default().to_owned();
        let digest = self.resolved(configuration).await?.map(|image| image.digest);
        Ok(LookUp { operation: operation.id.clone(), image, digest, at: now })
    }

    /// The image of a configuration; `None` where there is none, or where it may not be read: then it is not
    /// pinned.
    async fn resolved(&self, configuration: &Configuration) -> Result<Option<PushedImage>, PortError> {
        let Some(image) = configuration.image() else { return Ok(None) };
        match self.images.resolve(&image).await {
            Err(error) if error.class == Class::Permanent => Ok(None),
            resolved => resolved,
        }
    }

    /// Records the version of a successful operation, where the newest operation is the same before and after the
    /// configuration is read.
    async fn record(&self, look: &mut Look, work: &Work, now: Timestamp) -> Result<(), Failure> {
        let held = |ship: &Operation| work.hold.is_some() && ship.kind == OperationType::StartDeployment;
        let Some(ship) = look.shipping().cloned() else { return Ok(()) };
        let due = ship.status == OperationStatus::Succeeded
            && look.versions.of(&ship.id).is_none()
            && !work.is_own(&ship.id)
            && !held(&ship)
            && work.dealt.as_ref() != Some(&ship.id);
        // Our own update's end is still to be read: until then it is not known whether the service is held.
        if !due || work.rolling.is_some() {
            return Ok(());
        }
        let configured = self.apprunner.configuration(&look.service).await?;
        let (image, after) = tokio::join!(
            self.resolved(&configured.configuration),
            self.apprunner.operations(&look.service, None),
        );
        let (image, after) = (image?, after?);
        let unchanged = after.first() == look.operations.first() && shipping(&after) == Some(&ship);
        if !unchanged || configured.status != ServiceStatus::Running {
            return Ok(());
        }
        let success = Success {
            operation: &ship,
            configuration: configured.configuration,
            began: work.began.as_ref(),
            image,
            assumed: work.assume,
        };
        look.versions =
            self.change_versions(&look.service, |versions| versions.record(&success, now)).await?;
        Ok(())
    }

    async fn change_versions(
        &self,
        service: &ServiceArn,
        change: impl Fn(&mut Versions),
    ) -> Result<Versions, Failure> {
        store::update(&self.desk.state, versions::key(service), |record: &mut VersionsRecord| {
            change(&mut record.state);
            record.state.clone()
        })
        .await
    }

    async fn versions_of(&self, service: &ServiceArn) -> Result<VersionsRecord, PortError> {
        Record::load(&self.desk.state, versions::key(service)).await
    }

    /// Looks whether the version that may be gone back to is still there: its image, connector and scaling.
    async fn check_way_back(&self, look: &mut Look, work: &Work) -> Result<(), Failure> {
        let ship = look.shipping();
        let news = ship.is_some_and(|ship| Some(&ship.id) != work.dealt.as_ref() && ship.status.is_failure());
        let baked = work.baking.as_ref().and_then(|bake| look.versions.of(&bake.operation));
        let bad = baked.is_some_and(|version| version.standing == versions::Standing::Bad);
        if (!news && !bad && work.request.is_none()) || (look.mode == Mode::Off && work.request.is_none()) {
            return Ok(());
        }
        let named = match work.request.as_ref().map(|request| &request.what) {
            Some(Wanted::Release) => {
                let held = work.hold.as_ref().and_then(|hold| look.versions.numbered(hold.version));
                if let Some(version) = held {
                    let tagged = self.resolved(version.configuration.open()).await?;
                    look.released_digest = tagged.map(|image| image.digest);
                }
                return Ok(());
            }
            Some(Wanted::Version(named)) => *named,
            None => None,
        };
        let Some(version) = way_back::choose(work, look, named).cloned() else { return Ok(()) };
        let (image_missing, resource_missing) =
            tokio::join!(self.image_missing(&version), self.resource_missing(&version));
        let (image_missing, resource_missing) = (image_missing?, resource_missing?);
        look.way_back = Some(WayBack { version: version.number, image_missing, resource_missing });
        Ok(())
    }

    async fn image_missing(&self, version: &Version) -> Result<Option<String>, PortError> {
        let Some(image) = version.image() else { return Ok(None) };
        match self.images.resolve(&image).await {
            Ok(Some(_)) => Ok(None),
            Ok(None) => Ok(Some("is not in the registry any more".to_owned())),
            Err(error) if error.class == Class::Permanent => {
                Ok(Some(format!("cannot be looked up in the registry ({})", error.in_short())))
            }
            Err(error) => Err(error),
        }
    }

    /// The connector or scaling configuration of a version that is gone.
    async fn resource_missing(&self, version: &Version) -> Result<Option<String>, PortError> {
        let configuration = version.configuration.open();
        if let Some(arn) = configuration.text(Member::VpcConnector)
            && !self.apprunner.connector_is_active(arn).await?
        {
            return Ok(Some(arn.to_owned()));
        }
        if let Some(arn) = configuration.text(Member::AutoScaling)
            && !self.apprunner.scaling_is_active(arn).await?
        {
            return Ok(Some(arn.to_owned()));
        }
        Ok(None)
    }
}

/// Whether what was measured is the version that bakes: nothing came after it but what was undone and dealt with.
fn runs_still(bake: &Bake, look: &Look, work: &Work) -> bool {
    look.shipping().is_some_and(|ship| {
        ship.id == bake.operation || ship.status.is_failure() && work.dealt.as_ref() == Some(&ship.id)
    })
}

#[cfg(test)]
mod tests {
    use OperationStatus::{Failed, RollbackSucceeded, Succeeded};
    use autopilot::{analysis::Streak, service::OperationId};

    use super::*;
    use crate::versions::Evidence;

    #[test]
    fn a_version_is_judged_only_while_nothing_else_runs() {
        let service: ServiceArn =
            "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap();
        let operation = |id: &str, status: &OperationStatus| Operation {
            id: OperationId(id.into()),
            kind: OperationType::StartDeployment,
            status: status.clone(),
            started_at: None,
            ended_at: None,
            updated_at: None,
        };
        let bake = Bake {
            operation: OperationId("d".into()),
            began_at: Timestamp::UNIX_EPOCH,
            since: Timestamp::UNIX_EPOCH,
            streak: Streak::default(),
            analysed_at: None,
            last: None,
            blamed: false,
            evidence: Evidence::None,
        };
        for (later, dealt, judged) in [
            (None, "d", true),
            // Its event was lost, and its errors are not those of the version before.
            (Some(Succeeded), "d", false),
            (Some(Failed), "d", false),
            (Some(RollbackSucceeded), "d", false),
            (Some(RollbackSucceeded), "e", true),
        ] {
            let mut operations = vec![operation("d", &Succeeded)];
            if let Some(status) = &later {
                operations.insert(0, operation("e", status));
            }
            let look = Look { operations, ..Look::gone(service.clone(), Mode::On) };
            let work = Work { dealt: Some(OperationId(dealt.into())), ..Work::default() };
            assert_eq!(runs_still(&bake, &look, &work), judged, "{later:?} {dealt}");
        }
    }
}
