//! Ears for the log: whatever a function logs, a secret must not be in it.

use std::{fmt::Write as _, sync::Arc};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
    subscriber::DefaultGuard,
};

use super::Watch;

/// Listens to what this thread logs until the guard is dropped.
pub(crate) fn listen(watch: &Arc<Watch>) -> DefaultGuard {
    tracing::subscriber::set_default(Ears(watch.clone()))
}

struct Ears(Arc<Watch>);

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // A String takes everything.
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Ears {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO && metadata.is_event()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let now = self.0.clock.now();
        let mut state = self.0.state();
        state.keeps_secret("a log line", &line.0, now);
        // Not part of the fingerprint: the SDK may log what differs from run to run.
        state.keep_line(now, &line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
