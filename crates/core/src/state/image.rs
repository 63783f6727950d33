//! The state as bytes, for a snapshot. Not part of the record format: an image that another version wrote, which
//! may number words otherwise, is no image.
//!
//! Numbers are little endian, 32 bits wide; lists follow their length; words are their place in their list.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate};

use super::assessments::{Assessment, Assessments};
use super::dates::{Numbers, RecordDate, RecordDates};
use super::facts::{
    AgreementFacts, Amendment, CommitmentFacts, Facts, History, PartyFacts, RecorderFacts, Terms,
};
use super::folded::Folded;
use super::id_table::{Id, IdTable};
use super::keys::ImportKeys;
use super::postings::Postings;
use super::{Archive, Entity, EntityKind, RecordStatus, State};
use crate::event::Kind;
use crate::value::agreement::{Action, AgreementStatus};
use crate::value::base::Leaf;
use crate::value::commitment::{Contest, Standing};
use crate::value::id::Slug;

/// Stands for nothing, where a word or a record could be.
const NO_WORD: u8 = u8::MAX;
const NO_RECORD: u32 = u32::MAX;

/// How many stamps two bytes can number.
const NARROW: usize = 1 << 16;

/// Bytes that are given away together.
const PIECE: usize = 64 * 1024;

impl State {
    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.each_piece(&mut |piece| bytes.extend_from_slice(piece));
        bytes
    }

    /// Gives its bytes away piece by piece, the same each time: together they may take as much memory as it does.
    pub fn each_piece(&self, give: &mut dyn FnMut(&[u8])) {
        let mut out = Writer {
            out: Vec::new(),
            give,
            findings: Vec::new(),
        };
        out.bytes(words().as_bytes());
        out.number(self.folded.asserted as u32);
        out.list(&self.folded.kinds, |out, kind| {
            out.byte(kind.map_or(NO_WORD, |kind| kind as u8));
        });
        out.dates(&self.folded.dates, self.folded.kinds.len());
        let mut record_statuses: Vec<(&u32, &RecordStatus)> =
            self.folded.record_statuses.iter().collect();
        record_statuses.sort_unstable_by_key(|(record, _)| **record);
        out.list(record_statuses, |out, (record, record_status)| {
            out.number(*record);
            out.list(&record_status.corrections, |out, record| {
                out.number(*record)
            });
            out.number(record_status.retracted.unwrap_or(NO_RECORD));
            out.number(record_status.redacted.unwrap_or(NO_RECORD));
        });
        out.list(self.folded.names.slugs(), |out, slug| {
            out.bytes(slug.as_str().as_bytes())
        });
        out.list(self.folded.names.first(), |out, record| out.number(*record));
        out.findings(&self.folded.findings, &self.folded.entities);
        for entity in &self.folded.entities {
            out.entity(entity);
            out.give_if_many();
        }
        let mut about: Vec<(&u64, &Postings)> = self.folded.about.iter().collect();
        about.sort_unstable_by_key(|(seq, _)| **seq);
        out.list(about, |out, (seq, trail)| {
            out.out.extend_from_slice(&seq.to_le_bytes());
            out.trail(trail);
        });
        out.list(self.folded.import_keys.to_pairs(), |out, (record, tag)| {
            out.number(record);
            out.number(tag);
        });
        (out.give)(&out.out);
    }

    /// The state of these bytes, over the archive of its records; none where they are not those of a state.
    pub fn from_bytes(bytes: &[u8], archive: Arc<dyn Archive>) -> Option<Self> {
        let mut from = Reader {
            rest: bytes,
            ids: 0,
            findings: 0,
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
        let mut folded = Folded {
            kinds,
            dates,
            asserted,
            ..Folded::default()
        };
        for _ in 0..from.number()? {
            let record = from.number()?;
            let record_status = RecordStatus {
                corrections: from.list(Reader::number)?,
                retracted: from.record()?,
                redacted: from.record()?,
            };
            folded.record_statuses.insert(record, record_status);
        }
        let slugs = from.list(|from| from.text()?.parse::<Slug>().ok())?;
        let first = from.list(Reader::number)?;
        let count = slugs.len();
        if first.len() != count || !first.is_sorted() {
            return None;
        }
        folded.names = IdTable::new(slugs, first);
        from.ids = count as u32;
        folded.findings = Assessments::new(from.list(Reader::finding)?);
        from.findings = folded.findings.all().len() as u32;
        folded.entities = (0..count).map(|_| from.entity()).collect::<Option<_>>()?;
        for (kind, _) in folded.entities.iter().filter_map(|entity| entity.defined) {
            folded.given[kind as usize] += 1;
        }
        for _ in 0..from.number()? {
            let seq = u64::from_le_bytes(from.array()?);
            folded.about.insert(seq, from.trail()?);
        }
        let keys = from.list(|from| Some((from.number()?, from.number()?)))?;
        folded.import_keys = ImportKeys::from_pairs(keys.into_iter());
        from.rest.is_empty().then_some(())?;
        let archived = folded.kinds.len() as u64;
        let folded = Arc::new(folded);
        let mut state = Self {
            folded,
            ..Self::default()
        };
        state.read_from(archive, archived);
        Some(state)
    }
}

