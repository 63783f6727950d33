//! What is declared of each kind of event.

use super::field::{FieldSpec, has};

/// The declaration of a kind of event.
#[derive(Debug)]
pub struct EventSpec {
    /// Its number in the bytes. No two kinds ever have the same one.
    pub number: u16,
    /// Its word: after `record` on the command line, and under `event` in NDJSON.
    pub word: &'static str,
    /// The name of its Rust type, in the past tense.
    pub name: &'static str,
    /// The schema number that it came with.
    pub since: u8,
    /// Its own fields, in the order of their bytes, without those of the envelope.
    pub fields: &'static [FieldSpec],
    /// What the headers of its records may say.
    pub form: HeaderForm,
    pub(super) doc: &'static str,
    pub(super) attributes: &'static [&'static str],
}

/// What the headers of one kind of event may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderForm {
    /// Whether they name another record, which the event is about.
    pub has_target: bool,
    /// Whether they say that the payload can be erased.
    pub erasable: Erasable,
}

/// Which payloads can be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasable {
    /// None: later records rest on what they say.
    Never,
    /// All.
    Always,
    /// Those about a record whose payload can be erased by its kind.
    WithTarget,
}

impl HeaderForm {
    pub(super) const fn of(fields: &[FieldSpec], attributes: &[&str]) -> Self {
        let mut has_target = false;
        let mut at = 0;
        while at < fields.len() {
            has_target |= fields[at].is_target();
            at += 1;
        }
        let erasable = if has(attributes, "erasable") {
            Erasable::Always
        } else if has(attributes, "as_erasable_as_target") {
            Erasable::WithTarget
        } else {
            Erasable::Never
        };
        Self {
            has_target,
            erasable,
        }
    }
}

impl EventSpec {
    fn has(&self, attribute: &str) -> bool {
        self.attributes.contains(&attribute)
    }

    /// What it says: one sentence.
    pub fn about(&self) -> &'static str {
        self.doc.trim()
    }

    /// Whether it opens the ledger: only record 0 does.
    pub fn opens(&self) -> bool {
        self.has("opens")
    }

    /// Whether it is about its own ledger only, so that an import into another one leaves it out: the opening, and
    /// acknowledgements, which sign the links of its records.
    pub fn is_local(&self) -> bool {
        self.has("local")
    }

    /// Whether a correction may change it.
    pub fn is_correctable(&self) -> bool {
        !self.has("fixed") && !self.has("uncorrectable")
    }

    /// Whether it may be retracted.
    pub fn is_retractable(&self) -> bool {
        !self.has("fixed")
    }
}
