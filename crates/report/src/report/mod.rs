//! Reports: a question to a view, answered by a document of tables. How a document looks is decided in `render`.
//!
//! A new report is a new file and a line in [`REPORTS`].

pub mod about;
pub mod all;
pub mod arrange;
pub mod calendar;
pub mod certificate;
pub mod changes;
pub mod chart;
pub mod curve;
pub mod dossier;
pub mod due;
pub mod glance;
pub mod glossary;
pub mod irregular;
pub mod listing;
pub mod log;
pub mod matrix;
pub mod party;
pub mod repeats;
pub mod search;
pub mod status;
pub mod timeline;

mod answers;
mod bounded;
mod caveats;
mod cell;
mod cells;
mod commitments;
mod deadlines;
mod document;
mod flow;
mod look;
mod natural;
mod occurrences;
mod part;
mod participation;
mod question;
mod rates;
mod rows;
mod select;
mod succession;
mod tables;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod texts;
mod words;

pub use all::REPORTS;
pub use cell::{Cell, Tone};
pub use deadlines::agenda;
pub use document::{Document, Report, Row, Table};
pub use flow::Flow;
pub use look::Spans;
pub use question::{Bound, Kept, Provenance, Question, Takes};
pub use texts::Texts;
