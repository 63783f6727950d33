//! Markdown (CommonMark with the tables of GitHub Flavored Markdown), for minutes, tickets and wikis. What a text
//! holds is never taken for markup: every character that could be is escaped. Charts are left out; their numbers are in
//! the tables.

use std::io;

use super::format::{Render, Style, clocks};
use super::survey::{Column, Extent, Survey};
use super::text::{harmless, says_something, spaced, with_rules_in_words, yes_or_no};
use crate::report::{Cell, Document, Table};

/// The format `markdown`.
#[derive(Debug, Clone, Copy)]
pub struct Markdown;

impl Render for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn render(&self, document: &Document<'_>, _: Style, out: &mut dyn io::Write) -> io::Result<()> {
        for (at, part) in document.parts().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            // A section's heading is one level below the page's.
            write_part(part, if at > 0 { "##" } else { "#" }, out)?;
        }
        Ok(())
    }
}

fn write_part(part: &Document, level: &str, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "{level} {}", escaped(&part.title))?;
    if let Some(clocks) = clocks(part) {
        writeln!(out, "\n{}", escaped(&clocks))?;
    }
    for table in &part.tables {
        writeln!(out, "\n{level}# {}\n", escaped(&table.title))?;
        write_table(table, out)?;
    }
    if !part.notes.is_empty() {
        writeln!(out, "\n{level}# Notes\n")?;
        for note in &part.told_notes() {
            writeln!(out, "- {}", escaped(note))?;
        }
    }
    Ok(())
}

fn write_table(table: &Table<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    if table.rows.is_empty() {
        return writeln!(out, "{}", escaped(table.empty));
    }
    let survey = Survey::new(table, |_| Extent::default());
    let headers = table.columns.iter().map(|column| escaped(&spaced(column)));
    write_row(headers, out)?;
    let aligned = |column: &Column| if column.is_numeric { "---:" } else { "---" }.to_owned();
    write_row(survey.columns.iter().map(aligned), out)?;
    for row in survey.rows() {
        write_row(row.iter().map(shown), out)?;
    }
    Ok(())
}

fn write_row(cells: impl Iterator<Item = String>, out: &mut dyn io::Write) -> io::Result<()> {
    for cell in cells {
        write!(out, "| {cell} ")?;
    }
    writeln!(out, "|")
}

fn shown(cell: &Cell) -> String {
    if !says_something(cell) {
        return "–".to_owned();
    }
    match cell {
        Cell::None => String::new(),
        Cell::Text(text) | Cell::Word(text, _) => escaped(&with_rules_in_words(text)),
        Cell::Number(number) => number.to_string(),
        Cell::Flag(flag) => yes_or_no(*flag).to_owned(),
        Cell::List(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| escaped(text)).collect();
            texts.join(", ")
        }
    }
}

/// A text in which nothing is markup. Newlines inside it become line breaks.
fn escaped(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(escaped_line).collect();
    lines.join("<br>")
}

fn escaped_line(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let plain = harmless(line);
    // What begins a list, a heading or a quotation only does so at the start of a line.
    let digits = plain.bytes().take_while(u8::is_ascii_digit).count();
    for (at, c) in plain.char_indices() {
        let starts_block = (at == 0 && matches!(c, '#' | '+' | '-' | '=' | ':'))
            || (at > 0 && at == digits && matches!(c, '.' | ')'));
        let is_markup = matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '!' | '@' | '$'
        );
        if starts_block || is_markup {
            out.push('\\');
        }
        out.push(c);
    }
    out
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
        Markdown.render(document, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_document_is_headings_tables_and_a_list() {
        let expected = "\
# Sample of tables

as of 2023-06-01, as known at record 12

## Commitments

| id | text | parties | count | due | last heard |
| --- | --- | --- | ---: | --- | ---: |
| C1 | abrir el paso<br>2 | colombia, venezuela | 4 | overdue | – |
| C2 | 国境での会談 | – | 12 | later | – |

## Rates

none

## Notes

- the year is inferred
";
        assert_eq!(written(&sample()), expected);
    }

    #[test]
    fn sections_are_one_level_below() {
        let mut whole = sample();
        whole.sections = vec![sample()];
        let text = written(&whole);
        assert!(text.contains("\n# Sample") || text.starts_with("# Sample"));
        assert!(text.contains("\n## Sample of tables\n"));
        assert!(text.contains("\n### Commitments\n"));
    }

    #[test]
    fn a_document_without_tables_is_its_title() {
        let document = Document {
            title: "Nothing".into(),
            ..Document::default()
        };
        assert_eq!(written(&document), "# Nothing\n");
    }

    #[test]
    fn no_text_is_taken_for_markup() {
        for (text, expected) in [
            ("a|b", r"a\|b"),
            ("*x* _y_ `z`", r"\*x\* \_y\_ \`z\`"),
            ("[a](http://b)", r"\[a\](http://b)"),
            ("<script>", r"\<script\>"),
            ("- item", r"\- item"),
            ("1. item", r"1\. item"),
            ("# head", r"\# head"),
            ("&amp;", r"\&amp;"),
            ("a\nb", "a<br>b"),
            ("2024-01-01", "2024-01-01"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
