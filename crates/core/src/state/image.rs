//! The state as bytes, for a snapshot. They are not part of the record format: the bytes of a version with other lists of
//! words are refused.
//!
//! Numbers are little endian and 32 bits wide, a list begins with its length, and a word is its place in its list.

mod marks;
mod read;
mod write;

use std::sync::Arc;

use self::marks::{NO_RECORD, NO_WORD};
use self::read::Reader;
use self::write::Writer;
use super::archive::Archive;
use super::assessments::Assessments;
use super::current::RecordStatus;
use super::id_table::IdTable;
use super::keys::ImportKeys;
use super::postings::Postings;
use super::tables::{State, Tables};
use super::word::Words;
use crate::event::Kind;
use crate::value::agreement::{Action, AgreementStatus};
use crate::value::base::Leaf;
use crate::value::commitment::{Capacity, Contest, Standing};
use crate::value::id::Slug;

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
            words: Vec::new(),
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
        out.shared(&self.tables);
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
            words: 0,
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
        tables.words = Words::new(from.list(Reader::said)?);
        from.words = tables.words.all().len() as u32;
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

/// The words that are written as places. The bytes begin with them, because another version may have other lists.
fn words() -> String {
    let lists = [
        Kind::WORDS,
        Standing::WORDS,
        Capacity::WORDS,
        Contest::WORDS,
        AgreementStatus::WORDS,
        Action::WORDS,
    ];
    lists.concat().join(" ")
}
