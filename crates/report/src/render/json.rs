//! JSON, for machines: `{"schema":1,"report":..,"title":..,"as_of":..,"known_at":..,"tables":{..},"notes":[..]}`,
//! each table a list of objects. A document made of several has them as `sections`, of the same form, at its end. A
//! change that could break a reader raises the schema's number.

use std::borrow::Cow;
use std::io;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::format::{Render, Style};
use crate::report::{Cell, Document, Row, Table};
use servanda_core::words::harmless_json;

/// The format `json`.
#[derive(Debug, Clone, Copy)]
pub struct Json;

/// The number of the schema.
const SCHEMA: u32 = 1;

impl Render for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn render(&self, document: &Document<'_>, _: Style, out: &mut dyn io::Write) -> io::Result<()> {
        serde_json::to_writer_pretty(Escaping(&mut *out), &Written(document))?;
        writeln!(out)
    }
}

/// Passes JSON on with what is unseen as escapes.
struct Escaping<'w>(&'w mut dyn io::Write);

impl io::Write for Escaping<'_> {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        // JSON comes in pieces that are whole characters.
        match str::from_utf8(json) {
            Ok(text) => self.0.write_all(harmless_json(text).as_bytes())?,
            Err(_) => self.0.write_all(json)?,
        }
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Something as JSON, written as it is gone through.
struct Written<'t, T>(&'t T);

impl Serialize for Written<'_, Document<'_>> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let document = self.0;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("schema", &SCHEMA)?;
        map.serialize_entry("report", document.report)?;
        map.serialize_entry("title", &document.title)?;
        map.serialize_entry("as_of", &document.as_of.map(|day| day.to_string()))?;
        map.serialize_entry("known_at", &document.known_at)?;
        map.serialize_entry("tables", &Tables(&document.tables))?;
        map.serialize_entry("notes", &document.told_notes())?;
        if !document.sections.is_empty() {
            let sections: Vec<_> = document.sections.iter().map(Written).collect();
            map.serialize_entry("sections", &sections)?;
        }
        map.end()
    }
}

/// Tables by their names.
struct Tables<'t>(&'t [Table<'t>]);

impl Serialize for Tables<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|table| (table.name, Written(table))))
    }
}

impl Serialize for Written<'_, Table<'_>> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let columns = &self.0.columns;
        to.collect_seq(self.0.rows.iter().map(|row| Members { columns, row }))
    }
}

/// A row as an object, with a member for each column.
struct Members<'t> {
    columns: &'t [&'static str],
    row: Cow<'t, Row>,
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let cells = self.row.iter().map(Written);
        to.collect_map(self.columns.iter().zip(cells))
    }
}

impl Serialize for Written<'_, Cell> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Cell::None => to.serialize_none(),
            Cell::Text(text) | Cell::Word(text, _) => text.serialize(to),
            Cell::Number(number) => number.serialize(to),
            Cell::Flag(flag) => flag.serialize(to),
            Cell::List(texts) => texts.serialize(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::sample;
    use super::*;

    fn written(document: &Document<'_>) -> String {
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
        document.tables[0].rows.kept.remove(1);
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
        document.tables[0].rows.kept[1][3] = Cell::Flag(true);
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