/// All of it, where it is cut without a rest.
fn whole<'b, T>((all, rest): (&'b [T], &[u8])) -> Option<&'b [T]> {
    rest.is_empty().then_some(all)
}

/// The words whose places stand for them, so that an image is known that was written when the lists were others.
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
    /// Bytes that wait.
    out: Vec<u8>,
    /// Who gets them.
    give: &'g mut dyn FnMut(&[u8]),
    /// The place of each finding among those that some assessment still has.
    findings: Vec<u32>,
}

impl Writer<'_> {
    /// Gives away what waits, where that is much.
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

    /// A value by its text; nothing as an empty one.
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

    /// The stamps that so many records have, then the number of each record's, in two bytes where that suffices.
    fn dates(&mut self, dates: &RecordDates, records: usize) {
        let (used, places) = dates.to_parts();
        self.list(&used, |out, stamp| out.stamp(stamp));
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

    fn stamp(&mut self, stamp: &RecordDate) {
        let RecordDate {
            on,
            recorded,
            irregular,
            infers,
            infers_on,
            unsure,
            timeless,
        } = stamp;
        self.text(on.as_ref());
        self.number(recorded.num_days_from_ce() as u32);
        let flags = [irregular, infers, infers_on, unsure, timeless];
        let flag = |(place, is): (usize, &&bool)| u8::from(**is) << place;
        self.byte(flags.iter().enumerate().map(flag).sum());
    }

    /// The findings that some assessment has, in the order of the entities.
    fn findings(&mut self, findings: &Assessments, entities: &[Entity]) {
        self.findings = vec![NO_RECORD; findings.all().len()];
        let mut used: Vec<&Assessment> = Vec::new();
        let commitments = entities
            .iter()
            .filter_map(|each| each.facts.commitment.as_ref());
        for number in commitments.flat_map(|facts| facts.assessments.values()) {
            if let Some(finding) = findings.all().get(*number as usize)
                && self.findings[*number as usize] == NO_RECORD
            {
                self.findings[*number as usize] = used.len() as u32;
                used.push(finding);
            }
        }
        self.list(used, |out, finding| {
            let Assessment { by, scale, level } = finding;
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
                keys,
            } = &**facts;
            out.log(parent, |out, id| out.number(*id));
            out.log(succeeded, |out, id| out.number(*id));
            out.log(keys, |_, ()| {});
        });
        self.list(agreement, |out, facts| {
            let AgreementFacts {
                concluded,
                moves,
                acts,
            } = &**facts;
            out.log(concluded, |out, (on, parties)| {
                out.text(on.as_ref());
                out.ids(parties);
            });
            out.log(moves, |out, to| out.byte(*to as u8));
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
        self.log(assessments, |out, finding| {
            let place = out.findings.get(*finding as usize).copied();
            out.number(place.unwrap_or(NO_RECORD));
        });
        self.log(occurrences, |_, ()| {});
    }
}

struct Reader<'b> {
    rest: &'b [u8],
    /// How many ids there are: no number of one is higher.
    ids: u32,
    findings: u32,
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
        // What is damaged may claim any length; what is there tells how many there can be.
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
        let dates = self.list(Self::stamp)?;
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

    fn stamp(&mut self) -> Option<RecordDate> {
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

    fn finding(&mut self) -> Option<Assessment> {
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
                        keys: from.log(|_| Some(()))?,
                    })
                })?,
                agreement: self.optional(|from| {
                    Some(AgreementFacts {
                        concluded: from.log(|from| Some((from.value()?, from.some_ids()?)))?,
                        moves: from.log(|from| from.word(AgreementStatus::ALL))?,
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
                let findings = from.findings;
                from.number().filter(|finding| *finding < findings)
            })?,
            occurrences: self.log(|_| Some(()))?,
        })
    }
}
