//! What is read about a service before it is decided.

use autopilot::{
    analysis::Analysis,
    configuration::Configuration,
    control::{Mode, SetBy},
    service::{Operation, OperationType, ServiceArn, ServiceStatus},
};

use crate::versions::{LookUp, Versions};

/// What was read.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A version bakes, nothing is due: an analysis, read for all services at once.
    Baking(Judged),
    /// The service, whole.
    Whole(Box<Look>),
}

/// A new version and the one before it, by the same metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Since the version runs.
    pub now: Analysis,
    /// As long before it.
    pub before: Analysis,
}

/// A service as it was read.
#[derive(Clone, Debug)]
pub struct Look {
    /// The service.
    pub service: ServiceArn,
    /// The mode in force.
    pub mode: Mode,
    /// Who set it.
    pub set_by: SetBy,
    /// The value of the mode tag.
    pub tag: Option<String>,
    /// Its status; `None` where App Runner does not know the service any more.
    pub status: Option<ServiceStatus>,
    /// Its operations, newest first.
    pub operations: Vec<Operation>,
    /// Its configuration.
    pub configuration: Configuration,
    /// Its versions, what was just seen included.
    pub versions: Versions,
    /// What the configured image's tag means while an operation runs.
    pub began: Option<LookUp>,
    /// Whether the way back is still there, where one may be needed.
    pub way_back: Option<WayBack>,
    /// The digest that the held version's own tag means now, where a release is asked for.
    pub released_digest: Option<String>,
}

/// What was found about the version that may be the way back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WayBack {
    /// Its number.
    pub version: u64,
    /// Its image is gone, or why it cannot be told.
    pub image_missing: Option<String>,
    /// The connector or scaling configuration that is gone.
    pub resource_missing: Option<String>,
}

impl Look {
    /// A service that App Runner does not know any more.
    pub fn gone(service: ServiceArn, mode: Mode) -> Self {
        Self {
            service,
            mode,
            set_by: SetBy::Parameter,
            tag: None,
            status: None,
            operations: Vec::new(),
            configuration: Configuration::default(),
            versions: Versions::default(),
            began: None,
            way_back: None,
            released_digest: None,
        }
    }

    /// The newest operation that brought a version, or was to.
    pub fn shipping(&self) -> Option<&Operation> {
        shipping(&self.operations)
    }
}

/// The newest operation that brought a version, or was to.
pub fn shipping(operations: &[Operation]) -> Option<&Operation> {
    let ships = |operation: &&Operation| {
        operation.kind.ships_a_version() || operation.kind == OperationType::CreateService
    };
    operations.iter().find(ships)
}
