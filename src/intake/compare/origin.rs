//! Where a value comes from: tables as sources, and what stands in the ledger.

use servanda_core::event::{Event, Fact};
use servanda_core::value::id::{Seq, Slug};
use servanda_core::value::source::Citation;
use servanda_core::value::when::When;

/// A table as a source of the ledger.
pub(super) struct Origin {
    pub name: String,
    /// The beginning of the import keys of all versions of the table.
    pub key: String,
    pub source: Option<Slug>,
    /// Where this version of it was recorded before.
    pub recorded: Option<Seq>,
    pub published: Option<When>,
    /// Whether it lists the changes of another table, from the oldest on.
    pub is_log: bool,
}

/// Who said what stands, and where.
pub(super) struct Standing {
    /// The record that says it.
    pub seq: Seq,
    pub citation: Option<Citation>,
    pub published: Option<When>,
    /// The import key of its source, if that is a table.
    pub table: Option<String>,
}

impl Origin {
    /// Whether the table is older than what stands.
    pub fn is_older(&self, standing: &Standing) -> bool {
        if standing.source() == self.source.as_ref() && self.source.is_some() {
            return false;
        }
        match (self.recorded, self.published, standing.published) {
            (Some(recorded), ..) => standing.seq > recorded,
            (None, Some(own), Some(other)) => own.certainly_before(other),
            _ => false,
        }
    }

    /// Why what stands is corrected.
    pub fn reason(&self, standing: Option<&Standing>) -> String {
        let Some(standing) = standing else {
            return "A newer version of the table says so".to_owned();
        };
        if self.recorded.is_some() || standing.source() == self.source.as_ref() {
            return format!("{} is read by other rules now", self.name);
        }
        let is_version = standing
            .table
            .as_ref()
            .is_some_and(|key| key.starts_with(&self.key));
        match (standing.published, self.published) {
            (Some(other), Some(own)) if other.certainly_before(own) => match is_version {
                true => "A newer version of the table says so".to_owned(),
                false => format!("{}, which was published later, says so", self.name),
            },
            _ => format!("{}, which was imported later, says so", self.name),
        }
    }
}

impl Standing {
    pub fn source(&self) -> Option<&Slug> {
        self.citation.as_ref().map(|citation| &citation.source.0)
    }

    /// Where it was read, for messages.
    pub fn by(&self) -> String {
        let citation = self.citation.as_ref();
        citation.map_or_else(String::new, |by| format!(" (from {by})"))
    }
}

pub(super) fn published(event: &Event) -> Option<When> {
    match &event.fact {
        Fact::SourceRegistered(fact) => fact.published,
        _ => None,
    }
}
