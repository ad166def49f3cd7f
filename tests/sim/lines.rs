//! The log of a run, as far as it is about the hostile partner: how many lines, and what stands in them.

use std::fmt::Debug;
use std::sync::Arc;

use portcullis::ident::PartnerId;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};

use super::budget::{Budget, Often};
use super::exec::Exec;

/// Reads what the nodes of a run log.
pub struct Lines {
    partner: PartnerId,
    budget: Arc<Budget>,
    exec: Exec,
}

impl Lines {
    /// Has the log of this thread read until what this gives is dropped.
    pub fn read(partner: PartnerId, budget: Arc<Budget>, exec: Exec) -> DefaultGuard {
        tracing::subscriber::set_default(Lines { partner, budget, exec })
    }
}

#[derive(Default)]
struct Texts(Vec<(&'static str, String)>);

impl Visit for Texts {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

impl Subscriber for Lines {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        of.is_event() && *of.level() <= Level::INFO && of.fields().field("partner.id").is_some()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut texts = Texts::default();
        event.record(&mut texts);
        if texts.0.iter().any(|(name, text)| *name == "partner.id" && text == self.partner.as_str()) {
            self.budget.count(Often::Lines, self.exec.now());
            self.budget.says("a line of the log", texts.0.iter().map(|(name, text)| (*name, text.as_str())));
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
