//! What is declared of each kind of event.

use super::field::FieldSpec;

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
    pub(super) doc: &'static str,
    pub(super) attributes: &'static [&'static str],
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

    /// Whether the payload of its records can be erased. No rule asks for what it says.
    pub fn is_erasable(&self) -> bool {
        self.has("erasable")
    }

    /// Whether its payload can be erased where that of the record that it is about can.
    pub fn is_erasable_with_target(&self) -> bool {
        self.has("as_erasable_as_target")
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
