//! CSV (RFC 4180, but for line ends of one byte), for spreadsheets: the first table only, its header always.
//! Lists are joined by `; `; nothing is an empty field.
//!
//! A spreadsheet would run a text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return as a formula,
//! so such a text gets an apostrophe before it. Numbers are not touched.

use std::io;

use super::{Render, Style};
use crate::report::{Cell, Document};

/// The format `csv`.
#[derive(Debug, Clone, Copy)]
pub struct Csv;

impl Render for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn render(&self, document: &Document, _: Style, out: &mut dyn io::Write) -> io::Result<()> {
        let Some(table) = document.tables.first() else {
            return Ok(());
        };
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(&table.columns)?;
        for row in &table.rows {
            writer.write_record(row.iter().map(field))?;
        }
        writer.flush()
    }
}

fn field(cell: &Cell) -> String {
    match cell {
        Cell::None => String::new(),
        Cell::Text(text) | Cell::Word(text, _) => guarded(text.clone()),
        Cell::Number(number) => number.to_string(),
        Cell::Flag(flag) => flag.to_string(),
        Cell::List(texts) => guarded(texts.join("; ")),
    }
}

/// A text that no spreadsheet takes for a formula.
fn guarded(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return format!("'{text}");
    }
    text
}
