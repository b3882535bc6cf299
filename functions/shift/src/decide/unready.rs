//! Why an Express service is to take no further step, whatever its metrics say.

use std::fmt;

use crate::shift::Why;

/// What is the matter with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unready {
    /// It is being deployed.
    Deploying,
    /// There is no such service any more, or it is being deleted.
    Gone,
    /// It could not be read; why.
    Unread(String),
}

impl Unready {
    /// What it holds a shift by, whichever it is.
    pub const WHYS: [Why; 3] = [Why::TargetDeploying, Why::TargetGone, Why::TargetUnread];

    /// What it holds a shift by.
    pub fn why(&self) -> Why {
        match self {
            Self::Deploying => Why::TargetDeploying,
            Self::Gone => Why::TargetGone,
            Self::Unread(_) => Why::TargetUnread,
        }
    }
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploying => {
                f.write_str("The successor is being deployed; the shift goes on when that has ended.")
            }
            Self::Gone => f.write_str(
                "The Express service of the plan was deleted. abort sends all traffic back; the shift \
                 goes on if the service is made again.",
            ),
            Self::Unread(why) => {
                write!(f, "The Express service could not be read ({why}); the shift goes on when it can.")
            }
        }
    }
}
