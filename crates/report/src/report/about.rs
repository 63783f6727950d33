//! The ledger that a document is about: its name and purpose, and the names of what cells call by id.

use std::fmt;

use servanda_core::event::Fact;
use servanda_core::rules::Known as _;
use servanda_core::state::{EntityKind, State};
use servanda_core::value::id::{PartyId, Slug};
use servanda_core::view::sentences::Sentences;

use super::cells;

/// The ledger that a document is about. It is no part of the answer: documents that differ in it alone are equal.
#[derive(Clone, Copy, Default)]
pub struct About<'v>(Option<&'v State>);

impl<'v> About<'v> {
    /// What a state holds.
    pub fn new(state: &'v State) -> Self {
        Self(Some(state))
    }

    /// The ledger's name and its purpose; none for a document that is about no ledger.
    pub fn opening(&self) -> Option<(String, Option<String>)> {
        let opening = cells::opening(self.0?)?;
        let purpose = opening.purpose.as_ref().map(ToString::to_string);
        Some((opening.origin.to_string(), purpose))
    }

    /// What a text names as an id.
    pub fn named(&self, text: &str) -> Option<(EntityKind, Slug)> {
        let id: Slug = text.parse().ok()?;
        let (kind, _) = self.0?.entity(&id)?;
        Some((kind, id))
    }

    /// The name or title that something has today; a commitment has none.
    pub fn name_of(&self, kind: EntityKind, id: &Slug) -> Option<String> {
        let state = self.0?;
        match kind {
            EntityKind::Party => Sentences::new(state)
                .names(&PartyId(id.clone()))
                .into_iter()
                .next(),
            EntityKind::Agreement | EntityKind::Source => match &state.defining(id)?.event.fact {
                Fact::AgreementRecorded(fact) => Some(fact.title.to_string()),
                Fact::SourceRegistered(fact) => Some(fact.title.to_string()),
                _ => None,
            },
            EntityKind::Commitment | EntityKind::Recorder => None,
        }
    }
}

impl fmt::Debug for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("About")
    }
}

impl PartialEq for About<'_> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for About<'_> {}
