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
    /// An event of the kind as a JSON object, in a ledger where what it names was recorded before.
    pub example: &'static str,
    /// What its records do to the record that they are about.
    pub change: Option<Change>,
    /// The field of the envelope without which it is incomplete.
    pub needs: Option<Need>,
    /// Whether it counts on any day, whenever it was recorded.
    pub is_timeless: bool,
    /// Whether it is about records, not about the world.
    pub is_bookkeeping: bool,
    /// Whether it has the date of the agreement that it names when it has none of its own.
    pub has_agreement_date: bool,
    /// What the headers of its records may say.
    pub form: HeaderForm,
    pub(super) doc: &'static str,
    pub(super) attributes: &'static [&'static str],
}

/// What the records of a kind do to the record that they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// They give one of its fields another value.
    Corrects,
    /// They take it out.
    Retracts,
    /// They allow that its payload is erased.
    Redacts,
}

impl Change {
    pub(super) const fn of(attributes: &[&str]) -> Option<Self> {
        if has(attributes, "corrects") {
            Some(Self::Corrects)
        } else if has(attributes, "retracts") {
            Some(Self::Retracts)
        } else if has(attributes, "redacts") {
            Some(Self::Redacts)
        } else {
            None
        }
    }
}

/// A field of the envelope without which a kind of event is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The name of the field.
    pub field: &'static str,
    what: &'static str,
}

impl Need {
    pub(super) const fn of(attributes: &[&'static str]) -> Option<Self> {
        let mut at = 0;
        while at + 2 < attributes.len() {
            if has(&[attributes[at]], "needs") {
                return Some(Self {
                    field: attributes[at + 1],
                    what: attributes[at + 2],
                });
            }
            at += 1;
        }
        None
    }

    /// What the field says: `who assessed it`.
    pub fn what(&self) -> &'static str {
        // It is declared as a literal.
        self.what.trim_matches('"')
    }
}

pub(super) const fn is_bookkeeping(attributes: &[&str]) -> bool {
    Change::of(attributes).is_some() || has(attributes, "bookkeeping")
}

/// Whether any of the fields has an attribute.
pub(super) const fn any_has(fields: &[FieldSpec], attribute: &str) -> bool {
    let mut at = 0;
    while at < fields.len() {
        if fields[at].has(attribute) {
            return true;
        }
        at += 1;
    }
    false
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
        let erasable = if has(attributes, "erasable") {
            Erasable::Always
        } else if has(attributes, "as_erasable_as_target") {
            Erasable::WithTarget
        } else {
            Erasable::Never
        };
        Self {
            has_target: any_has(fields, "target"),
            erasable,
        }
    }
}

impl EventSpec {
    fn has(&self, attribute: &str) -> bool {
        self.attributes.contains(&attribute)
    }

    /// Whether there are too many of its records to keep copies of what they say for reports.
    pub fn is_frequent(&self) -> bool {
        self.has("frequent")
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
