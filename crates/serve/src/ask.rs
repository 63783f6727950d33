//! Questions as parameters: the same ones as on the command line, by the same names.

use std::borrow::Cow;

use chrono::{Days, NaiveDate};

use servanda_core::rules::Known as _;
use servanda_core::state::{EntityKind, State};
use servanda_core::value::base::{Leaf, excerpt};
use servanda_core::value::id::{AgreementId, CommitmentId, PartyId, Seq, Slug, SourceId, Subject};
use servanda_core::value::when::{Date, Instant};
use servanda_core::view::View;
use servanda_ledger::LedgerError;
use servanda_ledger::replay::{KnownAt, replay};
use servanda_report::report::arrange::{ArrangeError, Arrangement};
use servanda_report::report::{Bound, Document, Kept, Question};

use crate::problem::{Problem, Wrong};
use crate::query::Query;
use crate::shared::Snapshot;

/// The parameters of questions, each with what it asks for.
pub const PARAMETERS: &[(&str, &str)] = &[
    (
        "as_of",
        "What was true on that day, 2023-12-31; today without it",
    ),
    (
        "known_at",
        "What the ledger knew then: at the end of a day, at a time, or with a record (12, or #1500)",
    ),
    ("party", "Only what concerns this party, by id"),
    ("agreement", "Only what concerns this agreement, by id"),
    ("commitment", "Only what is about this commitment, by id"),
    ("source", "Only what cites this source, by id"),
    ("kind", "Only events of this kind; may stand several times"),
    (
        "standing",
        "Only commitments that stand here; may stand several times",
    ),
    ("party_kind", "Only parties of this kind"),
    ("since", "From this day or record on"),
    ("until", "Up to and with this day or record"),
    ("limit", "At most so many rows"),
    (
        "soon",
        "A deadline within so many days is due soon; 30 without it",
    ),
    (
        "grace",
        "What is so many days past its deadline is in grace; 0 without it",
    ),
    (
        "silent",
        "After so many days without an event a commitment is silent; 180 without it",
    ),
    (
        "threshold",
        "Tell when a count reached this; may stand several times",
    ),
    ("subject", "The id or record that a dossier is about"),
    (
        "q",
        "Words that the texts must have; quotes keep several together",
    ),
    ("table", "Only this table of the answer"),
    (
        "grep",
        "Only rows that have this text; may stand several times",
    ),
    (
        "sort",
        "Sort by this column; a minus before it sorts from the last to the first; may stand several times",
    ),
];

/// The names of the parameters, and some more.
pub fn names(more: &[&'static str]) -> Vec<&'static str> {
    let names = PARAMETERS.iter().map(|(name, _)| *name);
    names.chain(more.iter().copied()).collect()
}

/// What was asked, and the state to ask.
pub struct Asked<'s> {
    /// The state as it was known.
    pub state: Cow<'s, State>,
    /// The day of the view.
    pub as_of: NaiveDate,
    /// The rest.
    pub question: Question,
    /// How the answer is to be arranged.
    pub arrangement: Arrangement,
}

impl Asked<'_> {
    /// The view that is asked.
    pub fn view(&self) -> View<'_> {
        View {
            state: &self.state,
            as_of: self.as_of,
        }
    }

    /// A document in the order and extent that was asked for.
    ///
    /// # Errors
    /// A problem with a table or column that there is not.
    pub fn arranged<'v>(&self, document: Document<'v>) -> Result<Document<'v>, Problem> {
        if self.arrangement.is_plain() {
            return Ok(document);
        }
        self.arrangement.arrange(document).map_err(|error| {
            let (field, there) = match &error {
                ArrangeError::NoTable { tables, .. } => ("table", tables.join(", ")),
                ArrangeError::NoColumn { columns, .. } => ("sort", columns.join(", ")),
            };
            Problem::missing(field, format!("{error}; there are {there}"))
        })
    }

    /// That all records which the answer rests on could be read. Rows are made while they are written, so this is asked
    /// after that.
    ///
    /// # Errors
    /// The first record that could not.
    pub fn check_readable(&self) -> Result<(), Problem> {
        readable(&self.state)
    }
}

/// That all records which were asked of a state could be read.
pub fn readable(state: &State) -> Result<(), Problem> {
    match state.unreadable() {
        None => Ok(()),
        Some(unreadable) => Err(LedgerError::from(unreadable).into()),
    }
}

