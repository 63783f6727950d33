//! The state as bytes, for a snapshot. They are not part of the record format: the bytes of a version with other lists of
//! words are refused.
//!
//! Numbers are little endian and 32 bits wide, a list begins with its length, and a word is its place in its list.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate};

use super::archive::Archive;
use super::assessments::{Assessment, Assessments};
use super::current::RecordStatus;
use super::dates::{Numbers, RecordDate, RecordDates};
use super::entity::Entity;
use super::facts::{
    AgreementFacts, AgreementMove, Amendment, CommitmentFacts, Conclusion, Facts, History,
    PartyFacts, RecorderFacts, Terms,
};
use super::id_table::{Id, IdTable};
use super::keys::ImportKeys;
use super::postings::Postings;
use super::tables::{State, Tables};
use crate::event::Kind;
use crate::value::agreement::{Action, AgreementStatus};
use crate::value::base::Leaf;
use crate::value::commitment::{Contest, Standing};
use crate::value::id::{EntityKind, Slug};

/// The bytes of no word, and of no record.
const NO_WORD: u8 = u8::MAX;
const NO_RECORD: u32 = u32::MAX;

/// How many different dates two bytes can number.
const NARROW: usize = 1 << 16;

/// How many bytes [`State::each_piece`] gives at once, at least.
const PIECE: usize = 64 * 1024;

impl State {
    /// The bytes of the state.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.each_piece(&mut |piece| bytes.extend_from_slice(piece));
        bytes
    }

    /// Gives the bytes of the state piece by piece: together they may take as much memory as the state. They are the same
    /// each time.
    pub fn each_piece(&self, give: &mut dyn FnMut(&[u8])) {
        let mut out = Writer {
            out: Vec::new(),
            give,
            assessments: Vec::new(),
        };
        out.bytes(words().as_bytes());
        out.number(self.tables.asserted as u32);
        out.list(&self.tables.kinds, |out, kind| {
            out.byte(kind.map_or(NO_WORD, |kind| kind as u8));
        });
        out.dates(&self.tables.dates, self.tables.kinds.len());
        let mut record_statuses: Vec<(&u32, &RecordStatus)> =
            self.tables.record_statuses.iter().collect();
        record_statuses.sort_unstable_by_key(|(record, _)| **record);
        out.list(record_statuses, |out, (record, record_status)| {
            out.number(*record);
            out.list(&record_status.corrections, |out, record| {
                out.number(*record)
            });
            out.number(record_status.retracted.unwrap_or(NO_RECORD));
            out.number(record_status.redacted.unwrap_or(NO_RECORD));
        });
        out.list(self.tables.names.slugs(), |out, slug| {
            out.bytes(slug.as_str().as_bytes())
        });
        out.list(self.tables.names.first(), |out, record| out.number(*record));
        out.assessments(&self.tables.assessments, &self.tables.entities);
        for entity in &self.tables.entities {
            out.entity(entity);
            out.give_if_many();
        }
        let mut about: Vec<(&u64, &Postings)> = self.tables.about.iter().collect();
        about.sort_unstable_by_key(|(seq, _)| **seq);
        out.list(about, |out, (seq, trail)| {
            out.out.extend_from_slice(&seq.to_le_bytes());
            out.trail(trail);
        });
        out.list(self.tables.import_keys.to_pairs(), |out, (record, tag)| {
            out.number(record);
            out.number(tag);
        });
        (out.give)(&out.out);
    }

    /// The state of these bytes, over the archive of its records; none if they are damaged or of another version.
    pub fn from_bytes(bytes: &[u8], archive: Arc<dyn Archive>) -> Option<Self> {
        let mut from = Reader {
            rest: bytes,
            ids: 0,
            assessments: 0,
        };
        if from.bytes()? != words().as_bytes() {
            return None;
        }
        let asserted = from.number()?.into();
        let kinds = from.bytes()?.iter().map(|kind| match *kind {
            NO_WORD => Some(None),
            kind => Kind::ALL.get(usize::from(kind)).copied().map(Some),
        });
        let kinds = kinds.collect::<Option<Vec<Option<Kind>>>>()?;
        let dates = from.dates(kinds.len())?;
        let mut tables = Tables {
            kinds,
            dates,
            asserted,
            ..Tables::default()
        };
        for _ in 0..from.number()? {
            let record = from.number()?;
            let record_status = RecordStatus {
                corrections: from.list(Reader::number)?,
                retracted: from.record()?,
                redacted: from.record()?,
            };
            tables.record_statuses.insert(record, record_status);
        }
        let slugs = from.list(|from| from.text()?.parse::<Slug>().ok())?;
        let first = from.list(Reader::number)?;
        let count = slugs.len();
        if first.len() != count || !first.is_sorted() {
            return None;
        }
        tables.names = IdTable::new(slugs, first);
        from.ids = count as u32;
        tables.assessments = Assessments::new(from.list(Reader::assessment)?);
        from.assessments = tables.assessments.all().len() as u32;
        tables.entities = (0..count).map(|_| from.entity()).collect::<Option<_>>()?;
        for (kind, _) in tables.entities.iter().filter_map(|entity| entity.defined) {
            tables.id_counts[kind as usize] += 1;
        }
        for _ in 0..from.number()? {
            let seq = u64::from_le_bytes(from.array()?);
            tables.about.insert(seq, from.trail()?);
        }
        let keys = from.list(|from| Some((from.number()?, from.number()?)))?;
        tables.import_keys = ImportKeys::from_pairs(keys.into_iter());
        from.rest.is_empty().then_some(())?;
        let archived = tables.kinds.len() as u64;
        let mut state = Self {
            tables: Arc::new(tables),
            ..Self::default()
        };
        state.read_from(archive, archived);
        Some(state)
    }
}

