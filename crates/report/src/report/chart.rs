//! Charts as plain data. A chart shows nothing that a table of its document does not hold; how it is drawn is
//! `render`'s.

use chrono::NaiveDate;

use super::cell::Tone;

/// A chart of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Its name, which no other chart of the document has: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Its caption: what is counted, among what.
    pub title: String,
    /// The name of the table that holds its numbers.
    pub table: &'static str,
    /// What is drawn.
    pub plot: Plot,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plot {
    /// Counts over days.
    Steps {
        /// The lines.
        lines: Vec<Line>,
        /// Counts that mean something, drawn across.
        thresholds: Vec<Threshold>,
        /// Days that mean something.
        marks: Vec<Mark>,
    },
    /// A bar for each word.
    Bars(Vec<Bar>),
    /// A bar for each word, of parts.
    Stacked {
        /// What the parts are, and how each is meant.
        parts: Vec<(String, Tone)>,
        /// The bars.
        bars: Vec<StackedBar>,
    },
    /// Days on which something happened.
    Timeline(Vec<Mark>),
}

/// A count that changes on days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What is counted.
    pub label: String,
    /// The count at the end of a day; it holds until the next point's day. In order, one point a day.
    pub points: Vec<(NaiveDate, i64)>,
}

/// A count that means something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    /// The count.
    pub count: i64,
    /// What it means.
    pub label: String,
}

/// A day on which something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The first day on which it can have been.
    pub first: NaiveDate,
    /// The last day on which it can have been: the same one, where the day is known.
    pub last: NaiveDate,
    /// What it was.
    pub label: String,
    /// How it is meant.
    pub tone: Tone,
}

/// So many of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Of what.
    pub label: String,
    /// How many.
    pub count: i64,
    /// How the word is meant.
    pub tone: Tone,
}

/// So many of each part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackedBar {
    /// Of what.
    pub label: String,
    /// How many, in the order of the parts; as many as there are.
    pub counts: Vec<i64>,
}
