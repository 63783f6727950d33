//! HTML: one file that needs nothing else. No script, no font, no picture from elsewhere; it prints, works at the width of a
//! phone, in the dark, and with a screen reader. Charts are inline SVG (`html/chart.rs`), and each names the table that
//! holds its numbers. A tone is shown by a sign and by colour, never by colour alone.

mod chart;
mod text;

use std::io;
use std::slice::Iter;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::text::{class_of, shown};
use super::format::{Render, Style, clocks};
use super::survey::{Column, Extent, Survey};
use super::text::{says_something, spaced, yes_or_no};
use crate::report::{Cell, Document, Row, Tone};

/// The format `html`.
#[derive(Debug, Clone, Copy)]
pub struct Html;

/// How the page looks.
const STYLE: &str = include_str!("html/page.css");

/// Rows from which on a table is folded away until it is asked for; a browser finds and prints it all the same.
const LONG: usize = 200;

/// Characters of a row that a phone shows.
const PHONE: usize = 52;

impl Render for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn render(&self, document: &Document<'_>, _: Style, out: &mut dyn io::Write) -> io::Result<()> {
        let tables = document.parts().flat_map(|part| &part.tables);
        let surveys: Vec<Survey<'_>> = tables.map(|table| Survey::new(table, length)).collect();
        let page = page(document, &mut surveys.iter()).into_string();
        let mut pieces = page.split(ROWS);
        let with_rows = surveys
            .iter()
            .filter(|survey| !survey.table.rows.is_empty());
        for (survey, piece) in with_rows.zip(pieces.by_ref()) {
            out.write_all(piece.as_bytes())?;
            for row in survey.rows() {
                out.write_all(table_row(survey, &row).into_string().as_bytes())?;
            }
        }
        pieces.try_for_each(|piece| out.write_all(piece.as_bytes()))?;
        writeln!(out)
    }
}

/// Stands in the page where the rows of a table belong. No text can hold it ([`shown`]).
const ROWS: &str = "\0";

fn page(document: &Document<'_>, surveys: &mut Iter<'_, Survey<'_>>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(concat!("servanda ", env!("CARGO_PKG_VERSION")));
                title { (shown(&document.title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 dir="auto" { (shown(&document.title)) }
                    (speaks_of(document))
                }
                @if !document.sections.is_empty() { (contents(document)) }
                main {
                    (body(document, surveys, "", 2))
                    @for (at, section) in document.sections.iter().enumerate() {
                        section id=(section_id(at)) aria-labelledby=(format!("{}-title", section_id(at))) {
                            h2 id=(format!("{}-title", section_id(at))) dir="auto" { (shown(&section.title)) }
                            @if clocks(section) != clocks(document) { (speaks_of(section)) }
                            (body(section, surveys, &section_id(at), 3))
                        }
                    }
                }
                footer {
                    p { "Made by servanda " (env!("CARGO_PKG_VERSION")) " from the records of the ledger. ✓ as it should be, ! worth a look, ✕ as it should not be." }
                }
            }
        }
    }
}

fn section_id(at: usize) -> String {
    format!("section-{}", at + 1)
}

fn speaks_of(document: &Document<'_>) -> Markup {
    html! { @if let Some(clocks) = clocks(document) { p.clocks { (shown(&clocks)) } } }
}

fn contents(document: &Document<'_>) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                @for (at, section) in document.sections.iter().enumerate() {
                    li { a href=(format!("#{}", section_id(at))) dir="auto" { (shown(&section.title)) } }
                }
            }
        }
    }
}

/// What a document says itself; `prefix` keeps its ids apart from those of other sections. The surveys of its tables
/// come next.
fn body(
    document: &Document<'_>,
    surveys: &mut Iter<'_, Survey<'_>>,
    prefix: &str,
    level: u8,
) -> Markup {
    let id = |kind: &str, name: &str| format!("{prefix}{kind}-{name}");
    html! {
        @for chart in &document.charts {
            (chart::figure(chart, &id("chart", &chart.name), &id("table", chart.table), table_title(document, chart.table)))
        }
        @for survey in surveys.take(document.tables.len()) {
            (framed(survey, &id("table", survey.table.name), level))
        }
        @if !document.notes.is_empty() {
            aside.notes {
                (heading(level, "Notes"))
                ul { @for note in document.told_notes() { li dir="auto" { (shown(&note)) } } }
            }
        }
    }
}

