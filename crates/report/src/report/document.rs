//! A report's answer: a document of tables with named columns, whose rows are made as a renderer asks for them.

use std::borrow::Cow;

use chrono::NaiveDate;

use servanda_core::state::asserted_times;
use servanda_core::view::{END_OF_TIME, View};

use super::about::About;
use super::bounded;
use super::calendar::CalendarEntry;
use super::cell::Cell;
use super::chart::Chart;
use super::flow::Flow;
use super::question::{Question, Takes};

/// A report: a question to a view, answered by a document.
pub trait Report: Sync {
    /// Its name on the command line and in JSON.
    fn name(&self) -> &'static str;

    /// The question that it answers, in one sentence.
    fn about(&self) -> &'static str;

    /// What it takes beside the two clocks, a party, an agreement and the days that count as soon and silent.
    fn takes(&self) -> &'static [Takes] {
        &[]
    }

    /// Whether it is made of other reports, as sections of its document.
    fn has_sections(&self) -> bool {
        false
    }

    /// Whether it can be asked of a party or an agreement alone.
    fn narrows(&self) -> bool {
        true
    }

    /// The answer.
    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r>;
}

/// A report's answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Document<'v> {
    /// The report's name.
    pub report: &'static str,
    /// What it is about, in a line.
    pub title: String,
    /// The day as of which it answers; none where it takes in all that is known, of any day.
    pub as_of: Option<NaiveDate>,
    /// How the ledger was known, in words; none for all that is known.
    pub known_at: Option<String>,
    /// The ledger that it is about.
    pub about: About<'v>,
    /// The answer in sentences, for those who read no table: a page begins with it.
    pub answer: Vec<String>,
    /// Its tables; the first is the one that CSV gives.
    pub tables: Vec<Table<'v>>,
    /// What a page may draw of its tables.
    pub charts: Vec<Chart>,
    /// The name of the calendar; its title without one.
    pub calendar_name: Option<String>,
    /// What its calendar lacks, and why.
    pub calendar_lacks: Vec<String>,
    /// What belongs into a calendar.
    pub calendar: Flow<'v, CalendarEntry>,
    /// What a reader must know to understand it correctly.
    pub notes: Vec<String>,
    /// The documents that it is made of, after what it says itself. These have none.
    pub sections: Vec<Document<'v>>,
}

impl<'v> Document<'v> {
    /// A document without tables, with a note where recorded times are asserted.
    pub fn new(
        report: &'static str,
        title: impl Into<String>,
        view: &View<'v>,
        question: &Question,
    ) -> Self {
        Self {
            report,
            title: title.into(),
            as_of: (view.as_of != END_OF_TIME).then_some(view.as_of),
            known_at: question.known_at.clone(),
            about: About::new(view.state),
            notes: asserted_times(view.state.asserted()).into_iter().collect(),
            ..Self::default()
        }
    }

    /// Its notes, each of at most 2,000 characters.
    pub fn told_notes(&self) -> Vec<Cow<'_, str>> {
        let notes = self.notes.iter();
        notes
            .map(|note| bounded::cut(note, bounded::NOTE))
            .collect()
    }

    /// What it says itself, and then its sections.
    pub fn parts(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.sections)
    }
}

/// The values of a row, one for each column of its table.
pub type Row = Vec<Cell>;

/// A table of a document.
#[derive(Debug, PartialEq, Eq)]
pub struct Table<'v> {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its heading.
    pub title: String,
    /// The names of its columns, in JSON and CSV too: lower case, words joined by `_`.
    pub columns: Vec<&'static str>,
    /// The columns that are given room first where there is too little for all, the most important one first. The others
    /// follow in their order.
    pub lead: &'static [&'static str],
    /// The column of times by which the rows are sorted. Where it has no room, each day stands once above its rows.
    pub days: Option<&'static str>,
    /// Its rows, each as long as `columns`.
    pub rows: Flow<'v, Row>,
    /// What to say where there are no rows.
    pub empty: &'static str,
}

impl<'v> Table<'v> {
    /// A table without rows.
    pub fn new(name: &'static str, title: impl Into<String>, columns: &[&'static str]) -> Self {
        Self {
            name,
            title: title.into(),
            columns: columns.to_vec(),
            lead: &[],
            days: None,
            rows: Flow::default(),
            empty: "nothing",
        }
    }

    /// Leaves out the rows after the first `limit`, and returns the note that says how many rows there are.
    ///
    /// Without a limit the rows are not counted, which may take as long as making them.
    pub fn cut(&mut self, limit: Option<usize>) -> Option<String> {
        let limit = limit?;
        let note = cut(self.rows.len(), Some(limit))?;
        self.rows.truncate(limit);
        Some(note)
    }

    /// Appends a row.
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Has these rows, which are made when a renderer asks for them.
    #[must_use]
    pub fn with(mut self, rows: impl Into<Flow<'v, Row>>) -> Self {
        self.rows = rows.into();
        self
    }

    /// Gives these columns room first.
    #[must_use]
    pub fn lead(mut self, columns: &'static [&'static str]) -> Self {
        debug_assert!(columns.iter().all(|column| self.columns.contains(column)));
        self.lead = columns;
        self
    }

    /// Has its rows sorted by the times in this column.
    #[must_use]
    pub fn by_day(mut self, column: &'static str) -> Self {
        debug_assert!(self.columns.contains(&column));
        self.days = Some(column);
        self
    }

    /// Says this where there are no rows.
    #[must_use]
    pub fn or(mut self, empty: &'static str) -> Self {
        self.empty = empty;
        self
    }
}

/// The note that says how many rows there are, where only the first `limit` are shown.
pub fn cut(all: usize, limit: Option<usize>) -> Option<String> {
    let limit = limit.filter(|limit| *limit < all)?;
    Some(format!("the first {limit} of {all} rows"))
}
