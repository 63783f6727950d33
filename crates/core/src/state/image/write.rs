//! The parts of a state as bytes.

use chrono::Datelike;

use super::marks::{NO_RECORD, NO_WORD};
use crate::state::assessments::Assessment;
use crate::state::dates::{RecordDate, RecordDates};
use crate::state::entity::Entity;
use crate::state::facts::{AgreementFacts, CommitmentFacts, Facts, History, Moved, PartyFacts};
use crate::state::id_table::Id;
use crate::state::postings::Postings;
use crate::state::tables::Tables;
use crate::state::word::Word;

/// How many different dates two bytes can number.
const NARROW: usize = 1 << 16;

/// How many bytes are given at once, at least.
const PIECE: usize = 64 * 1024;

/// The values that are still used, in the order of their first use, and the new number of each old one.
fn used<T>(all: &[T], numbers: impl Iterator<Item = u32>) -> (Vec<u32>, Vec<&T>) {
    let mut places = vec![NO_RECORD; all.len()];
    let mut used = Vec::new();
    for number in numbers.map(|number| number as usize) {
        if let Some(value) = all.get(number)
            && places[number] == NO_RECORD
        {
            places[number] = used.len() as u32;
            used.push(value);
        }
    }
    (places, used)
}

fn renumbered(places: &[u32], number: u32) -> u32 {
    places.get(number as usize).copied().unwrap_or(NO_RECORD)
}

/// Writes the parts of a state.
pub(super) struct Writer<'g> {
    /// Bytes that were not given yet.
    pub out: Vec<u8>,
    /// Gets the bytes.
    pub give: &'g mut dyn FnMut(&[u8]),
    /// The new number of each assessment, among those that are still used.
    pub assessments: Vec<u32>,
    /// The new number of each word, among those that are still used.
    pub words: Vec<u32>,
}

