//! The dates of records and what is doubtful about them, so that a view of a day need not read the records. Many records
//! share a date, which has a number.

use chrono::NaiveDate;

use super::interned::Interned;
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

/// The number of the date of each record: in two bytes, until there are more dates than two bytes can number.
#[derive(Debug, Clone)]
enum Places {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Default for Places {
    fn default() -> Self {
        Self::Narrow(Vec::new())
    }
}

impl Places {
    fn len(&self) -> usize {
        match self {
            Self::Narrow(all) => all.len(),
            Self::Wide(all) => all.len(),
        }
    }

    fn get(&self, record: usize) -> Option<usize> {
        match self {
            Self::Narrow(all) => all.get(record).map(|place| usize::from(*place)),
            Self::Wide(all) => all.get(record).map(|place| *place as usize),
        }
    }

    /// Puts the number of a date at the place of a record, or at the end.
    fn put(&mut self, record: usize, place: usize) {
        if let (Self::Narrow(all), Err(_)) = (&*self, u16::try_from(place)) {
            *self = Self::Wide(all.iter().map(|place| u32::from(*place)).collect());
        }
        match self {
            Self::Narrow(all) => put(all, record, place as u16),
            Self::Wide(all) => put(all, record, place as u32),
        }
    }

    fn pop(&mut self) {
        match self {
            Self::Narrow(all) => _ = all.pop(),
            Self::Wide(all) => _ = all.pop(),
        }
    }
}

fn put<T>(all: &mut Vec<T>, record: usize, place: T) {
    match all.get_mut(record) {
        Some(old) => *old = place,
        None => all.push(place),
    }
}

/// The dates of all records.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordDates {
    places: Places,
    dates: Interned<RecordDate>,
    /// [`RecordDate::last_day`] of each.
    last_days: Vec<NaiveDate>,
}

impl RecordDates {
    /// The date of a record.
    pub fn get(&self, record: usize) -> Option<&RecordDate> {
        self.dates.all().get(self.places.get(record)?)
    }

    /// [`RecordDate::last_day`] of a record.
    pub fn last_day(&self, record: usize) -> Option<NaiveDate> {
        self.last_days.get(self.places.get(record)?).copied()
    }

    /// [`RecordDate::last_day`] of each date.
    pub fn last_days(&self) -> &[NaiveDate] {
        &self.last_days
    }

    /// For each date, whether it is wanted.
    pub fn which(&self, wanted: impl Fn(&RecordDate) -> bool) -> Vec<bool> {
        self.dates.all().iter().map(wanted).collect()
    }

    /// The place of a record's date.
    pub fn place(&self, record: usize) -> Option<usize> {
        self.places.get(record)
    }

    /// The place of each record's date.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        let (narrow, wide): (&[u16], &[u32]) = match &self.places {
            Places::Narrow(all) => (all, &[]),
            Places::Wide(all) => (&[], all),
        };
        let narrow = narrow.iter().map(|place| usize::from(*place));
        narrow.chain(wide.iter().map(|place| *place as usize))
    }

    /// Adds the date of the next record.
    pub fn push(&mut self, entry: &Entry) {
        self.put(
            self.places.len(),
            RecordDate::of(&entry.event, entry.recorded_at.day()),
        );
    }

    /// Adds the date of a record whose payload is gone.
    pub fn push_gone(&mut self) {
        self.put(self.places.len(), RecordDate::GONE);
    }

    /// Changes the date of a record to that of the corrected event.
    pub fn change(&mut self, record: usize, event: &Event) {
        if let Some(old) = self.get(record) {
            self.put(record, RecordDate::of(event, old.recorded));
        }
    }

    /// Forgets the last record.
    pub fn pop(&mut self) {
        self.places.pop();
    }

    fn put(&mut self, record: usize, date: RecordDate) {
        let place = self.number(date);
        self.places.put(record, place);
    }

    fn number(&mut self, date: RecordDate) -> usize {
        // Consecutive records often have the same date.
        let newest = self.places.len().checked_sub(1);
        let newest = newest.and_then(|record| self.places.get(record));
        if let Some(place) = newest.filter(|place| self.dates.all()[*place] == date) {
            return place;
        }
        let place = self.dates.number(date) as usize;
        if place == self.last_days.len() {
            self.last_days.push(date.last_day());
        }
        place
    }

    /// Each date that a record has, in the order in which records first have them, and for each record the number of its
    /// date among these.
    pub fn to_parts(&self) -> (Vec<RecordDate>, impl Iterator<Item = u32>) {
        const NONE: u32 = u32::MAX;
        let mut renumbered = vec![NONE; self.dates.all().len()];
        let mut used = Vec::new();
        for place in self.places() {
            if renumbered[place] == NONE {
                renumbered[place] = used.len() as u32;
                used.push(self.dates.all()[place]);
            }
        }
        (used, self.places().map(move |place| renumbered[place]))
    }

    /// The dates of these parts, which [`RecordDates::to_parts`] gave; none if a number has no date.
    pub fn from_parts(dates: Vec<RecordDate>, places: Numbers<'_>) -> Option<Self> {
        let count = dates.len();
        let places = match places {
            Numbers::Narrow(bytes) => {
                let all = bytes.iter().copied().map(u16::from_le_bytes);
                Places::Narrow(all.collect())
            }
            Numbers::Wide(bytes) => {
                let all = bytes.iter().copied().map(u32::from_le_bytes);
                Places::Wide(all.collect())
            }
        };
        let all = Self {
            places,
            last_days: dates.iter().map(RecordDate::last_day).collect(),
            dates: Interned::new(dates),
        };
        let highest = all.places().max();
        highest.is_none_or(|highest| highest < count).then_some(all)
    }
}

/// The numbers of dates as bytes, little endian.
pub(super) enum Numbers<'b> {
    /// Of two bytes.
    Narrow(&'b [[u8; 2]]),
    /// Of four bytes.
    Wide(&'b [[u8; 4]]),
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
    fn what_no_record_has_any_more_is_not_among_the_parts() {
        let notes = notes(3);
        let mut dates = RecordDates::default();
        notes.iter().for_each(|entry| dates.push(entry));
        dates.change(0, &notes[1].event);
        dates.push_gone();
        let (used, places) = dates.to_parts();
        assert_eq!(places.collect::<Vec<_>>(), [0, 0, 1, 2]);
        assert_eq!(used.len(), 3);
        let places = [[0, 0], [0, 0], [1, 0], [2, 0]];
        let again = RecordDates::from_parts(used.clone(), Numbers::Narrow(&places)).unwrap();
        let all = |dates: &RecordDates| (0..5).map(|at| dates.get(at).copied()).collect::<Vec<_>>();
        assert_eq!(all(&again), all(&dates));
        assert_eq!(all(&dates).iter().flatten().count(), 4);
        assert!(RecordDates::from_parts(used, Numbers::Narrow(&[[3, 0]])).is_none());
    }
}
