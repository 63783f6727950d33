//! What is read from it: reports are data, of tables with named columns; how they look is `render`'s.
//!
//! A new report is a new file and a line in [`REPORTS`].

use chrono::{Days, NaiveDate};

use servanda_core::event::Kind;
use servanda_core::state::asserted_times;
use servanda_core::value::commitment::Standing;
use servanda_core::value::id::{AgreementId, CommitmentId, PartyId, Seq, SourceId, Subject};
use servanda_core::value::party::PartyKind;
use servanda_core::value::when::Instant;
use servanda_core::view::{END_OF_TIME, View};

use calendar::CalendarEntry;
use chart::Chart;

pub mod all;
pub mod calendar;
pub mod certificate;
pub mod changes;
pub mod chart;
pub mod curve;
pub mod dossier;
pub mod due;
pub mod irregular;
pub mod listing;
pub mod log;
pub mod matrix;
pub mod party;
pub mod repeats;
pub mod status;
pub mod timeline;

mod caveats;
mod cells;
mod occurrences;
mod participation;
mod rates;
mod select;
mod tables;
#[cfg(test)]
mod testing;

/// The reports of the command `report`, in the order in which help lists them.
pub const REPORTS: &[&dyn Report] = &[
    &status::Status,
    &due::DueReport,
    &party::PartyReport,
    &matrix::Matrix,
    &curve::Curve,
    &timeline::Timeline,
    &changes::Changes,
    &repeats::Repeats,
    &irregular::Irregular,
    &dossier::DossierReport,
    &certificate::Certificate,
    &all::All,
];

/// A report: a question to a view, answered by a document.
pub trait Report: Sync {
    /// Its name on the command line and in JSON.
    fn name(&self) -> &'static str;

    /// What it tells, in one sentence.
    fn about(&self) -> &'static str;

    /// What it takes beside the two clocks, a party, an agreement and the days that count as soon and silent.
    fn takes(&self) -> &'static [Takes] {
        &[]
    }

    /// Whether it can be asked of a party or an agreement alone.
    fn narrows(&self) -> bool {
        true
    }

    /// The answer.
    fn document(&self, view: &View<'_>, question: &Question) -> Document;
}

/// What some reports take and others do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A stretch of time, by when things happened: [`Question::since`] and [`Question::until`].
    Occurred,
    /// A stretch of the ledger, by when things were recorded.
    Recorded,
    /// [`Question::grace`].
    Grace,
    /// [`Question::limit`].
    Limit,
    /// [`Question::thresholds`].
    Thresholds,
    /// [`Question::subject`].
    Subject,
    /// [`Question::provenance`].
    Provenance,
}

/// What is asked of a report. What a report has no use for, it passes over.
#[derive(Debug, Clone)]
pub struct Question {
    /// Only what concerns this party.
    pub party: Option<PartyId>,
    /// Only what concerns this agreement.
    pub agreement: Option<AgreementId>,
    /// Only what concerns this commitment.
    pub commitment: Option<CommitmentId>,
    /// Only what this source is cited for.
    pub source: Option<SourceId>,
    /// Only events of these kinds; all where it is empty.
    pub kinds: Vec<Kind>,
    /// Only commitments that stand here; all where it is empty.
    pub standings: Vec<Standing>,
    /// Only parties of this kind.
    pub party_kind: Option<PartyKind>,
    /// From here on.
    pub since: Option<Bound>,
    /// Up to and with this.
    pub until: Option<Bound>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// How many days ahead a deadline counts as soon.
    pub soon: Days,
    /// For how many days after a deadline nothing is called overdue yet: [`Takes::Grace`].
    pub grace: Days,
    /// After how many days without any event a live commitment counts as silent.
    pub silent: Days,
    /// How the ledger was known when this was asked, in words; none for all that is known.
    pub known_at: Option<String>,
    /// Counts whose crossing is asked for.
    pub thresholds: Vec<u64>,
    /// What it is asked about: an entity or a record.
    pub subject: Option<Subject>,
    /// Where the answer comes from.
    pub provenance: Option<Provenance>,
}

/// Where an answer comes from: what the ledger says of itself, and how it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// How many records there are.
    pub records: u64,
    /// The link of the last one.
    pub link: String,
    /// The root of the tree over them.
    pub root: String,
    /// The checkpoint over them, as witnesses would cosign it.
    pub checkpoint: String,
    /// The program, and its version.
    pub tool: String,
    /// The command that gives this answer again.
    pub command: String,
    /// When it was given.
    pub at: Instant,
}