fn table_title<'a>(document: &'a Document<'_>, name: &'a str) -> &'a str {
    let table = document.tables.iter().find(|table| table.name == name);
    table.map_or(name, |table| &table.title)
}

fn heading(level: u8, text: &str) -> Markup {
    html! { @match level { 2 => h2 { (text) }, _ => h3 { (text) } } }
}

/// A table, folded away where it is long.
fn framed(survey: &Survey<'_>, id: &str, level: u8) -> Markup {
    let table = survey.table;
    if table.rows.is_empty() {
        return html! {
            div.table id=(id) { (heading(level, &shown(&table.title))) p.empty { (shown(table.empty)) } }
        };
    }
    let grid = grid(survey, id);
    html! {
        div.table id=(id) {
            @if table.rows.len() > LONG {
                details {
                    summary { (shown(&table.title)) ": " (table.rows.len()) " rows" }
                    (grid)
                }
            } @else { (grid) }
        }
    }
}

/// A table as it is. On a phone each row becomes a block of names and values (`page.css`), so roles are stated: a
/// browser may forget them with the layout.
fn grid(survey: &Survey<'_>, id: &str) -> Markup {
    let name = |column: &Column| spaced(survey.table.columns[column.at]);
    let silent = survey.columns.iter().filter(|column| !column.says);
    let silent: Vec<String> = silent.map(name).collect();
    html! {
        div.scroll role="region" aria-labelledby=(format!("{id}-caption")) tabindex="0" {
            table role="table" class=[is_wide(survey).then_some("wide")] {
                caption id=(format!("{id}-caption")) dir="auto" { (shown(&survey.table.title)) }
                thead role="rowgroup" {
                    tr role="row" {
                        @for column in said(survey) { th scope="col" role="columnheader" class=[column.is_numeric.then_some("number")] { (name(column)) } }
                    }
                }
                tbody role="rowgroup" { (PreEscaped(ROWS)) }
            }
        }
        @if !silent.is_empty() { p.empty { "Nothing under: " (silent.join(", ")) "." } }
    }
}

/// The columns in which something stands.
fn said<'s>(survey: &'s Survey<'_>) -> impl Iterator<Item = &'s Column> {
    survey.columns.iter().filter(|column| column.says)
}

fn table_row(survey: &Survey<'_>, row: &Row) -> Markup {
    let name = |column: &Column| spaced(survey.table.columns[column.at]);
    html! {
        tr role="row" {
            @for (place, column) in said(survey).enumerate() { (field(&row[column.at], &name(column), place == 0)) }
        }
    }
}

/// Whether a phone is too narrow for a table: its longest texts do not fit side by side.
fn is_wide(survey: &Survey<'_>) -> bool {
    let name = |column: &Column| survey.table.columns[column.at].len();
    let longest = said(survey).map(|column| column.extent.whole.max(name(column)));
    longest.sum::<usize>() > PHONE
}

/// Characters of a cell.
fn length(cell: &Cell) -> Extent {
    let chars = |text: &String| text.chars().count();
    let whole = match cell {
        Cell::None | Cell::Flag(_) => 3,
        Cell::Text(text) | Cell::Word(text, _) => chars(text),
        Cell::Number(number) => number.to_string().len(),
        Cell::List(texts) => texts.iter().map(|text| chars(text) + 2).sum(),
    };
    Extent {
        whole,
        ..Extent::default()
    }
}

/// A cell; the first of a row is the row's header.
fn field(cell: &Cell, name: &str, is_first: bool) -> Markup {
    let content = content(cell);
    let number = matches!(cell, Cell::Number(_)).then_some("number");
    let nothing = (!says_something(cell)).then_some("nothing");
    let class = number.or(nothing);
    html! {
        @if is_first { th scope="row" role="rowheader" data-name=(name) class=[class] { span dir="auto" { (content) } } }
        @else { td role="cell" data-name=(name) class=[class] { span dir="auto" { (content) } } }
    }
}

