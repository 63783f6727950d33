//! How a report looks: one file a format. Reports know nothing of it.

use std::io;

use crate::report::Document;

pub mod csv;
pub mod html;
pub mod ics;
pub mod json;
pub mod markdown;
pub mod table;
mod text;

/// How a format is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether colour may be used; never the only sign of anything.
    pub colour: bool,
    /// How many columns a terminal has; none for as wide as it needs to be.
    pub width: Option<u16>,
}

/// A format of documents.
pub trait Render {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Whether it has room for a document that is made of several.
    fn holds_sections(&self) -> bool {
        true
    }

    /// What the format cannot say of a document, where that is all of it, with what to do instead.
    fn leaves_out(&self, _: &Document) -> Option<&'static str> {
        None
    }

    /// Writes a document.
    ///
    /// # Errors
    /// Those of writing.
    fn render(&self, document: &Document, style: Style, out: &mut dyn io::Write) -> io::Result<()>;
}

/// The formats, in the order in which help lists them.
pub const FORMATS: &[&dyn Render] = &[
    &table::TableFormat,
    &json::Json,
    &csv::Csv,
    &markdown::Markdown,
    &html::Html,
    &ics::Ics,
];

/// The day and the knowledge that a document speaks of.
fn clocks(document: &Document) -> Option<String> {
    let day = document.as_of.map(|day| format!("as of {day}"));
    let known = document
        .known_at
        .as_ref()
        .map(|known| format!("as known at {known}"));
    match (day, known) {
        (Some(day), Some(known)) => Some(format!("{day}, {known}")),
        (one, other) => one.or(other),
    }
}

/// A document with a cell of every sort.
#[cfg(test)]
fn sample() -> Document {
    use crate::report::{Cell, Table, Tone};
    let columns = &["id", "text", "parties", "count", "due", "last_heard"];
    let mut table = Table::new("commitments", "Commitments", columns);
    table.rows = vec![
        vec![
            Cell::text("C1"),
            Cell::text("abrir el paso\n2"),
            Cell::list(["colombia", "venezuela"]),
            Cell::Number(4),
            Cell::Word("overdue".into(), Tone::Bad),
            Cell::None,
        ],
        vec![
            Cell::text("C2"),
            Cell::text("国境での会談"),
            Cell::List(Vec::new()),
            Cell::Number(12),
            Cell::Word("later".into(), Tone::Plain),
            Cell::None,
        ],
    ];
    let empty = Table::new("rates", "Rates", &["rate", "share"]).or("none");
    Document {
        report: "sample",
        title: "Sample of tables".into(),
        as_of: Some("2023-06-01".parse().unwrap()),
        known_at: Some("record 12".into()),
        tables: vec![table, empty],
        notes: vec!["the year is inferred".into()],
        ..Document::default()
    }
}
