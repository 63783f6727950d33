//! The state as pages, for a snapshot. They are not part of the record format: the pages of a version with other lists of
//! words are refused.
//!
//! The root says what the tables are, in the order of [`Table`]. Numbers are little endian and 32 bits wide, a list begins
//! with its length, and a word is its place in its list. A trail is its last number and its bytes, after their length; of
//! a long one, the number of no record and the page, the place and the length of its bytes in the table of trails.

mod marks;
mod read;
mod write;

use std::sync::Arc;

use self::write::{Bytes, LongTrails, Numbers, in_pages, paged, sorted};
use super::archive::Archive;
use super::dates::RecordDates;
use super::days::{Days, TOGETHER};
use super::id_table::{Id, IdTable};
use super::interned::Interned;
use super::keys::ImportKeys;
use super::paged::{Item as _, Paged};
use super::sorted::{Overlaid, Sorted};
use super::stored::{Stored, Table};
use super::tables::{RECORD_LIMIT, State, Tables};
use crate::event::Kind;
use crate::pages::{PAGE, PageWriter, Pages};
use crate::value::agreement::{Action, AgreementStatus};
use crate::value::base::Leaf;
use crate::value::commitment::{Capacity, Contest, Standing};

/// The version of the pages.
const VERSION: u8 = 3;

impl State {
    /// How many tables the pages of a state begin with.
    pub const TABLES: usize = Table::COUNT;

    /// The bytes of the state.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut give = |piece: &[u8]| bytes.extend_from_slice(piece);
        let mut to = PageWriter::new(&mut give);
        let root = self.write_pages(&mut to);
        to.finish(&root);
        bytes
    }

    /// Writes the tables of the state, and gives the root by which they are read. They are the same each time, and for any
    /// two states of the same records.
    pub fn write_pages(&self, to: &mut PageWriter<'_>) -> Vec<u8> {
        let tables = &self.tables;
        paged(to, tables.kinds.iter(), |out, kind| out.kind(*kind));
        let (numbers, dates) = tables.dates.used();
        let is_narrow = RecordDates::are_narrow(dates.len());
        let places = tables.dates.places().map(|place| numbers.of(place));
        match is_narrow {
            true => in_pages(to, <u16>::TOGETHER, places, |out, place| {
                out.add(&(place as u16).to_le_bytes());
            }),
            false => in_pages(to, <u32>::TOGETHER, places, |out, place| {
                out.number(place);
            }),
        }
        paged(to, dates.into_iter(), |out, stamp| out.date(&stamp.date));
        sorted(to, tables.record_statuses.iter(), |out, record, status| {
            out.number(record as u32);
            out.status(status);
        });
        write_ids(&tables.names, to);
        write_entities(tables, to);
        let keys = tables.import_keys.to_pairs().into_iter();
        let keys = keys.map(|(tag, record)| (u64::from(tag), record));
        sorted(to, keys, |out, tag, record| {
            out.number(tag as u32);
            out.number(record);
        });
        let mut dateless: Vec<(u32, u32)> = tables.dateless(0).collect();
        dateless.sort_unstable();
        let by_record = dateless.iter();
        let by_record = by_record.map(|(record, agreement)| (u64::from(*record), *agreement));
        sorted(to, by_record, |out, record, agreement| {
            out.number(record as u32);
            out.number(agreement);
        });
        write_days(tables, &dateless, to);
        let mut root = Vec::new();
        let mut out = Bytes(&mut root);
        out.byte(VERSION);
        out.bytes(words().as_bytes());
        out.number(tables.asserted as u32);
        out.byte(is_narrow.into());
        tables.id_counts.iter().for_each(|count| out.number(*count));
        root
    }

    /// The state of the tables that pages begin with, over the archive of its records; none if they are of another
    /// version. A page is read when something in it is asked for.
    pub fn from_pages(pages: Arc<Pages>, root: &[u8], archive: Arc<dyn Archive>) -> Option<Self> {
        let stored = Stored::new(pages);
        let mut from = stored.cursor(root);
        if from.byte()? != VERSION || from.bytes()? != words().as_bytes() {
            return None;
        }
        let asserted = from.number()?.into();
        let is_narrow = from.byte()? == 1;
        let mut id_counts = [0; 5];
        for count in &mut id_counts {
            *count = from.number()?;
        }
        from.rest.is_empty().then_some(())?;
        let records = stored.records();
        let tables = Tables {
            kinds: Paged::stored(&stored, Table::Kinds)?,
            dates: RecordDates::stored(&stored, is_narrow)?,
            record_statuses: Overlaid::stored(&stored, Table::Statuses),
            names: IdTable::stored(&stored)?,
            entities: Paged::stored(&stored, Table::Entities)?,
            assessments: Interned::stored(Paged::stored(&stored, Table::Assessments)?),
            words: Interned::stored(Paged::stored(&stored, Table::Words)?),
            sides: Interned::stored(Paged::stored(&stored, Table::Sides)?),
            deadlines: Interned::stored(Paged::stored(&stored, Table::Deadlines)?),
            id_counts,
            about: Overlaid::stored(&stored, Table::About),
            import_keys: ImportKeys::stored(Sorted::stored(&stored, Table::Keys)),
            asserted,
            dateless: Sorted::stored(&stored, Table::Dateless),
            days: Paged::stored(&stored, Table::Days)?,
            stored: Some(stored),
            ..Tables::default()
        };
        let ids = tables.entities.len();
        let fits = tables.dates.len() as u64 == records
            && tables.days.len() as u64 == records / TOGETHER as u64
            && tables.names.slugs().len() == ids
            && tables.names.first().len() == ids;
        (fits && records <= RECORD_LIMIT).then_some(())?;
        let mut state = Self {
            tables: Arc::new(tables),
            ..Self::default()
        };
        state.read_from(archive, records);
        Some(state)
    }
}

