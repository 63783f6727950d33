//! CSV (RFC 4180, but for line ends of one byte), for spreadsheets: the first table only, its header always.
//! Lists are joined by `; `; nothing is an empty field.
//!
//! A spreadsheet would run a text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return as a formula, some
//! also where the sign is of full width or stands behind spaces. Such a text gets an apostrophe before it. Numbers are
//! not touched. What is unseen is spelled out, but for line ends and tabs.

use std::borrow::Cow;
use std::io;

use super::format::{Render, Style};
use super::text::spelled_out;
use crate::report::{Cell, Document};

/// What a formula begins with: ASCII, of full width, small.
const FORMULA: [char; 12] = [
    '=', '+', '-', '@', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫',
];

/// The format `csv`.
#[derive(Debug, Clone, Copy)]
pub struct Csv;

impl Render for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn holds_sections(&self) -> bool {
        false
    }

    fn holds_first_table_only(&self) -> bool {
        true
    }

    fn render(&self, document: &Document<'_>, _: Style, out: &mut dyn io::Write) -> io::Result<()> {
        let Some(table) = document.tables.first() else {
            return Ok(());
        };
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(&table.columns).map_err(plain)?;
        for row in table.rows.iter() {
            for cell in row.iter() {
                writer.write_field(&*field(cell)).map_err(plain)?;
            }
            writer.write_record(None::<&[u8]>).map_err(plain)?;
        }
        writer.flush()
    }
}

/// The error of writing that is inside an error of the csv crate. Its kind says whether the reader closed the pipe or the
/// disk is full.
fn plain(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn field(cell: &Cell) -> Cow<'_, str> {
    match cell {
        Cell::None => Cow::Borrowed(""),
        Cell::Text(text) | Cell::Word(text, _) => guarded(text),
        Cell::Number(number) => Cow::Owned(number.to_string()),
        Cell::Flag(flag) => Cow::Owned(flag.to_string()),
        Cell::List(texts) => match texts.as_slice() {
            [] => Cow::Borrowed(""),
            [text] => guarded(text),
            texts => Cow::Owned(guarded(&texts.join("; ")).into_owned()),
        },
    }
}

/// A text that no spreadsheet takes for a formula.
fn guarded(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(['\t', '\r']) || text.trim_start().starts_with(FORMULA);
    let text = spelled_out(text, "\n", "\t");
    match is_formula {
        true => Cow::Owned(format!("'{text}")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn written(document: &Document<'_>) -> String {
        let mut out = Vec::new();
        let style = Style {
            colour: true,
            width: Some(20),
        };
        Csv.render(document, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_first_table_and_no_other() {
        let expected = "\
id,text,parties,count,due,last_heard
C1,\"abrir el paso\n2\",colombia; venezuela,4,overdue,
C2,国境での会談,,12,later,
";
        assert_eq!(written(&sample()), expected);
    }

    #[test]
    fn the_header_stands_without_rows() {
        let mut document = sample();
        document.tables[0].rows.kept.clear();
        assert_eq!(written(&document), "id,text,parties,count,due,last_heard\n");
        document.tables.clear();
        assert_eq!(written(&document), "");
    }

    #[test]
    fn no_text_is_a_formula() {
        let guards = |text: &str| field(&Cell::text(text)) == format!("'{text}");
        for formula in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "=HYPERLINK(\"http://x\")",
            "＝1+1",
            "\u{3000}=1",
            " \u{a0}＠SUM(A1)",
            "﹣1",
        ] {
            assert!(guards(formula), "{formula}");
        }
        // A carriage return is not seen, and so it is spelled out.
        assert_eq!(field(&Cell::text("\r=1")), "'\\u{d}=1");
        for text in ["a=1", "", "'=1", "1-1"] {
            assert_eq!(field(&Cell::text(text)), text);
        }
        assert_eq!(field(&Cell::list(["=1", "b"])), "'=1; b");
        assert_eq!(field(&Cell::Number(-14)), "-14");
    }
}
