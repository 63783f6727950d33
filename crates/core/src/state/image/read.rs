//! The parts of a state from bytes.

use chrono::NaiveDate;

use super::marks::{NO_RECORD, NO_WORD};
use crate::state::assessments::Assessment;
use crate::state::dates::{Numbers, RecordDate, RecordDates};
use crate::state::entity::Entity;
use crate::state::facts::{
    AgreementFacts, AgreementMove, Amendment, CommitmentFacts, Conclusion, Facts, History, Moved,
    PartyFacts, RecorderFacts, Terms,
};
use crate::state::id_table::{Id, Ids};
use crate::state::postings::Postings;
use crate::state::word::Word;
use crate::value::agreement::{Action, AgreementStatus};
use crate::value::base::Leaf;
use crate::value::commitment::{Capacity, Contest, Standing};
use crate::value::id::EntityKind;

/// The pieces of a list that was cut into pieces; none if a rest is left.
fn whole<'b, T>((all, rest): (&'b [T], &[u8])) -> Option<&'b [T]> {
    rest.is_empty().then_some(all)
}

/// Reads the parts of a state, which may be damaged.
pub(super) struct Reader<'b> {
    pub rest: &'b [u8],
    /// How many ids there are. The number of each is lower.
    pub ids: u32,
    /// How many assessments there are. The number of each is lower.
    pub assessments: u32,
    /// How many words there are. The number of each is lower.
    pub words: u32,
}

impl<'b> Reader<'b> {
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }

    pub fn byte(&mut self) -> Option<u8> {
        let [byte] = self.array()?;
        Some(byte)
    }

    pub fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn record(&mut self) -> Option<Option<u32>> {
        let record = self.number()?;
        Some((record != NO_RECORD).then_some(record))
    }

    pub fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = self.number()?;
        let (bytes, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(bytes)
    }

    pub fn text(&mut self) -> Option<&'b str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn value<T: Leaf>(&mut self) -> Option<Option<T>> {
        match self.text()? {
            "" => Some(None),
            text => text.parse().ok().map(Some),
        }
    }

    fn word<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let place = self.byte()?;
        all.get(usize::from(place)).copied()
    }

    pub fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.number()? as usize;
        // Damaged bytes may say any length. The bytes that are left limit how many values there can be.
        let mut all = Vec::with_capacity(length.min(self.rest.len()));
        for _ in 0..length {
            all.push(each(self)?);
        }
        Some(all)
    }

    /// None or one.
    fn optional<T>(&mut self, each: impl FnMut(&mut Self) -> Option<T>) -> Option<Option<Box<T>>> {
        let mut all = self.list(each)?;
        (all.len() <= 1).then(|| all.pop().map(Box::new))
    }

    fn log<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<History<T>> {
        self.list(|from| Some((from.number()?, each(from)?)))
            .map(History)
    }

    fn id(&mut self) -> Option<Id> {
        let ids = self.ids;
        self.number().filter(|id| *id < ids)
    }

    fn some_ids(&mut self) -> Option<Ids> {
        let length = self.number()?;
        (0..length).map(|_| self.id()).collect()
    }

    pub fn trail(&mut self) -> Option<Postings> {
        let last = self.number()?;
        Some(Postings::from_parts(self.bytes()?.to_vec(), last))
    }

    pub fn dates(&mut self, records: usize) -> Option<RecordDates> {
        let dates = self.list(Self::date)?;
        let width = self.byte()?;
        let bytes = self.bytes()?;
        let numbers = match width {
            2 => Numbers::Narrow(whole(bytes.as_chunks())?),
            4 => Numbers::Wide(whole(bytes.as_chunks())?),
            _ => return None,
        };
        (bytes.len() / usize::from(width) == records).then_some(())?;
        RecordDates::from_parts(dates, numbers)
    }

    fn date(&mut self) -> Option<RecordDate> {
        let on = self.value()?;
        let recorded = NaiveDate::from_num_days_from_ce_opt(self.number()? as i32)?;
        let flags = self.byte()?;
        let flag = |place: u8| flags & (1 << place) != 0;
        (flags < 1 << 5).then_some(RecordDate {
            on,
            recorded,
            irregular: flag(0),
            infers: flag(1),
            infers_on: flag(2),
            unsure: flag(3),
            timeless: flag(4),
        })
    }

    pub fn assessment(&mut self) -> Option<Assessment> {
        Some(Assessment {
            by: self.some_ids()?,
            scale: self.value()??,
            level: self.value()??,
        })
    }

    pub fn said(&mut self) -> Option<Word> {
        Some(Word {
            by: self.some_ids()?,
            capacity: match self.byte()? {
                NO_WORD => None,
                place => Some(*Capacity::ALL.get(usize::from(place))?),
            },
            debtor: self.some_ids()?,
        })
    }

    fn moved(&mut self) -> Option<Moved> {
        let (to, words) = (self.word(Standing::ALL)?, self.words);
        let word = self.number().filter(|word| *word < words)?;
        Some(Moved { to, word })
    }

    pub fn entity(&mut self) -> Option<Entity> {
        let kind = self.byte()?;
        let record = self.number()?;
        let defined = match kind {
            NO_WORD => None,
            kind => Some((*EntityKind::ALL.get(usize::from(kind))?, record)),
        };
        Some(Entity {
            defined,
            trail: self.trail()?,
            facts: Facts {
                party: self.optional(|from| {
                    Some(PartyFacts {
                        parent: from.log(Self::id)?,
                        succeeded: from.log(Self::id)?,
                        successors: from.log(Self::some_ids)?,
                        keys: from.log(|_| Some(()))?,
                    })
                })?,
                agreement: self.optional(|from| {
                    Some(AgreementFacts {
                        concluded: from.log(|from| {
                            Some(Conclusion {
                                on: from.value()?,
                                parties: from.some_ids()?,
                                parties_unknown: from.byte()? == 1,
                            })
                        })?,
                        moves: from.log(|from| {
                            Some(AgreementMove {
                                to: from.word(AgreementStatus::ALL)?,
                                effective: from.value()?,
                            })
                        })?,
                        acts: from.log(|from| Some((from.id()?, from.word(Action::ALL)?)))?,
                    })
                })?,
                commitment: self.optional(Self::commitment)?,
                recorder: self.optional(|from| {
                    Some(RecorderFacts {
                        revoked: from.log(|_| Some(()))?,
                    })
                })?,
            },
        })
    }

    fn commitment(&mut self) -> Option<CommitmentFacts> {
        Some(CommitmentFacts {
            terms: self.log(|from| {
                Some(Terms {
                    agreement: from.id()?,
                    debtor: from.some_ids()?,
                    creditor: from.some_ids()?,
                    mutual: from.byte()? == 1,
                    deadline: from.value()?,
                    standing: match from.byte()? {
                        NO_WORD => None,
                        place => Some(*Standing::ALL.get(usize::from(place))?),
                    },
                })
            })?,
            amendments: self.log(|from| {
                Some(Amendment {
                    debtor: from.some_ids()?,
                    creditor: from.some_ids()?,
                    deadline: from.value()?,
                })
            })?,
            moves: self.log(Self::moved)?,
            contests: self.log(|from| from.word(Contest::ALL))?,
            assessments: self.log(|from| {
                let assessments = from.assessments;
                from.number().filter(|assessment| *assessment < assessments)
            })?,
            occurrences: self.log(|_| Some(()))?,
        })
    }
}
