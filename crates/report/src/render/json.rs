//! JSON, for machines: `{"schema":1,"report":..,"title":..,"as_of":..,"known_at":..,"tables":{..},"notes":[..]}`,
//! each table a list of objects. A document made of several has them as `sections`, of the same form, at its end. A
//! change that could break a reader raises the schema's number.

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
    let mut value = json!({
        "schema": SCHEMA,
        "report": document.report,
        "title": document.title,
        "as_of": document.as_of.map(|day| day.to_string()),
        "known_at": document.known_at,
        "tables": tables.collect::<Map<_, _>>(),
        "notes": document.notes,
    });
    if !document.sections.is_empty() {
        value["sections"] = document.sections.iter().map(self::value).collect();
    }
    value
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

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn written(document: &Document) -> String {
        let mut out = Vec::new();
        let style = Style {
            colour: true,
            width: Some(20),
        };
        Json.render(document, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_document_in_full() {
        let mut document = sample();
        document.tables[0].rows.remove(1);
        let expected = r#"{
  "schema": 1,
  "report": "sample",
  "title": "Sample of tables",
  "as_of": "2023-06-01",
  "known_at": "record 12",
  "tables": {
    "commitments": [
      {
        "id": "C1",
        "text": "abrir el paso\n2",
        "parties": [
          "colombia",
          "venezuela"
        ],
        "count": 4,
        "due": "overdue",
        "last_heard": null
      }
    ],
    "rates": []
  },
  "notes": [
    "the year is inferred"
  ]
}
"#;
        assert_eq!(written(&document), expected);
    }

    #[test]
    fn sections_are_documents_too() {
        let document = Document {
            report: "all",
            sections: vec![sample(), sample()],
            ..Document::default()
        };
        let read: Value = serde_json::from_str(&written(&document)).unwrap();
        let section: Value = serde_json::from_str(&written(&sample())).unwrap();
        assert_eq!(read["sections"], json!([section, section]));
        assert_eq!(read["tables"], json!({}));
    }

    #[test]
    fn it_reads_back_with_its_types() {
        let mut document = sample();
        document.as_of = None;
        document.known_at = None;
        document.tables[0].rows[1][3] = Cell::Flag(true);
        let read: Value = serde_json::from_str(&written(&document)).unwrap();
        assert_eq!(
            (&read["as_of"], &read["known_at"]),
            (&Value::Null, &Value::Null)
        );
        let rows = &read["tables"]["commitments"];
        assert_eq!(rows[0]["count"], 4);
        assert_eq!(rows[1]["count"], true);
        assert_eq!(rows[1]["parties"], json!([]));
        assert_eq!(rows[1]["text"], "国境での会談");
    }
}