#[cfg(test)]
impl State {
    /// The state of these bytes, which [`State::to_bytes`] gave; none if they are damaged or of another version.
    pub(crate) fn from_bytes(bytes: &[u8], archive: Arc<dyn Archive>) -> Option<Self> {
        let (pages, root) = Pages::open(Arc::new(bytes.to_vec()), 0, None)?;
        Self::from_pages(Arc::new(pages), &root, archive)
    }
}

/// Two states are equal if their bytes are, wherever they read records from.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.count() == other.count() && self.to_bytes() == other.to_bytes()
    }
}

impl Eq for State {}

fn write_ids(names: &IdTable, to: &mut PageWriter<'_>) {
    paged(to, names.slugs().iter(), |out, slug| {
        out.bytes(slug.as_str().as_bytes());
    });
    paged(to, names.first().iter(), |out, record| out.number(*record));
    let hashes = names.hashes().into_iter();
    let hashes = hashes.map(|(hash, id)| (u64::from(hash), id));
    sorted(to, hashes, |out, hash, id| {
        out.number(hash as u32);
        out.number(id);
    });
}

/// The assessments, words, sides and deadlines that are still used, each in the order of the entities; then the long
/// trails, the entities, and the trails of records.
fn write_entities(tables: &Tables, to: &mut PageWriter<'_>) {
    let facts = || {
        let entities = tables.entities.iter();
        entities.filter_map(|each| each.facts.commitment.as_deref())
    };
    let used = facts().flat_map(|facts| facts.assessments.values());
    let (assessments, used) = tables.assessments.used(used.copied());
    paged(to, used.into_iter(), |out, assessment| {
        out.assessment(assessment)
    });
    let used = facts().flat_map(|facts| facts.moves.values());
    let (words, used) = tables.words.used(used.copied());
    paged(to, used.into_iter(), |out, word| out.said(word));
    let terms = || facts().flat_map(|facts| facts.terms.values());
    let (sides, used) = tables.sides.used(terms().map(|terms| terms.sides));
    paged(to, used.into_iter(), |out, each| out.sides(each));
    let used = terms().map(|terms| terms.deadline);
    let (deadlines, used) = tables.deadlines.used(used);
    paged(to, used.into_iter(), |out, each| {
        out.deadline(each.as_ref())
    });
    let entities = || tables.entities.iter();
    let trails = entities().map(|entity| &entity.trail);
    let about = || tables.about.iter();
    for trail in trails.chain(about().map(|(_, trail)| trail)) {
        if LongTrails::is_long(trail) {
            trail
                .bytes()
                .iter()
                .for_each(|part| to.page(0).extend_from_slice(part));
            to.close_page_of(PAGE);
        }
    }
    to.close_table(0);
    let mut long = LongTrails::default();
    let numbers = Numbers {
        assessments,
        words,
        sides,
        deadlines,
    };
    paged(to, entities(), |out, entity| {
        out.entity(entity, &numbers, &mut long);
    });
    sorted(to, about(), |out, record, trail| {
        out.add(&record.to_le_bytes());
        out.trail(trail, &mut long);
    });
}

/// The latest days of each group of records that is full, with the agreements of the commitments whose records have no date.
fn write_days(tables: &Tables, dateless: &[(u32, Id)], to: &mut PageWriter<'_>) {
    let agreement = |record: u32| {
        let at = dateless.binary_search_by_key(&record, |(record, _)| *record);
        Some(dateless[at.ok()?].1)
    };
    let full = tables.kinds.len() / TOGETHER;
    let days = (0..full).map(|group| tables.days_of(group, agreement));
    in_pages(to, Days::TOGETHER, days, |out, days| {
        days.to_numbers()
            .into_iter()
            .for_each(|day| out.number(day));
    });
}

/// The words that are written as places. The root begins with them, because another version may have other lists.
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