fn content(cell: &Cell) -> Markup {
    if !says_something(cell) {
        return html! { "–" };
    }
    match cell {
        Cell::None => html! {},
        Cell::Text(text) => lines(text),
        Cell::Word(text, tone) => {
            html! { span.word.(class_of(*tone)) { (sign_of(*tone)) (shown(text)) } }
        }
        Cell::Number(number) => html! { (number) },
        Cell::Flag(flag) => html! { (yes_or_no(*flag)) },
        Cell::List(texts) => html! {
            @for (at, text) in texts.iter().enumerate() { @if at > 0 { ", " } bdi { (shown(text)) } }
        },
    }
}

fn lines(text: &str) -> Markup {
    html! { @for (at, line) in text.lines().enumerate() { @if at > 0 { br; } (words(line)) } }
}

/// A line in which no date is broken.
fn words(line: &str) -> Markup {
    let is_date = |word: &str| {
        word.len() >= 7
            && word.as_bytes()[4] == b'-'
            && word.as_bytes()[..4].iter().all(u8::is_ascii_digit)
    };
    html! {
        @for (at, word) in line.split(' ').enumerate() {
            @if at > 0 { " " }
            @if is_date(word) { span.day { (shown(word)) } } @else { (shown(word)) }
        }
    }
}

/// What says a tone without colour. The word beside it says the same, so a screen reader passes over it.
fn sign_of(tone: Tone) -> Markup {
    let sign = match tone {
        Tone::Plain | Tone::Faint => return html! {},
        Tone::Good => "✓ ",
        Tone::Attention => "! ",
        Tone::Bad => "✕ ",
    };
    html! { span.sign aria-hidden="true" { (sign) } }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::report::chart::{Bar, Chart, Plot};

    fn written(document: &Document<'_>) -> String {
        let mut out = Vec::new();
        let style = Style {
            colour: true,
            width: Some(20),
        };
        Html.render(document, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// Every element is closed in order: enough to know that no text broke out.
    fn is_well_formed(page: &str) {
        let mut open: Vec<&str> = Vec::new();
        let body = page.replace(STYLE, "");
        for tag in body.split('<').skip(1) {
            let name = tag.split(['>', ' ']).next().unwrap();
            match name.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed), "{tag}"),
                None if ["meta", "br", "!DOCTYPE"].contains(&name) => {}
                None => open.push(name),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn a_page_needs_nothing_from_elsewhere() {
        let mut document = sample();
        document.sections = vec![sample(), sample()];
        let page = written(&document);
        for foreign in [
            "http:", "https:", "<script", "<link", "<img", "@import", "url(",
        ] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        is_well_formed(&page);
        assert!(page.contains(r##"<a href="#section-2""##));
        assert!(page.contains(r#"id="section-2""#));
    }

    #[test]
    fn no_text_becomes_markup() {
        let evil = "</td><script>alert(1)</script>\u{202e}\" onload=\"x";
        let mut document = sample();
        document.title = evil.into();
        document.notes = vec![evil.into()];
        document.tables[0].title = evil.into();
        document.tables[0].rows.kept[0][0] = Cell::text(evil);
        document.tables[0].rows.kept[0][2] = Cell::list([evil]);
        document.tables[0].rows.kept[0][4] = Cell::Word(evil.into(), Tone::Bad);
        document.charts = vec![Chart {
            name: "bars".to_owned(),
            title: evil.into(),
            table: "commitments",
            plot: Plot::Bars(vec![Bar {
                label: evil.into(),
                count: 1,
                tone: Tone::Good,
            }]),
        }];
        let page = written(&document);
        assert!(!page.contains("<script"));
        assert!(!page.contains('\u{202e}'));
        assert!(!page.contains("\" onload"));
        is_well_formed(&page);
    }

    #[test]
    fn a_tone_has_a_sign_and_a_column_without_cells_is_named() {
        let page = written(&sample());
        assert!(page.contains(r#"<span class="word bad"><span class="sign" aria-hidden="true">✕ </span>overdue</span>"#));
        assert!(page.contains("Nothing under: last heard."));
        assert!(page.contains("abrir el paso<br>2"));
    }

    #[test]
    fn a_long_table_is_folded_and_whole() {
        let mut document = sample();
        let row = document.tables[0].rows.kept[0].clone();
        document.tables[0].rows.kept = vec![row; LONG + 1];
        let page = written(&document);
        assert!(page.contains("<details>"));
        assert_eq!(page.matches("abrir el paso").count(), LONG + 1);
    }
}
