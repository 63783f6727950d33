//! The dates of records and what is doubtful about them, so that a view of a day need not read the records. Many records
//! share a date, which has a number.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use chrono::NaiveDate;

use super::interned::{Interned, Renumbered};
use super::paged::{Item, Paged};
use super::stored::{Stored, Table};
use crate::event::{Entry, Event};
use crate::value::source::Confidence;
use crate::value::when::When;

/// The date of a record as it reads today, and what is doubtful about it, whether or not the record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordDate {
    /// The date that the record itself says.
    pub on: Option<When>,
    /// The day on which it was recorded, in UTC; the last of all days if its payload was erased.
    pub recorded: NaiveDate,
    /// Whether it is irregular: it breaks a rule.
    pub irregular: bool,
    /// Whether one of its fields was inferred.
    pub infers: bool,
    /// Whether `on` was inferred.
    pub infers_on: bool,
    /// Whether its recorder has low confidence in it.
    pub unsure: bool,
    /// Whether it counts on any day, as registrations do.
    pub timeless: bool,
}

impl RecordDate {
    /// The date of a record whose payload was erased.
    pub(super) const GONE: Self = Self {
        on: None,
        recorded: NaiveDate::MAX,
        irregular: false,
        infers: false,
        infers_on: false,
        unsure: false,
        timeless: false,
    };

    /// The date of an event that was recorded on a day.
    pub(super) fn of(event: &Event, recorded: NaiveDate) -> Self {
        let envelope = &event.envelope;
        let mut inferred = envelope.inferred.iter();
        Self {
            on: envelope.on,
            recorded,
            irregular: envelope.irregular.is_some(),
            infers: !envelope.inferred.is_empty(),
            infers_on: inferred.any(|field| field.as_str() == "on"),
            unsure: envelope.confidence == Some(Confidence::Low),
            timeless: event.kind().spec().is_timeless,
        }
    }

    /// The last day on which it can have happened. Without a last day of its own, that is the day on which it was
    /// recorded, but not before its first day.
    pub(crate) fn last_day(&self) -> NaiveDate {
        self.last_day_within(self.on.and_then(When::latest))
    }

    /// The last day on which it can have happened, with this last day in place of its own.
    pub(crate) fn last_day_within(&self, latest: Option<NaiveDate>) -> NaiveDate {
        let earliest = self.on.and_then(When::earliest);
        let open = || earliest.map_or(self.recorded, |earliest| self.recorded.max(earliest));
        latest.unwrap_or_else(open)
    }

    /// Whether it is irregular, was inferred in part, or has low confidence.
    pub fn is_doubtful(&self) -> bool {
        self.irregular || self.infers || self.unsure
    }

    /// Whether it says when it happened, at least the first day or the last.
    pub fn is_dated(&self) -> bool {
        self.on
            .is_some_and(|on| on.earliest().or(on.latest()).is_some())
    }
}

/// A date, and what is asked of it for many records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub date: RecordDate,
    /// [`RecordDate::last_day`].
    pub last_day: NaiveDate,
    /// Whether it does not say when the record happened.
    pub is_dateless: bool,
    /// Whether it is irregular, was inferred in part, or says no last day.
    pub is_noteworthy: bool,
}

impl Stamp {
    pub fn of(date: RecordDate) -> Self {
        let has_end = date.on.and_then(When::latest).is_some();
        Self {
            date,
            last_day: date.last_day(),
            is_dateless: !date.is_dated(),
            is_noteworthy: date.irregular || date.infers || !has_end,
        }
    }

    /// That of a record whose payload was erased.
    pub fn gone() -> Self {
        Self::of(RecordDate::GONE)
    }
}

impl PartialEq for Stamp {
    fn eq(&self, other: &Self) -> bool {
        self.date == other.date
    }
}

impl Eq for Stamp {}

impl Hash for Stamp {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.date.hash(hasher);
    }
}

/// The number of the date of each record: in two bytes, until there are more dates than two bytes can number.
#[derive(Debug, Clone)]
enum Places {
    Narrow(Paged<u16>),
    Wide(Paged<u32>),
}

impl Default for Places {
    fn default() -> Self {
        Self::Narrow(Paged::default())
    }
}

impl Places {
    fn len(&self) -> usize {
        match self {
            Self::Narrow(all) => all.len(),
            Self::Wide(all) => all.len(),
        }
    }

    fn get(&self, record: usize) -> Option<u32> {
        match self {
            Self::Narrow(all) => all.get(record).map(|place| u32::from(*place)),
            Self::Wide(all) => all.get(record).copied(),
        }
    }

    /// Puts the number of a date at the place of a record, or at the end.
    fn put(&mut self, record: usize, place: u32) {
        if let (Self::Narrow(all), Err(_)) = (&*self, u16::try_from(place)) {
            let mut wide = Paged::default();
            all.iter().for_each(|place| wide.push(u32::from(*place)));
            *self = Self::Wide(wide);
        }
        match self {
            Self::Narrow(all) => put(all, record, place as u16),
            Self::Wide(all) => put(all, record, place),
        }
    }

    fn pop(&mut self) {
        match self {
            Self::Narrow(all) => _ = all.pop(),
            Self::Wide(all) => _ = all.pop(),
        }
    }
}

fn put<T: Item>(all: &mut Paged<T>, record: usize, place: T) {
    match all.get_mut(record) {
        Some(old) => *old = place,
        None => all.push(place),
    }
}

