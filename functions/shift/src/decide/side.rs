//! Whether App Runner's side can take all traffic back.

use autopilot::{
    analysis::{Analysis, Verdict},
    service::ServiceStatus,
};

/// What is known of App Runner's side.
#[derive(Clone, Debug)]
pub enum FromSide {
    /// Nobody had to look.
    Unasked,
    /// It could not be looked at; why.
    Unread(String),
    /// It was looked at.
    Read {
        /// The service's status.
        status: ServiceStatus,
        /// Status of the custom domain that covers the name, in lower case; `None` where no domain does.
        domain: Option<String>,
        /// How it did lately.
        analysis: Analysis,
    },
}

impl FromSide {
    /// Why traffic must not be sent there by itself; `None` where it may.
    pub fn objection(&self) -> Option<String> {
        match self {
            Self::Unasked => Some("nobody has looked at App Runner's side yet".to_owned()),
            Self::Unread(why) => Some(format!("App Runner's side could not be read: {why}")),
            Self::Read { .. } => self.certain_objection().or_else(|| self.doubt()),
        }
    }

    /// Why a person who asks for it is told so first: it certainly serves nobody.
    pub fn certain_objection(&self) -> Option<String> {
        let Self::Read { status, domain, .. } = self else { return None };
        // An operation in progress may be maintenance, during which the service serves.
        if !matches!(status, ServiceStatus::Running | ServiceStatus::OperationInProgress) {
            return Some(format!("the App Runner service is {status}"));
        }
        match domain.as_deref() {
            Some("active") => None,
            Some(other) => Some(format!("the custom domain at App Runner is {other}, not active")),
            None => Some("the custom domain is not linked to the App Runner service any more".to_owned()),
        }
    }

    fn doubt(&self) -> Option<String> {
        let Self::Read { status, analysis, .. } = self else { return None };
        if *status != ServiceStatus::Running {
            return Some(format!("the App Runner service is {status}"));
        }
        (analysis.verdict == Verdict::Fail).then(|| format!("App Runner's side fails, too ({analysis})"))
    }
}