impl Default for Question {
    fn default() -> Self {
        Self {
            party: None,
            agreement: None,
            commitment: None,
            source: None,
            kinds: Vec::new(),
            standings: Vec::new(),
            party_kind: None,
            since: None,
            until: None,
            limit: None,
            soon: Days::new(30),
            grace: Days::new(0),
            silent: Days::new(180),
            known_at: None,
            thresholds: Vec::new(),
            subject: None,
            provenance: None,
        }
    }
}

/// An end of a stretch of the log: a day, or a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A day, in UTC where it bounds recorded times.
    Day(NaiveDate),
    /// A record.
    Record(Seq),
    /// An instant.
    Time(Instant),
}

/// A report's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// The report's name.
    pub report: &'static str,
    /// What it is about, in a line.
    pub title: String,
    /// The day as of which it speaks; none where it takes in whatever is known, whenever it happens.
    pub as_of: Option<NaiveDate>,
    /// How the ledger was known, in words; none for all that is known.
    pub known_at: Option<String>,
    /// Its tables; the first is the one that CSV gives.
    pub tables: Vec<Table>,
    /// What a page may draw of its tables.
    pub charts: Vec<Chart>,
    /// What belongs into a calendar.
    pub calendar: Vec<CalendarEntry>,
    /// What a reader must know to read it rightly.
    pub notes: Vec<String>,
    /// The documents that it is made of, after what it says itself. These have none.
    pub sections: Vec<Document>,
}

impl Document {
    /// A document without tables, with a note where recorded times are claimed.
    pub fn new(
        report: &'static str,
        title: impl Into<String>,
        view: &View<'_>,
        question: &Question,
    ) -> Self {
        Self {
            report,
            title: title.into(),
            as_of: (view.as_of != END_OF_TIME).then_some(view.as_of),
            known_at: question.known_at.clone(),
            notes: asserted_times(view.state.asserted()).into_iter().collect(),
            ..Self::default()
        }
    }

    /// What it says itself, and then its sections.
    pub fn parts(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.sections)
    }
}

/// A table of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its heading.
    pub title: String,
    /// The names of its columns, in JSON and CSV too: lower case, words joined by `_`.
    pub columns: Vec<&'static str>,
    /// Its rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
    /// What to say where there are no rows.
    pub empty: &'static str,
}

impl Table {
    /// A table without rows.
    pub fn new(name: &'static str, title: impl Into<String>, columns: &[&'static str]) -> Self {
        Self {
            name,
            title: title.into(),
            columns: columns.to_vec(),
            rows: Vec::new(),
            empty: "nothing",
        }
    }

    /// Keeps so many rows, and tells how many there were if those were more.
    pub fn cut(&mut self, limit: Option<usize>) -> Option<String> {
        let note = cut(self.rows.len(), limit)?;
        self.rows.truncate(limit.unwrap_or(usize::MAX));
        Some(note)
    }

    /// Says this where there are no rows.
    #[must_use]
    pub fn or(mut self, empty: &'static str) -> Self {
        self.empty = empty;
        self
    }
}

/// What is told where not all of so many rows are shown.
pub fn cut(all: usize, limit: Option<usize>) -> Option<String> {
    let limit = limit.filter(|limit| *limit < all)?;
    Some(format!("the first {limit} of {all} rows"))
}

/// One value of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    None,
    /// A text.
    Text(String),
    /// A word that carries a judgement, which may be shown in colour and never by colour alone.
    Word(String, Tone),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    List(Vec<String>),
}

impl Cell {
    /// The text of something.
    pub fn text(value: impl ToString) -> Self {
        Self::Text(value.to_string())
    }

    /// The text of something, or nothing.
    pub fn maybe(value: Option<impl ToString>) -> Self {
        value.map_or(Self::None, |value| Self::Text(value.to_string()))
    }

    /// The texts of several things.
    pub fn list(values: impl IntoIterator<Item = impl ToString>) -> Self {
        Self::List(values.into_iter().map(|value| value.to_string()).collect())
    }