/// Two states are equal if their bytes are, wherever they read records from.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.count() == other.count() && self.to_bytes() == other.to_bytes()
    }
}

impl Eq for State {}

/// The pieces of a list that was cut into pieces; none if a rest is left.
fn whole<'b, T>((all, rest): (&'b [T], &[u8])) -> Option<&'b [T]> {
    rest.is_empty().then_some(all)
}

/// The words that are written as places. The bytes begin with them, because another version may have other lists.
fn words() -> String {
    let lists = [
        Kind::WORDS,
        Standing::WORDS,
        Contest::WORDS,
        AgreementStatus::WORDS,
        Action::WORDS,
    ];
    lists.concat().join(" ")
}

struct Writer<'g> {
    /// Bytes that were not given yet.
    out: Vec<u8>,
    /// Gets the bytes.
    give: &'g mut dyn FnMut(&[u8]),
    /// The new number of each assessment, among those that are still used.
    assessments: Vec<u32>,
}

impl Writer<'_> {
    /// Gives the waiting bytes, if they are a piece.
    fn give_if_many(&mut self) {
        if self.out.len() >= PIECE {
            (self.give)(&self.out);
            self.out.clear();
        }
    }

    fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    fn number(&mut self, number: u32) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u32);
        self.out.extend_from_slice(bytes);
    }

    /// The text of a value; an empty text for none.
    fn text(&mut self, value: Option<impl ToString>) {
        let text = value.map(|value| value.to_string()).unwrap_or_default();
        self.bytes(text.as_bytes());
    }

    fn list<T>(
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

    fn trail(&mut self, trail: &Postings) {
        self.number(trail.last());
        self.bytes(trail.bytes());
    }

    /// The different dates of the records, then the number of the date of each record, in two bytes if that is enough.
    fn dates(&mut self, dates: &RecordDates, records: usize) {
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

    /// The assessments that are still used, in the order of the entities.
    fn assessments(&mut self, assessments: &Assessments, entities: &[Entity]) {
        self.assessments = vec![NO_RECORD; assessments.all().len()];
        let mut used: Vec<&Assessment> = Vec::new();
        let commitments = entities
            .iter()
            .filter_map(|each| each.facts.commitment.as_ref());
        for number in commitments.flat_map(|facts| facts.assessments.values()) {
            if let Some(assessment) = assessments.all().get(*number as usize)
                && self.assessments[*number as usize] == NO_RECORD
            {
                self.assessments[*number as usize] = used.len() as u32;
                used.push(assessment);
            }
        }
        self.list(used, |out, assessment| {
            let Assessment { by, scale, level } = assessment;
            out.ids(by);
            out.text(Some(scale));
            out.text(Some(level));
        });
    }

    fn entity(&mut self, entity: &Entity) {
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
            claims,
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
        self.log(moves, |out, to| out.byte(*to as u8));
        self.list(claims, |out, (record, party)| {
            out.number(*record);
            out.number(*party);
        });
        self.log(contests, |out, to| out.byte(*to as u8));
        self.log(assessments, |out, assessment| {
            let place = out.assessments.get(*assessment as usize).copied();
            out.number(place.unwrap_or(NO_RECORD));
        });
        self.log(occurrences, |_, ()| {});
    }
}

struct Reader<'b> {
    rest: &'b [u8],
    /// How many ids there are. The number of each is lower.
    ids: u32,
    /// How many assessments there are. The number of each is lower.
    assessments: u32,
}

impl<'b> Reader<'b> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }

    fn byte(&mut self) -> Option<u8> {
        let [byte] = self.array()?;
        Some(byte)
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn record(&mut self) -> Option<Option<u32>> {
        let record = self.number()?;
        Some((record != NO_RECORD).then_some(record))
    }

    fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = self.number()?;
        let (bytes, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'b str> {
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

    fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
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

    fn some_ids(&mut self) -> Option<Box<[Id]>> {
        self.list(Self::id).map(Vec::into_boxed_slice)
    }

    fn trail(&mut self) -> Option<Postings> {
        let last = self.number()?;
        Some(Postings::from_parts(self.bytes()?.to_vec(), last))
    }

    fn dates(&mut self, records: usize) -> Option<RecordDates> {
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

    fn assessment(&mut self) -> Option<Assessment> {
        Some(Assessment {
            by: self.some_ids()?,
            scale: self.value()??,
            level: self.value()??,
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
            moves: self.log(|from| from.word(Standing::ALL))?,
            claims: self.list(|from| Some((from.number()?, from.id()?)))?,
            contests: self.log(|from| from.word(Contest::ALL))?,
            assessments: self.log(|from| {
                let assessments = from.assessments;
                from.number().filter(|assessment| *assessment < assessments)
            })?,
            occurrences: self.log(|_| Some(()))?,
        })
    }
}