/// Reads the parameters of a question, as of today where they name no day.
///
/// # Errors
/// Everything that is wrong with them.
pub fn ask<'s>(
    query: &Query,
    snapshot: &'s Snapshot,
    today: NaiveDate,
) -> Result<Asked<'s>, Problem> {
    let mut reading = Reading {
        query,
        wrong: Vec::new(),
        missing: Vec::new(),
    };
    let as_of = reading.read("as_of", last_day).unwrap_or(today);
    let count = snapshot.head().count;
    let known_at = reading.find("known_at", |text| known_at(text, count));
    let state = match &known_at {
        None => Cow::Borrowed(snapshot.state()),
        Some((known_at, _)) if reading.is_sound() => {
            Cow::Owned(replay(&snapshot.log(), *known_at)?.state)
        }
        Some(_) => Cow::Borrowed(snapshot.state()),
    };
    let kept = match &known_at {
        None => snapshot.kept(as_of),
        Some(_) => Kept::default(),
    };
    let words = known_at.map(|(_, words)| words);
    let question = Question {
        kept,
        ..reading.question(&state, words)
    };
    let arrangement = reading.arrangement();
    reading.problem()?;
    Ok(Asked {
        state,
        as_of,
        question,
        arrangement,
    })
}

/// Reads parameters, and collects what is wrong.
struct Reading<'q> {
    query: &'q Query,
    /// What cannot be read.
    wrong: Vec<Wrong>,
    /// What names something that is not there.
    missing: Vec<Wrong>,
}

/// Why a parameter is not taken.
enum Fault {
    /// It cannot be read.
    Form(String),
    /// It names something that is not there.
    Missing(String),
}

impl Reading<'_> {
    fn is_sound(&self) -> bool {
        self.wrong.is_empty() && self.missing.is_empty()
    }

    /// Everything that is wrong: 404 where all of it is that something is not there.
    fn problem(&mut self) -> Result<(), Problem> {
        let (mut wrong, missing) = (
            std::mem::take(&mut self.wrong),
            std::mem::take(&mut self.missing),
        );
        if wrong.is_empty() && missing.is_empty() {
            return Ok(());
        }
        if wrong.is_empty() {
            return Err(Problem::all_missing(missing));
        }
        wrong.extend(missing);
        Err(Problem::bad_request(wrong))
    }

    fn read<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        self.find(name, |text| read(text).map_err(Fault::Form))
    }

    fn find<T>(&mut self, name: &str, find: impl FnOnce(&str) -> Result<T, Fault>) -> Option<T> {
        let text = self.query.get(name)?;
        match find(text) {
            Ok(value) => return Some(value),
            Err(Fault::Form(why)) => self.wrong.push(Wrong::field(name, why)),
            Err(Fault::Missing(why)) => self.missing.push(Wrong::field(name, why)),
        }
        None
    }

    fn all<T: Leaf>(&mut self, name: &str) -> Vec<T> {
        let mut found = Vec::new();
        for text in self.query.all(name) {
            match text.parse::<T>() {
                Ok(value) => found.push(value),
                Err(error) => self.wrong.push(Wrong::field(name, error.to_string())),
            }
        }
        found
    }

    fn id(&mut self, name: &str, state: &State, kind: EntityKind) -> Option<Slug> {
        self.find(name, |text| {
            let id: Slug = text.parse().map_err(|error| Fault::Form(shown(error)))?;
            match state.entity(&id) {
                Some((found, _)) if found == kind => Ok(id),
                _ => Err(Fault::Missing(format!("there is no {} {id}", kind.word()))),
            }
        })
    }

    fn days(&mut self, name: &str, without: Days) -> Days {
        let days = self.read(name, |text| match text.parse() {
            Ok(days @ 0..=366_000) => Ok(Days::new(days)),
            _ => Err("is a number of days up to 366000".to_owned()),
        });
        days.unwrap_or(without)
    }

    fn question(&mut self, state: &State, known_at: Option<String>) -> Question {
        let asked = Question::default();
        let subject = self.find("subject", |text| {
            subject(state, text).map_err(Fault::Missing)
        });
        let thresholds = self
            .query
            .all("threshold")
            .map(str::parse)
            .collect::<Result<_, _>>();
        if thresholds.is_err() {
            self.wrong
                .push(Wrong::field("threshold", "is a whole number"));
        }
        Question {
            known_at,
            party: self.id("party", state, EntityKind::Party).map(PartyId),
            agreement: self
                .id("agreement", state, EntityKind::Agreement)
                .map(AgreementId),
            commitment: self
                .id("commitment", state, EntityKind::Commitment)
                .map(CommitmentId),
            source: self.id("source", state, EntityKind::Source).map(SourceId),
            kinds: self.all("kind"),
            standings: self.all("standing"),
            party_kind: self.all("party_kind").first().copied(),
            since: self.read("since", |text| bound(text, true)),
            until: self.read("until", |text| bound(text, false)),
            limit: self.read("limit", |text| {
                let limit: u32 = text.parse().map_err(|_| "is a whole number".to_owned())?;
                Ok(usize::try_from(limit).unwrap_or(usize::MAX))
            }),
            soon: self.days("soon", asked.soon),
            grace: self.days("grace", asked.grace),
            silent: self.days("silent", asked.silent),
            thresholds: thresholds.unwrap_or_default(),
            words: self.query.get("q").map(split).unwrap_or_default(),
            subject,
            provenance: None,
            first_table_only: asked.first_table_only,
            kept: Kept::default(),
        }
    }

    fn arrangement(&self) -> Arrangement {
        Arrangement {
            table: self.query.get("table").map(str::to_owned),
            words: self.query.all("grep").map(str::to_owned).collect(),
            sort: self.query.all("sort").map(Into::into).collect(),
            limit: None,
        }
    }
}

