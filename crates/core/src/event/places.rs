//! Which records the lines of a file mean. Numbers from an export become those of this ledger, and `@KEY` the
//! record with that import key, here or in the ledger.

use std::collections::BTreeMap;

use super::ndjson::{Line, LineError, Said};
use crate::event::{Event, FieldSpec, Fields, Kind};
use crate::value::base::excerpt;
use crate::value::id::Seq;

/// A record that is in every ledger: stands for one that is not known, where only the form is checked.
const SOME_RECORD: &str = "0";

/// Where the lines of a file went. Lines whose numbers and places both count up, as those of an export do, take no
/// memory each.
#[derive(Debug, Clone)]
pub struct Places {
    /// By the first number of each stretch that was exported.
    exported: BTreeMap<u64, Stretch>,
    /// Whether a record that is not found may be that of a line which could not be read.
    lenient: bool,
}

/// Records that followed each other where they were exported from, and do here.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    place: u64,
    length: u64,
}

impl Default for Places {
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

impl Places {
    /// From now on, what cannot be found is no error: a line could not be read.
    pub fn be_lenient(&mut self) {
        self.lenient = true;
    }

    /// The event of a line. `keyed` finds the record of an import key, here or in the ledger; `next` is the next
    /// record.
    ///
    /// # Errors
    /// Everything that is wrong with the line's values and with the records that it names.
    pub fn event(
        &mut self,
        line: Line,
        keyed: impl Fn(&str) -> Option<Seq>,
        next: Seq,
    ) -> Result<Event, Vec<LineError>> {
        let mut errors = Vec::new();
        let wrong = |field: &str, message: String| LineError {
            line: line.number,
            field: Some(field.to_owned()),
            message,
        };
        if let Some(seq) = line.seq {
            let place = line.key().and_then(&keyed).unwrap_or(next);
            if let Err(message) = self.give(seq, place) {
                errors.push(wrong("seq", message));
            }
        }
        let mut fields = match line.said {
            Said::Event(event) if errors.is_empty() => return Ok(event),
            Said::Event(_) => return Err(errors),
            Said::Fields(fields) => fields,
            Said::OfItsLedger => Fields::default(),
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
                errors.extend(
                    more.into_iter()
                        .map(|more| LineError::at(line.number, more)),
                );
                Err(errors)
            }
        }
    }

    /// Notes the place of a record that was exported.
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

    /// What a text of a field that may name records stands for in this ledger; none if it names none, or names it
    /// by its number here.
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

/// The fields of an event that may name records. A correction's values are those of the field that it corrects.
fn naming_records(kind: Kind, corrected: Option<&str>) -> impl Iterator<Item = &'static str> {
    let names_records = |name: &str| {
        let mut specs = Kind::ALL.iter().filter_map(|kind| kind.field(name));
        specs.any(FieldSpec::may_name_records)
    };
    let corrects = kind == Kind::Corrected && corrected.is_some_and(names_records);
    let fields = kind.fields().filter(move |spec| {
        spec.may_name_records() || corrects && matches!(spec.name, "old" | "to")
    });
    fields.map(|spec| spec.name)
}

/// Whether a line has texts for which [`Places`] must be asked.
pub(super) fn are_asked<S: AsRef<str>>(
    kind: Kind,
    is_exported: bool,
    given: &[(&str, &[S])],
) -> bool {
    // Rare, and quickly seen; which field it is costs more to find out.
    let suspect = |text: &S| {
        let text = text.as_ref();
        text.starts_with('@') || is_exported && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let suspects = || {
        let texts = given.iter();
        texts.filter(|(_, texts)| texts.iter().any(suspect))
    };
    if suspects().next().is_none() {
        return false;
    }
    let corrected = given.iter().find(|(name, _)| *name == "field");
    let corrected = corrected.and_then(|(_, texts)| texts.first().map(AsRef::as_ref));
    let naming: Vec<_> = naming_records(kind, corrected).collect();
    suspects().any(|(name, _)| naming.contains(name))
}