impl Writer<'_> {
    /// Gives the waiting bytes, if they are a piece.
    pub fn give_if_many(&mut self) {
        if self.out.len() >= PIECE {
            (self.give)(&self.out);
            self.out.clear();
        }
    }

    pub fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    pub fn number(&mut self, number: u32) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u32);
        self.out.extend_from_slice(bytes);
    }

    /// The text of a value; an empty text for none.
    fn text(&mut self, value: Option<impl ToString>) {
        let text = value.map(|value| value.to_string()).unwrap_or_default();
        self.bytes(text.as_bytes());
    }

    pub fn list<T>(
        &mut self,
        all: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut each: impl FnMut(&mut Self, T),
    ) {
        let all = all.into_iter();
        self.number(all.len() as u32);
        all.for_each(|one| {
            each(self, one);
            self.give_if_many();
        });
    }

    fn log<T>(&mut self, log: &History<T>, mut each: impl FnMut(&mut Self, &T)) {
        self.list(&log.0, |out, (record, value)| {
            out.number(*record);
            each(out, value);
        });
    }

    fn ids(&mut self, ids: &[Id]) {
        self.list(ids, |out, id| out.number(*id));
    }

    pub fn trail(&mut self, trail: &Postings) {
        self.number(trail.last());
        self.bytes(trail.bytes());
    }

    /// The different dates of the records, then the number of the date of each record, in two bytes if that is enough.
    pub fn dates(&mut self, dates: &RecordDates, records: usize) {
        let (used, places) = dates.to_parts();
        self.list(&used, |out, date| out.date(date));
        let narrow = used.len() <= NARROW;
        let width = if narrow { 2 } else { 4 };
        self.byte(width);
        self.number((records * usize::from(width)) as u32);
        for place in places {
            match narrow {
                true => self.out.extend_from_slice(&(place as u16).to_le_bytes()),
                false => self.number(place),
            }
            self.give_if_many();
        }
    }

    fn date(&mut self, date: &RecordDate) {
        let RecordDate {
            on,
            recorded,
            irregular,
            infers,
            infers_on,
            unsure,
            timeless,
        } = date;
        self.text(on.as_ref());
        self.number(recorded.num_days_from_ce() as u32);
        let flags = [irregular, infers, infers_on, unsure, timeless];
        let flag = |(place, is): (usize, &&bool)| u8::from(**is) << place;
        self.byte(flags.iter().enumerate().map(flag).sum());
    }

    /// The assessments and the words that are still used, each in the order of the entities.
    pub fn shared(&mut self, tables: &Tables) {
        let facts = || {
            let entities = tables.entities.iter();
            entities.filter_map(|each| each.facts.commitment.as_ref())
        };
        let assessments = facts().flat_map(|facts| facts.assessments.values());
        let (numbers, used) = used(tables.assessments.all(), assessments.copied());
        self.assessments = numbers;
        self.list(used, |out, assessment| {
            let Assessment { by, scale, level } = assessment;
            out.ids(by);
            out.text(Some(scale));
            out.text(Some(level));
        });
        let moves = facts().flat_map(|facts| facts.moves.values());
        let (numbers, used) = self::used(tables.words.all(), moves.map(|moved| moved.word));
        self.words = numbers;
        self.list(used, |out, word| {
            let Word {
                by,
                capacity,
                debtor,
            } = word;
            out.ids(by);
            out.byte(capacity.map_or(NO_WORD, |capacity| capacity as u8));
            out.ids(debtor);
        });
    }

    pub fn entity(&mut self, entity: &Entity) {
        let (kind, record) = match entity.defined {
            Some((kind, record)) => (kind as u8, record),
            None => (NO_WORD, NO_RECORD),
        };
        self.byte(kind);
        self.number(record);
        self.trail(&entity.trail);
        let Facts {
            party,
            agreement,
            commitment,
            recorder,
        } = &entity.facts;
        self.list(party, |out, facts| {
            let PartyFacts {
                parent,
                succeeded,
                successors,
                keys,
            } = &**facts;
            out.log(parent, |out, id| out.number(*id));
            out.log(succeeded, |out, id| out.number(*id));
            out.log(successors, |out, ids| out.ids(ids));
            out.log(keys, |_, ()| {});
        });
        self.list(agreement, |out, facts| {
            let AgreementFacts {
                concluded,
                moves,
                acts,
            } = &**facts;
            out.log(concluded, |out, concluded| {
                out.text(concluded.on.as_ref());
                out.ids(&concluded.parties);
                out.byte(concluded.parties_unknown.into());
            });
            out.log(moves, |out, made| {
                out.byte(made.to as u8);
                out.text(made.effective.as_ref());
            });
            out.log(acts, |out, (party, action)| {
                out.number(*party);
                out.byte(*action as u8);
            });
        });
        self.list(commitment, |out, facts| out.commitment(facts));
        self.list(recorder, |out, facts| out.log(&facts.revoked, |_, ()| {}));
    }

    fn commitment(&mut self, facts: &CommitmentFacts) {
        let CommitmentFacts {
            terms,
            amendments,
            moves,
            contests,
            assessments,
            occurrences,
        } = facts;
        self.log(terms, |out, terms| {
            out.number(terms.agreement);
            out.ids(&terms.debtor);
            out.ids(&terms.creditor);
            out.byte(terms.mutual.into());
            out.text(terms.deadline.as_ref());
            out.byte(terms.standing.map_or(NO_WORD, |standing| standing as u8));
        });
        self.log(amendments, |out, amendment| {
            out.ids(&amendment.debtor);
            out.ids(&amendment.creditor);
            out.text(amendment.deadline.as_ref());
        });
        self.log(moves, |out, Moved { to, word }| {
            out.byte(*to as u8);
            out.number(renumbered(&out.words, *word));
        });
        self.log(contests, |out, to| out.byte(*to as u8));
        self.log(assessments, |out, assessment| {
            out.number(renumbered(&out.assessments, *assessment));
        });
        self.log(occurrences, |_, ()| {});
    }
}
