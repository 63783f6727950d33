//! Formats of documents: one file a format. Reports know nothing of them.

pub mod csv;
pub mod html;
pub mod ics;
pub mod json;
pub mod markdown;
pub mod table;
pub mod xlsx;

mod format;
mod survey;
mod text;

pub use format::{Render, Style};

/// The formats, in the order in which help lists them.
pub const FORMATS: &[&dyn Render] = &[
    &table::TableFormat,
    &json::Json,
    &csv::Csv,
    &markdown::Markdown,
    &html::Html,
    &ics::Ics,
    &xlsx::Xlsx,
];

/// A document with a cell of every sort.
#[cfg(test)]
pub(crate) fn sample() -> crate::report::Document<'static> {
    use crate::report::{Cell, Table, Tone};
    let columns = &["id", "text", "parties", "count", "due", "last_heard"];
    let mut table = Table::new("commitments", "Commitments", columns);
    table.rows.kept = vec![
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
    crate::report::Document {
        report: "sample",
        title: "Sample of tables".into(),
        as_of: Some("2023-06-01".parse().unwrap()),
        known_at: Some("record 12".into()),
        tables: vec![table, empty],
        notes: vec!["the year is inferred".into()],
        ..crate::report::Document::default()
    }
}
