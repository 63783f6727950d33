//! JSON, for machines: `{"schema":1,"report":..,"title":..,"as_of":..,"known_at":..,"tables":{..},"notes":[..]}`,
//! each table a list of objects. A change that could break a reader raises the schema's number.

use std::io;

use serde_json::{Map, Value, json};

use super::{Render, Style};
use crate::report::{Cell, Document, Table};

/// The format `json`.
#[derive(Debug, Clone, Copy)]
pub struct Json;

/// The number of the schema.
const SCHEMA: u32 = 1;

impl Render for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn render(&self, document: &Document, _: Style, out: &mut dyn io::Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, &value(document))?;
        writeln!(out)
    }
}

fn value(document: &Document) -> Value {
    let tables = document
        .tables
        .iter()
        .map(|table| (table.name.to_owned(), rows(table)));
    json!({
        "schema": SCHEMA,
        "report": document.report,
        "title": document.title,
        "as_of": document.as_of_day().map(|day| day.to_string()),
        "known_at": document.known_at,
        "tables": tables.collect::<Map<_, _>>(),
        "notes": document.notes,
    })
}

fn rows(table: &Table) -> Value {
    let object = |row: &Vec<Cell>| {
        let named = table.columns.iter().zip(row);
        let members = named.map(|(column, cell)| ((*column).to_owned(), member(cell)));
        Value::Object(members.collect())
    };
    table.rows.iter().map(object).collect()
}

fn member(cell: &Cell) -> Value {
    match cell {
        Cell::None => Value::Null,
        Cell::Text(text) | Cell::Word(text, _) => json!(text),
        Cell::Number(number) => json!(number),
        Cell::Flag(flag) => json!(flag),
        Cell::List(texts) => json!(texts),
    }
}