fn shown(error: impl ToString) -> String {
    error.to_string()
}

/// What a text names: a record by its number, or whatever has this id.
///
/// # Errors
/// That there is no such thing, in words.
pub fn subject(state: &State, text: &str) -> Result<Subject, String> {
    if let Ok(id) = text.parse::<Slug>()
        && state.entity(&id).is_some()
    {
        return Ok(Subject::Entity(id));
    }
    let number = text.strip_prefix('#').unwrap_or(text);
    match number.parse::<Seq>() {
        Ok(seq) if seq.0 < state.count() => Ok(Subject::Record(seq)),
        Ok(seq) => Err(format!("there is no record {seq}")),
        Err(_) => Err(format!("nothing is called {}", excerpt(text))),
    }
}

/// The last day of a date.
fn last_day(text: &str) -> Result<NaiveDate, String> {
    text.parse::<Date>().map(Date::latest).map_err(shown)
}

/// A record's number: `12`, or `#1500` where four digits alone would be a year.
fn record(text: &str) -> Option<Seq> {
    match text.strip_prefix('#') {
        Some(number) => number.parse().ok(),
        None if text.len() == 4 => None,
        None => text.parse().ok(),
    }
}

fn bound(text: &str, is_start: bool) -> Result<Bound, String> {
    if let Some(seq) = record(text) {
        return Ok(Bound::Record(seq));
    }
    if let Ok(date) = text.parse::<Date>() {
        let day = if is_start {
            date.earliest()
        } else {
            date.latest()
        };
        return Ok(Bound::Day(day));
    }
    text.parse().map(Bound::Time).map_err(shown)
}

/// How the ledger is to be known, and in words when that was.
fn known_at(text: &str, count: u64) -> Result<(KnownAt, String), Fault> {
    if let Some(seq) = record(text) {
        return match seq.0 < count {
            true => Ok((KnownAt::Record(seq), format!("record {seq}"))),
            false => Err(Fault::Missing(format!("there is no record {seq}"))),
        };
    }
    if let Ok(date) = text.parse::<Date>() {
        let day = date.latest();
        return Ok((
            KnownAt::Time(Instant::end_of(day)),
            format!("the end of {day} UTC"),
        ));
    }
    let time: Instant = text.parse().map_err(|error| Fault::Form(shown(error)))?;
    Ok((KnownAt::Time(time), time.to_string()))
}

/// Words, of which quotes keep several together.
pub fn split(text: &str) -> Vec<String> {
    let parts = text.split('"').enumerate();
    let words = parts.flat_map(|(at, part)| match at % 2 {
        1 => vec![part.trim().to_owned()],
        _ => part.split_whitespace().map(str::to_owned).collect(),
    });
    words.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_and_quotes_keep_them_together() {
        assert_eq!(
            split("bridge  \"joint commission\" b"),
            ["bridge", "joint commission", "b"]
        );
        assert_eq!(split(" \" \" "), [""; 0]);
    }

    #[test]
    fn numbers_are_records_and_four_digits_a_year() {
        assert_eq!(bound("12", true), Ok(Bound::Record(Seq(12))));
        assert_eq!(bound("#1500", true), Ok(Bound::Record(Seq(1500))));
        let day = |text: &str| Bound::Day(text.parse().unwrap());
        assert_eq!(bound("2023", true), Ok(day("2023-01-01")));
        assert_eq!(bound("2023", false), Ok(day("2023-12-31")));
        assert!(bound("soon", true).is_err());
    }
}
