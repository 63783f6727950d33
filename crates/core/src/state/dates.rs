//! When each record may have happened and what is doubtful about it, as the number of a stamp that many records
//! share: so that a view of any day need not read them.

use chrono::NaiveDate;

use super::interned::Interned;
use crate::event::{Entry, Event, Fact};
use crate::value::source::Confidence;
use crate::value::when::When;

/// What is kept of a record: of it as it reads today, whether or not it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordDate {
    /// When it happened, as it says itself.
    pub on: Option<When>,
    /// The day on which it was recorded, in UTC; the last of all days for one whose payload is gone.
    pub recorded: NaiveDate,
    /// Whether it breaks a rule.
    pub irregular: bool,
    /// Whether some of its fields were inferred.
    pub infers: bool,
    /// Whether `on` was inferred.
    pub infers_on: bool,
    /// Whether its recorder is not at all sure of it.
    pub unsure: bool,
    /// Whether it had happened before anything else: what is registered is known on any day.
    pub timeless: bool,
}

impl RecordDate {
    /// Of a record whose payload is gone.
    pub const GONE: Self = Self {
        on: None,
        recorded: NaiveDate::MAX,
        irregular: false,
        infers: false,
        infers_on: false,
        unsure: false,
        timeless: false,
    };

    /// Of an event that was recorded on a day.
    pub fn of(event: &Event, recorded: NaiveDate) -> Self {
        let envelope = &event.envelope;
        let mut inferred = envelope.inferred.iter();
        Self {
            on: envelope.on,
            recorded,
            irregular: envelope.irregular.is_some(),
            infers: !envelope.inferred.is_empty(),
            infers_on: inferred.any(|field| field.as_str() == "on"),
            unsure: envelope.confidence == Some(Confidence::Low),
            timeless: matches!(
                event.fact,
                Fact::PartyRegistered(_) | Fact::SourceRegistered(_) | Fact::LedgerOpened(_)
            ),
        }
    }

    /// The last day on which it can have happened: what no last day is known of had happened by the day it was
    /// recorded, but not before its first.
    pub fn last_day(&self) -> NaiveDate {
        self.last_day_within(self.on.and_then(When::latest))
    }

    /// As [`RecordDate::last_day`], where the last day is known otherwise.
    pub fn last_day_within(&self, latest: Option<NaiveDate>) -> NaiveDate {
        let earliest = self.on.and_then(When::earliest);
        let open = || earliest.map_or(self.recorded, |earliest| self.recorded.max(earliest));
        latest.unwrap_or_else(open)
    }

    /// Whether it breaks a rule, was inferred in part, or its recorder is not at all sure of it.
    pub fn is_doubtful(&self) -> bool {
        self.irregular || self.infers || self.unsure
    }

    /// Whether it says when it happened, be it only the first day or the last.
    pub fn is_dated(&self) -> bool {
        self.on
            .is_some_and(|on| on.earliest().or(on.latest()).is_some())
    }
}

/// The number of a stamp for each record; two bytes each, until there are more stamps than two bytes can number.
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

    /// Puts the number of a stamp at a record's place, or behind the last one.
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

/// The stamps of all records.
#[derive(Debug, Clone, Default)]
pub struct RecordDates {
    places: Places,
    dates: Interned<RecordDate>,
    /// [`RecordDate::last_day`] of each.
    last_days: Vec<NaiveDate>,
}

impl RecordDates {
    /// The stamp of a record.
    pub fn get(&self, record: usize) -> Option<&RecordDate> {
        self.dates.all().get(self.places.get(record)?)
    }

    /// [`RecordDate::last_day`] of a record.
    pub fn last_day(&self, record: usize) -> Option<NaiveDate> {
        self.last_days.get(self.places.get(record)?).copied()
    }

    /// [`RecordDate::last_day`] of each stamp.
    pub fn last_days(&self) -> &[NaiveDate] {
        &self.last_days
    }

    /// Which of the stamps are such.
    pub fn which(&self, wanted: impl Fn(&RecordDate) -> bool) -> Vec<bool> {
        self.dates.all().iter().map(wanted).collect()
    }

    /// The place of each record's stamp.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        let (narrow, wide): (&[u16], &[u32]) = match &self.places {
            Places::Narrow(all) => (all, &[]),
            Places::Wide(all) => (&[], all),
        };
        let narrow = narrow.iter().map(|place| usize::from(*place));
        narrow.chain(wide.iter().map(|place| *place as usize))
    }

    /// Adds the stamp of the next record.
    pub fn push(&mut self, entry: &Entry) {
        self.put(
            self.places.len(),
            RecordDate::of(&entry.event, entry.recorded_at.day()),
        );
    }

    /// Adds the stamp of a record whose payload is gone.
    pub fn push_gone(&mut self) {
        self.put(self.places.len(), RecordDate::GONE);
    }

    /// Notes that a record reads otherwise now.
    pub fn change(&mut self, record: usize, event: &Event) {
        if let Some(old) = self.get(record) {
            self.put(record, RecordDate::of(event, old.recorded));
        }
    }

    /// Forgets the last record.
    pub fn pop(&mut self) {
        self.places.pop();
    }

    fn put(&mut self, record: usize, stamp: RecordDate) {
        let place = self.number(stamp);
        self.places.put(record, place);
    }

    fn number(&mut self, stamp: RecordDate) -> usize {
        // Records that come one after another often have the same.
        let newest = self.places.len().checked_sub(1);
        let newest = newest.and_then(|record| self.places.get(record));
        if let Some(place) = newest.filter(|place| self.dates.all()[*place] == stamp) {
            return place;
        }
        let place = self.dates.number(stamp) as usize;
        if place == self.last_days.len() {
            self.last_days.push(stamp.last_day());
        }
        place
    }

    /// Each stamp that a record has, in the order in which the records first have them, and the number of each
    /// record's among these.
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

    /// What [`Stamps::to_parts`] gave; none where a number is none of a stamp.
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

/// The numbers of stamps as bytes, little endian.
pub enum Numbers<'b> {
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
    fn more_stamps_than_two_bytes_can_number_take_four() {
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
