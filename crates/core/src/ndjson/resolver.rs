//! References between the lines of a file. Record numbers from an export become record numbers of this ledger, and
//! `@KEY` becomes the record with that import key, in the file or in the ledger.

use std::collections::BTreeMap;

use super::line::{Line, LineError, ParsedLine};
use super::references::{SOME_RECORD, naming_records};
use crate::event::{Event, Fields};
use crate::value::base::excerpt;
use crate::value::id::Seq;

/// Resolves the references between the lines of a file, line by line. Lines whose exported numbers and new numbers
/// both count up take no memory each.
#[derive(Debug, Clone)]
pub struct ReferenceResolver {
    /// Stretches of exported records, by their first exported number.
    exported: BTreeMap<u64, Stretch>,
    /// Whether unknown records are accepted, because a line could not be read.
    lenient: bool,
}

/// Records that follow each other in both ledgers.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    /// The number of the first one in this ledger.
    place: u64,
    length: u64,
}

impl Default for ReferenceResolver {
    fn default() -> Self {
        let opening = Stretch {
            place: 0,
            length: 1,
        };
        Self {
            // Record 0 opens every ledger.
            exported: BTreeMap::from([(0, opening)]),
            lenient: false,
        }
    }
}

impl ReferenceResolver {
    /// Accepts unknown records from now on: one of them may be the record of a line that could not be read.
    pub fn be_lenient(&mut self) {
        self.lenient = true;
    }

    /// Makes the event of a line. `keyed` finds the record of an import key, in the file or in the ledger; `next` is
    /// the number that the event will get.
    ///
    /// # Errors
    /// All errors in the line's values and references.
    pub fn event(
        &mut self,
        line: Line,
        keyed: impl Fn(&str) -> Option<Seq>,
        next: Seq,
    ) -> Result<Event, Vec<LineError>> {
        let mut errors = Vec::new();
        let wrong = |field: &str, message: String| LineError::field(line.number, field, message);
        if let Some(seq) = line.seq {
            let place = line.key().and_then(&keyed).unwrap_or(next);
            if let Err(message) = self.give(seq, place) {
                errors.push(wrong("seq", message));
            }
        }
        let mut fields = match line.parsed {
            ParsedLine::Event(event) if errors.is_empty() => return Ok(event),
            ParsedLine::Event(_) => return Err(errors),
            ParsedLine::Fields(fields) => fields,
            ParsedLine::OfItsLedger => Fields::default(),
        };
        let corrected = fields.get("field").first().cloned();
        for name in naming_records(line.kind, corrected.as_deref()) {
            let mut texts = fields.get(name).to_vec();
            for text in &mut texts {
                match self.find(text, line.seq.is_some(), &keyed) {
                    Ok(Some(place)) => *text = place.to_string(),
                    Ok(None) => {}
                    Err(message) => {
                        if !self.lenient {
                            errors.push(wrong(name, message));
                        }
                        *text = SOME_RECORD.to_owned();
                    }
                }
            }
            fields.set(name, texts);
        }
        match Event::build(line.kind, &fields) {
            Ok(event) if errors.is_empty() => Ok(event),
            Ok(_) => Err(errors),
            Err(more) => {
                let at = |error| LineError::at(line.number, error);
                errors.extend(more.into_iter().map(at));
                Err(errors)
            }
        }
    }

    /// Notes the new number of an exported record.
    fn give(&mut self, exported: u64, Seq(place): Seq) -> Result<(), String> {
        if let Some((&first, stretch)) = self.exported.range_mut(..=exported).next_back() {
            if exported - first < stretch.length {
                return Err(format!("{exported} stands twice"));
            }
            if exported - first == stretch.length && place == stretch.place + stretch.length {
                stretch.length += 1;
                return Ok(());
            }
        }
        self.exported.insert(exported, Stretch { place, length: 1 });
        Ok(())
    }

    /// Resolves a text of a field that may name records. None if the text names no record, or names one by its number
    /// in this ledger.
    fn find(
        &self,
        text: &str,
        is_exported: bool,
        keyed: impl Fn(&str) -> Option<Seq>,
    ) -> Result<Option<Seq>, String> {
        if let Some(key) = text.strip_prefix('@') {
            let place = keyed(key)
                .ok_or_else(|| format!("no record has the import key `{}`", excerpt(key)))?;
            return Ok(Some(place));
        }
        match text.parse::<u64>() {
            Ok(seq) if is_exported => {
                let stretch = self.exported.range(..=seq).next_back();
                let found = stretch.filter(|(first, stretch)| seq - *first < stretch.length);
                let (first, stretch) =
                    found.ok_or_else(|| format!("no line before this one has seq {seq}"))?;
                Ok(Some(Seq(stretch.place + (seq - first))))
            }
            _ => Ok(None),
        }
    }
}
