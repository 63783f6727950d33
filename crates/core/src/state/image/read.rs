//! The parts of a state from bytes.

use chrono::NaiveDate;

use super::marks::{NO_RECORD, NO_WORD};
use crate::event::Kind;
use crate::state::assessments::Assessment;
use crate::state::current::RecordStatus;
use crate::state::dates::{RecordDate, Stamp};
use crate::state::entity::Entity;
use crate::state::facts::{
    AgreementFacts, AgreementMove, Amendment, CommitmentFacts, Conclusion, Facts, History,
    PartyFacts, RecorderFacts, Terms,
};
use crate::state::id_table::{Id, Ids};
use crate::state::paged::Item;
use crate::state::postings::Postings;
use crate::state::sides::Sides;
use crate::state::sorted::{Keyed, Sparse};
use crate::state::stored::{Cursor, Table};
use crate::state::word::Word;
use crate::value::agreement::{Action, AgreementStatus};
use crate::value::base::Leaf;
use crate::value::commitment::{Capacity, Contest, Standing};
use crate::value::id::{EntityKind, Slug};
use crate::value::when::Deadline;

impl Item for Option<Kind> {
    const TOGETHER: usize = 8_192;

    fn read(from: &mut Cursor<'_>) -> Option<Self> {
        match from.byte()? {
            NO_WORD => Some(None),
            kind => Kind::ALL.get(usize::from(kind)).copied().map(Some),
        }
    }

    fn lost() -> Self {
        None
    }
}

impl Item for Stamp {
    const TOGETHER: usize = 512;

    fn read(from: &mut Cursor<'_>) -> Option<Self> {
        from.date().map(Self::of)
    }

    fn lost() -> Self {
        Self::gone()
    }
}

impl Item for Slug {
    const TOGETHER: usize = 512;

    fn read(from: &mut Cursor<'_>) -> Option<Self> {
        from.text()?.parse().ok()
    }

    fn lost() -> Self {
        "lost".parse().expect("it is an id")
    }
}

impl Item for Assessment {
    const TOGETHER: usize = 512;

    fn read(from: &mut Cursor<'_>) -> Option<Self> {
        from.assessment()
    }

    fn lost() -> Self {
        Self {
            by: Ids::new(),
            scale: "lost".parse().expect("it is a text"),
            level: "lost".parse().expect("it is a level"),
        }
    }
}

impl Item for Word {
    const TOGETHER: usize = 512;

    fn read(from: &mut Cursor<'_>) -> Option<Self> {
        from.said()
    }

    fn lost() -> Self {
        Self {
            to: Standing::Agreed,
            by: Ids::new(),
            capacity: None,
            debtor: Ids::new(),
        }
    }
}

impl Item for Sides {
    const TOGETHER: usize = 512;

    fn read(from: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            debtor: from.some_ids()?,
            creditor: from.some_ids()?,
            mutual: from.byte()? == 1,
        })
    }

    fn lost() -> Self {
        Self::default()
    }
}

impl Item for Option<Deadline> {
    const TOGETHER: usize = 512;

    fn read(from: &mut Cursor<'_>) -> Option<Self> {
        from.value()
    }

    fn lost() -> Self {
        None
    }
}

impl Item for Entity {
    const TOGETHER: usize = 64;

    fn read(from: &mut Cursor<'_>) -> Option<Self> {
        from.entity()
    }

    fn lost() -> Self {
        Self::default()
    }
}

impl Keyed for RecordStatus {
    fn read(from: &mut Cursor<'_>) -> Option<(u64, Self)> {
        let record = from.number()?.into();
        let corrections = from.list(Cursor::number)?;
        let status = Self {
            corrections,
            retracted: from.record()?,
            redacted: from.record()?,
        };
        Some((record, status))
    }
}

impl Sparse for RecordStatus {
    fn is_none(&self) -> bool {
        self == Self::NONE
    }
}

impl Keyed for Postings {
    fn read(from: &mut Cursor<'_>) -> Option<(u64, Self)> {
        let record = u64::from_le_bytes(from.array()?);
        Some((record, from.trail()?))
    }
}

impl Sparse for Postings {
    fn is_none(&self) -> bool {
        self.is_empty()
    }
}

/// The parts of a state, which may be forged.
impl Cursor<'_> {
    fn record(&mut self) -> Option<Option<u32>> {
        let record = self.number()?;
        Some((record != NO_RECORD).then_some(record))
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

    /// None or one.
    fn optional<T>(&mut self, each: impl FnMut(&mut Self) -> Option<T>) -> Option<Option<Box<T>>> {
        let mut all = self.list(each)?;
        (all.len() <= 1).then(|| all.pop().map(Box::new))
    }

    fn log<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<History<T>> {
        let all = self.list(|from| Some((from.number()?, each(from)?)))?;
        Some(History(all.into()))
    }

    fn id(&mut self) -> Option<Id> {
        self.number_of(Table::Entities)
    }

    fn some_ids(&mut self) -> Option<Ids> {
        let length = self.number()?;
        (0..length).map(|_| self.id()).collect()
    }

    fn trail(&mut self) -> Option<Postings> {
        let last = self.number()?;
        let length = self.number()?;
        if length == NO_RECORD {
            return Some(Postings::long(self.long_trail()?, last));
        }
        let (bytes, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(Postings::from_parts(bytes.to_vec(), last))
    }

    /// A day.
    pub fn day(&mut self) -> Option<NaiveDate> {
        NaiveDate::from_num_days_from_ce_opt(self.number()? as i32)
    }

    fn date(&mut self) -> Option<RecordDate> {
        let on = self.value()?;
        let recorded = self.day()?;
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

    fn assessment(&mut self) -> Option<Assessment> {
        Some(Assessment {
            by: self.some_ids()?,
            scale: self.value()??,
            level: self.value()??,
        })
    }

    fn said(&mut self) -> Option<Word> {
        Some(Word {
            to: self.word(Standing::ALL)?,
            by: self.some_ids()?,
            capacity: match self.byte()? {
                NO_WORD => None,
                place => Some(*Capacity::ALL.get(usize::from(place))?),
            },
            debtor: self.some_ids()?,
        })
    }

    fn entity(&mut self) -> Option<Entity> {
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
                    sides: from.number_of(Table::Sides)?,
                    deadline: from.number_of(Table::Deadlines)?,
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
            moves: self.log(|from| from.number_of(Table::Words))?,
            contests: self.log(|from| from.word(Contest::ALL))?,
            assessments: self.log(|from| from.number_of(Table::Assessments))?,
            occurrences: self.log(|_| Some(()))?,
        })
    }
}