/// How many different dates two bytes can number.
const NARROW: usize = 1 << 16;

/// The dates of all records.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordDates {
    places: Places,
    dates: Interned<Stamp>,
    /// The number of the date of the newest record, if it is known.
    newest: Option<u32>,
}

impl RecordDates {
    /// The dates of a snapshot, whose records have the numbers of their dates in two bytes or in four; none if these are
    /// not as many as there are records.
    pub fn stored(stored: &Arc<Stored>, is_narrow: bool) -> Option<Self> {
        let places = match is_narrow {
            true => Places::Narrow(Paged::stored(stored, Table::Places)?),
            false => Places::Wide(Paged::stored(stored, Table::Places)?),
        };
        Some(Self {
            places,
            dates: Interned::stored(Paged::stored(stored, Table::Dates)?),
            newest: None,
        })
    }

    /// How many records have a date.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The date of a record.
    pub fn get(&self, record: usize) -> Option<&RecordDate> {
        self.stamp(record).map(|stamp| &stamp.date)
    }

    /// The date of a record, and what is asked of it for many.
    pub fn stamp(&self, record: usize) -> Option<&Stamp> {
        self.dates.get(self.places.get(record)?)
    }

    /// [`RecordDate::last_day`] of a record.
    pub fn last_day(&self, record: usize) -> Option<NaiveDate> {
        self.stamp(record).map(|stamp| stamp.last_day)
    }

    /// Adds the date of the next record.
    pub fn push(&mut self, entry: &Entry) {
        self.add(RecordDate::of(&entry.event, entry.recorded_at.day()));
    }

    /// Adds the date of a record whose payload is gone.
    pub fn push_gone(&mut self) {
        self.add(RecordDate::GONE);
    }

    fn add(&mut self, date: RecordDate) {
        // Consecutive records often have the same date.
        let same = |place: &u32| self.dates.get(*place).is_some_and(|one| one.date == date);
        let place = match self.newest.filter(same) {
            Some(place) => place,
            None => self.number(date),
        };
        self.places.put(self.places.len(), place);
        self.newest = Some(place);
    }

    /// Changes the date of a record to that of the corrected event.
    pub fn change(&mut self, record: usize, event: &Event) {
        if let Some(old) = self.get(record) {
            let place = self.number(RecordDate::of(event, old.recorded));
            self.places.put(record, place);
        }
    }

    /// Forgets the last record.
    pub fn pop(&mut self) {
        self.places.pop();
        self.newest = None;
    }

    fn number(&mut self, date: RecordDate) -> u32 {
        let is_same = |one: &Stamp| one.date == date;
        self.dates.number_of(&date, is_same, || Stamp::of(date))
    }

    /// Each date that a record has, in the order in which records first have them, and the numbers of dates among these.
    pub fn used(&self) -> (Renumbered, Vec<&Stamp>) {
        self.dates.used(self.places())
    }

    /// The number of each record's date.
    pub fn places(&self) -> impl Iterator<Item = u32> {
        let (narrow, wide) = match &self.places {
            Places::Narrow(all) => (Some(all), None),
            Places::Wide(all) => (None, Some(all)),
        };
        let narrow = narrow.into_iter().flat_map(Paged::iter);
        let wide = wide.into_iter().flat_map(Paged::iter).copied();
        narrow.map(|place| u32::from(*place)).chain(wide)
    }

    /// Whether two bytes can number so many dates.
    pub fn are_narrow(dates: usize) -> bool {
        dates <= NARROW
    }

    /// Reads all that was not read yet.
    pub fn read_all(&self) {
        match &self.places {
            Places::Narrow(all) => all.read_all(),
            Places::Wide(all) => all.read_all(),
        }
        self.dates.all().read_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;
    use crate::testing::{entries, event};

    /// A note of each of so many days.
    fn notes(days: usize) -> Vec<Entry> {
        let first: NaiveDate = "1800-01-01".parse().unwrap();
        let on = |day| first + chrono::Days::new(day as u64);
        let note = |day| event(Kind::Noted, &[("text", "n"), ("on", &on(day).to_string())]);
        entries(&(0..days).map(note).collect::<Vec<_>>())
    }

    #[test]
    fn more_dates_than_two_bytes_can_number_take_four() {
        let notes = notes(70_000);
        let mut dates = RecordDates::default();
        notes.iter().for_each(|entry| dates.push(entry));
        assert!(matches!(dates.places, Places::Wide(_)));
        for (at, entry) in notes.iter().enumerate() {
            let expected = RecordDate::of(&entry.event, entry.recorded_at.day());
            assert_eq!(dates.get(at), Some(&expected));
            assert_eq!(dates.last_day(at), Some(expected.last_day()));
        }
        dates.change(3, &notes[4].event);
        assert_eq!(dates.get(3).unwrap().on, notes[4].event.envelope.on);
    }

    #[test]
    fn what_no_record_has_any_more_is_not_used() {
        let notes = notes(3);
        let mut dates = RecordDates::default();
        notes.iter().for_each(|entry| dates.push(entry));
        dates.change(0, &notes[1].event);
        dates.push_gone();
        let (numbers, used) = dates.used();
        let places = dates.places().map(|place| numbers.of(place));
        assert_eq!(places.collect::<Vec<_>>(), [0, 0, 1, 2]);
        assert_eq!(used.len(), 3);
    }
}