    /// A count.
    pub fn count(value: usize) -> Self {
        Self::Number(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

/// How a word is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Neither good nor bad.
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Attention,
    /// As it should not be.
    Bad,
    /// Of little weight.
    Faint,
}

#[cfg(test)]
mod tests {
    use super::chart::{Line, Plot};
    use super::*;
    use servanda_core::state::State;
    use servanda_core::view::View;

    fn all() -> Vec<&'static dyn Report> {
        let others: [&dyn Report; 5] = [
            &log::Log,
            &listing::Parties,
            &listing::Sources,
            &listing::Agreements,
            &listing::Commitments,
        ];
        REPORTS.iter().copied().chain(others).collect()
    }

    /// What renderers rely on, and readers of JSON and CSV.
    fn is_sound(document: &Document) {
        let mut names: Vec<&str> = document.tables.iter().map(|table| table.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), document.tables.len(), "{}", document.report);
        for table in &document.tables {
            let snake = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(table.columns.iter().all(snake), "{:?}", table.columns);
            let whole = |row: &Vec<Cell>| row.len() == table.columns.len();
            assert!(table.rows.iter().all(whole), "{}", table.name);
        }
        let mut charts: Vec<&str> = document.charts.iter().map(|c| c.name.as_str()).collect();
        charts.sort_unstable();
        charts.dedup();
        assert_eq!(charts.len(), document.charts.len(), "{}", document.report);
        document.charts.iter().for_each(|chart| {
            assert!(names.contains(&chart.table), "{}", chart.name);
            is_drawable(&chart.plot);
        });
        let mut uids: Vec<&str> = document.calendar.iter().map(|e| e.uid.as_str()).collect();
        uids.sort_unstable();
        uids.dedup();
        assert_eq!(uids.len(), document.calendar.len(), "{}", document.report);
        for section in &document.sections {
            assert!(section.sections.is_empty(), "{}", section.report);
            is_sound(section);
        }
    }

    fn is_drawable(plot: &Plot) {
        match plot {
            Plot::Steps { lines, .. } => {
                let in_order = |line: &Line| line.points.is_sorted_by(|a, b| a.0 < b.0);
                assert!(lines.iter().all(in_order), "{lines:?}");
            }
            Plot::Stacked { parts, bars } => {
                assert!(bars.iter().all(|bar| bar.counts.len() == parts.len()));
            }
            Plot::Timeline(marks) => assert!(marks.iter().all(|mark| mark.first <= mark.last)),
            Plot::Bars(_) => {}
        }
    }

    #[test]
    fn every_report_answers_whatever_there_is() {
        let empty = State::default();
        let full = testing::communique();
        for report in all() {
            assert!(!report.about().is_empty());
            for state in [&empty, &full.state] {
                for as_of in [NaiveDate::MIN, testing::day("2023-06-01"), END_OF_TIME] {
                    let view = View { state, as_of };
                    let document = report.document(&view, &Question::default());
                    assert_eq!(document.report, report.name());
                    is_sound(&document);
                }
            }
        }
    }

    #[test]
    fn every_report_says_once_that_recorded_times_are_claimed() {
        let mut history = testing::communique();
        history.state.note_asserted(3);
        for report in all() {
            let document = history.ask(report, "2024-01-01", &Question::default());
            let says = |note: &&String| note.contains("records 0 to 2 are claimed");
            let notes = document.notes.iter().filter(says).count();
            assert_eq!(notes, 1, "{}", report.name());
        }
        let dossier = history.dossier("C1", "2024-01-01").unwrap();
        assert!(dossier.notes[0].contains("are claimed"));
    }

    #[test]
    fn the_page_on_reports_names_every_table_and_column() {
        let page = include_str!("../../../../docs/reports.md");
        let history = testing::communique();
        for report in REPORTS {
            let (_, rest) = page
                .split_once(&format!("\n## {}\n", report.name()))
                .unwrap_or_else(|| panic!("the page has no {}", report.name()));
            let section = rest.split("\n## ").next().unwrap_or_default();
            let document = history.ask(*report, "2024-01-01", &Question::default());
            for table in &document.tables {
                for name in [table.name].iter().chain(&table.columns) {
                    let there = section.contains(&format!("`{name}`"));
                    assert!(there, "{}: {} of {}", report.name(), name, table.name);
                }
            }
        }
    }

    #[test]
    fn everything_has_a_sound_dossier() {
        let history = testing::communique();
        for of in [
            "0", "5", "13", "colombia", "S1", "S2", "A1", "C1", "C2", "C3",
        ] {
            let document = history.dossier(of, "2024-01-01");
            is_sound(&document.unwrap_or_else(|| panic!("{of}")));
        }
    }
}
