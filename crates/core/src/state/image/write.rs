//! The parts of a state as bytes.

use chrono::Datelike;

use super::marks::{NO_RECORD, NO_WORD};
use crate::event::Kind;
use crate::pages::{PAGE, PageWriter};
use crate::state::assessments::Assessment;
use crate::state::current::RecordStatus;
use crate::state::dates::RecordDate;
use crate::state::entity::Entity;
use crate::state::facts::{AgreementFacts, CommitmentFacts, Facts, History, PartyFacts};
use crate::state::id_table::Id;
use crate::state::interned::Renumbered;
use crate::state::paged::Item;
use crate::state::postings::Postings;
use crate::state::sides::Sides;
use crate::state::word::Word;
use crate::value::when::Deadline;

/// Trails of more bytes than this lie apart from their entities.
const LONG_TRAIL: usize = 64;

/// Writes a table of values, in the pages of their type.
pub(super) fn paged<'v, T: Item + 'v>(
    to: &mut PageWriter<'_>,
    values: impl Iterator<Item = &'v T>,
    each: impl FnMut(&mut Bytes<'_>, &'v T),
) {
    in_pages(to, T::TOGETHER, values, each);
}

/// Writes a table of values, so many a page.
pub(super) fn in_pages<V>(
    to: &mut PageWriter<'_>,
    together: usize,
    values: impl Iterator<Item = V>,
    mut each: impl FnMut(&mut Bytes<'_>, V),
) {
    let mut count: usize = 0;
    for value in values {
        each(&mut Bytes(to.page(count as u64)), value);
        count += 1;
        if count.is_multiple_of(together) {
            to.close_page();
        }
    }
    to.close_table(count as u64);
}

/// Writes a table of values that are sorted by their keys.
pub(super) fn sorted<V>(
    to: &mut PageWriter<'_>,
    values: impl Iterator<Item = (u64, V)>,
    mut each: impl FnMut(&mut Bytes<'_>, u64, V),
) {
    let mut count = 0;
    for (key, value) in values {
        each(&mut Bytes(to.page(key)), key, value);
        to.close_page_of(PAGE);
        count += 1;
    }
    to.close_table(count);
}

/// The numbers that values have in a snapshot.
pub(super) struct Numbers {
    pub assessments: Renumbered,
    pub words: Renumbered,
    pub sides: Renumbered,
    pub deadlines: Renumbered,
}

/// Where the next long trail lies in the table of trails.
#[derive(Default)]
pub(super) struct LongTrails {
    page: u32,
    at: u32,
}

impl LongTrails {
    /// Whether a trail lies apart.
    pub fn is_long(trail: &Postings) -> bool {
        length(trail) > LONG_TRAIL
    }

    /// The place of the next one, which has so many bytes.
    fn place(&mut self, length: u32) -> (u32, u32) {
        let place = (self.page, self.at);
        self.at += length;
        if self.at as usize >= PAGE {
            (self.page, self.at) = (self.page + 1, 0);
        }
        place
    }
}

fn length(trail: &Postings) -> usize {
    trail.bytes().iter().map(|part| part.len()).sum()
}

/// Bytes that parts of a state are added to.
pub(super) struct Bytes<'o>(pub &'o mut Vec<u8>);

impl Bytes<'_> {
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub fn kind(&mut self, kind: Option<Kind>) {
        self.byte(kind.map_or(NO_WORD, |kind| kind as u8));
    }

    pub fn status(&mut self, status: &RecordStatus) {
        self.list(&status.corrections, |out, record| out.number(*record));
        self.number(status.retracted.unwrap_or(NO_RECORD));
        self.number(status.redacted.unwrap_or(NO_RECORD));
    }

    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u32);
        self.0.extend_from_slice(bytes);
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

    /// A trail, or where it lies.
    pub fn trail(&mut self, trail: &Postings, long: &mut LongTrails) {
        self.number(trail.last());
        let length = length(trail) as u32;
        if LongTrails::is_long(trail) {
            let (page, at) = long.place(length);
            self.number(NO_RECORD);
            self.number(page);
            self.number(at);
            self.number(length);
        } else {
            self.number(length);
            trail.bytes().iter().for_each(|part| self.add(part));
        }
    }

    pub fn date(&mut self, date: &RecordDate) {
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

    pub fn assessment(&mut self, assessment: &Assessment) {
        let Assessment { by, scale, level } = assessment;
        self.ids(by);
        self.text(Some(scale));
        self.text(Some(level));
    }

    pub fn said(&mut self, word: &Word) {
        let Word {
            to,
            by,
            capacity,
            debtor,
        } = word;
        self.byte(*to as u8);
        self.ids(by);
        self.byte(capacity.map_or(NO_WORD, |capacity| capacity as u8));
        self.ids(debtor);
    }

    pub fn sides(&mut self, sides: &Sides) {
        let Sides {
            debtor,
            creditor,
            mutual,
        } = sides;
        self.ids(debtor);
        self.ids(creditor);
        self.byte((*mutual).into());
    }

    pub fn deadline(&mut self, deadline: Option<&Deadline>) {
        self.text(deadline);
    }

    /// An entity, with the numbers that values have in the snapshot.
    pub fn entity(&mut self, entity: &Entity, numbers: &Numbers, long: &mut LongTrails) {
        let (kind, record) = match entity.defined {
            Some((kind, record)) => (kind as u8, record),
            None => (NO_WORD, NO_RECORD),
        };
        self.byte(kind);
        self.number(record);
        self.trail(&entity.trail, long);
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
        self.list(commitment, |out, facts| out.commitment(facts, numbers));
        self.list(recorder, |out, facts| out.log(&facts.revoked, |_, ()| {}));
    }

    fn commitment(&mut self, facts: &CommitmentFacts, numbers: &Numbers) {
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
            out.number(numbers.sides.of(terms.sides));
            out.number(numbers.deadlines.of(terms.deadline));
            out.byte(terms.standing.map_or(NO_WORD, |standing| standing as u8));
        });
        self.log(amendments, |out, amendment| {
            out.ids(&amendment.debtor);
            out.ids(&amendment.creditor);
            out.text(amendment.deadline.as_ref());
        });
        self.log(moves, |out, word| out.number(numbers.words.of(*word)));
        self.log(contests, |out, to| out.byte(*to as u8));
        self.log(assessments, |out, assessment| {
            out.number(numbers.assessments.of(*assessment));
        });
        self.log(occurrences, |_, ()| {});
    }
}
