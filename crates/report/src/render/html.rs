//! HTML: one file that needs nothing else. No script, no font, no picture from elsewhere; it prints, works at the width of a
//! phone, in the dark, and with a screen reader. Charts are inline SVG (`html/chart.rs`), and each names the table that
//! holds its numbers. A tone is shown by a sign and by colour, never by colour alone.
//!
//! A page is for people: it begins with the answer in sentences, calls things by their names, and shows so many rows of a
//! table as a browser and a reader can take. Other formats have all rows.

mod cells;
mod chart;
mod grid;
mod text;

use std::collections::{HashMap, HashSet};
use std::io;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::cells::Cells;
use self::grid::Grid;
use self::text::shown;
use super::format::{Render, Style, clocks};
use crate::report::chart::{Chart, Plot};
use crate::report::{Document, Table};

/// The format `html`.
#[derive(Debug, Clone, Copy)]
pub struct Html;

/// How pages look that show a ledger: those of a server too.
pub const SHARED_STYLE: &str = include_str!("html/shared.css");

/// How a report looks besides.
const STYLE: &str = include_str!("html/page.css");

/// Most rows of a table in a page of one report.
const MOST: usize = 1_000;

/// Most rows of a table in a page of several reports.
const MOST_OF_SEVERAL: usize = 100;

/// Rows from which on a table is folded away until it is asked for; a browser finds and prints it all the same.
const LONG: usize = 50;

impl Render for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn render(&self, document: &Document<'_>, _: Style, out: &mut dyn io::Write) -> io::Result<()> {
        writeln!(out, "{}", Page::new(document).markup().into_string())
    }
}

/// A document with those rows of its tables that the page shows.
struct Page<'d> {
    document: &'d Document<'d>,
    /// Its parts, each with its tables.
    parts: Vec<(&'d Document<'d>, Vec<Grid<'d>>)>,
    cells: Cells<'d>,
    /// The names of the tables, none of which stands twice.
    labels: Vec<Vec<String>>,
}

impl<'d> Page<'d> {
    fn new(document: &'d Document<'d>) -> Self {
        let most = match document.sections.is_empty() {
            true => MOST,
            false => MOST_OF_SEVERAL,
        };
        let mut homes = HashSet::new();
        let mut parts = Vec::new();
        for (at, part) in document.parts().enumerate() {
            let mut grids = Vec::new();
            for table in &part.tables {
                let mut grid = Grid::new(table, most, document.about);
                grid.anchor(&id_of(at, "table", table.name), document.about, &mut homes);
                grids.push(grid);
            }
            parts.push((part, grids));
        }
        let labels = labels(document, &parts);
        Self {
            document,
            parts,
            cells: Cells::new(document.about, homes),
            labels,
        }
    }

    fn markup(&self) -> Markup {
        let document = self.document;
        let opening = document.about.opening();
        let origin = opening.as_ref().map(|(origin, _)| origin.as_str());
        let title = origin.and_then(|origin| document.title.strip_prefix(origin));
        let title = title.and_then(|rest| rest.strip_prefix(": "));
        let title = title.unwrap_or(&document.title);
        let purpose = opening.as_ref().and_then(|(_, purpose)| purpose.as_deref());
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="generator" content=(concat!("servanda ", env!("CARGO_PKG_VERSION")));
                    title { (shown(&document.title)) }
                    style { (PreEscaped(SHARED_STYLE)) (PreEscaped(STYLE)) }
                }
                body {
                    @if let Some(origin) = origin {
                        header.top {
                            p.name { (shown(origin)) }
                            @if let Some(purpose) = purpose.filter(|purpose| *purpose != title) { p.name.quiet dir="auto" { (shown(purpose)) } }
                        }
                    }
                    main {
                        h1 dir="auto" { (shown(title)) }
                        (speaks_of(document))
                        (self.answer())
                        @if !document.sections.is_empty() { (contents(document)) }
                        @for at in 0..self.parts.len() { (self.part(at)) }
                    }
                    footer {
                        p { "Made by servanda " (env!("CARGO_PKG_VERSION")) " from the records of the ledger." }
                    }
                }
            }
        }
    }

    /// The answer in sentences: its own, or the first one of each section.
    fn answer(&self) -> Markup {
        let sections = self.document.sections.iter().enumerate();
        let firsts: Vec<_> = sections
            .filter_map(|(at, section)| Some((at + 1, section, section.answer.first()?)))
            .collect();
        html! {
            (answered(&self.document.answer))
            @if !firsts.is_empty() {
                div.answers {
                    @for (place, (at, section, answer)) in firsts.iter().enumerate() {
                        p.lead[place == 0] dir="auto" { (shown(answer)) " " a href=(format!("#{}", section_id(*at))) { (shown(&section.title)) } }
                    }
                }
            }
        }
    }

    /// The document itself, or a section of it.
    fn part(&self, at: usize) -> Markup {
        let (part, _) = &self.parts[at];
        if at == 0 {
            return self.body(at, 2);
        }
        let id = section_id(at);
        html! {
            section id=(id) aria-labelledby=(format!("{id}-title")) {
                h2 id=(format!("{id}-title")) dir="auto" { (shown(&part.title)) }
                @if clocks(part) != clocks(self.document) { (speaks_of(part)) }
                (answered(&part.answer))
                (self.body(at, 3))
            }
        }
    }

    /// What a part says: its first table, what is drawn, the other tables, its notes.
    fn body(&self, at: usize, level: u8) -> Markup {
        let (part, grids) = &self.parts[at];
        let (first, rest) = grids.split_at(grids.len().min(1));
        let label = |place: usize| self.labels[at][place].as_str();
        let title = |name: &str| part.tables.iter().find(|table| table.name == name);
        html! {
            @for grid in first { (self.framed(grid, label(0), at, level)) }
            @if !part.charts.is_empty() {
                div.charts {
                    @for chart in &part.charts {
                        (chart::figure(&self.named(chart), &id_of(at, "chart", &chart.name), &id_of(at, "table", chart.table), title(chart.table).map_or(chart.table, |table| &table.title)))
                    }
                }
            }
            @for (place, grid) in rest.iter().enumerate() { (self.framed(grid, label(place + 1), at, level)) }
            @if !part.notes.is_empty() {
                div.notes {
                    (heading(level, "Notes"))
                    ul { @for note in part.told_notes() { li dir="auto" { (shown(&note)) } } }
                }
            }
        }
    }

    /// A chart whose bars are called by names where they stand for parties or agreements.
    fn named(&self, chart: &Chart) -> Chart {
        let mut chart = chart.clone();
        if let Plot::Stacked { bars, .. } = &mut chart.plot
            && chart.table != "by_theme"
        {
            for bar in bars {
                let named = self.document.about.named(&bar.label);
                let name = named.and_then(|(kind, id)| self.document.about.name_of(kind, &id));
                bar.label = name.unwrap_or_else(|| bar.label.clone());
            }
        }
        chart
    }

    /// A table, folded away where it is long and one of many.
    fn framed(&self, grid: &Grid<'_>, label: &str, part: usize, level: u8) -> Markup {
        let table = grid.table;
        let id = id_of(part, "table", table.name);
        if grid.rows.is_empty() {
            return html! {
                div.table id=(id) { (heading(level, &shown(&table.title))) p.empty { (shown(&sentence(table.empty))) } }
            };
        }
        let count = grid.all.unwrap_or(grid.rows.len());
        html! {
            div.table id=(id) {
                @if grid.rows.len() > LONG && part > 0 {
                    details {
                        summary { (shown(&table.title)) ": " (count) " rows" }
                        (grid.markup(&self.cells, label))
                    }
                } @else { (grid.markup(&self.cells, label)) }
            }
        }
    }
}

/// The names of the tables of each part. A browser lists the regions of a page by them.
fn labels(document: &Document<'_>, parts: &[(&Document<'_>, Vec<Grid<'_>>)]) -> Vec<Vec<String>> {
    let mut used: HashMap<String, usize> = HashMap::new();
    let mut label = |part: &Document<'_>, table: &Table<'_>| {
        let title = shown(&table.title);
        let label = match std::ptr::eq(part, document) {
            true => title,
            false => format!("{}: {title}", shown(&part.title)),
        };
        let count = used.entry(label.clone()).or_default();
        *count += 1;
        match *count {
            1 => label,
            again => format!("{label} ({again})"),
        }
    };
    let each = parts.iter().map(|(part, grids)| {
        let labels = grids.iter().map(|grid| label(part, grid.table));
        labels.collect()
    });
    each.collect()
}

/// The id of something in a part of the document: those of its sections begin with the section's.
fn id_of(part: usize, kind: &str, name: &str) -> String {
    match part {
        0 => format!("{kind}-{name}"),
        _ => format!("{}-{kind}-{name}", section_id(part)),
    }
}

fn section_id(part: usize) -> String {
    format!("section-{part}")
}

fn speaks_of(document: &Document<'_>) -> Markup {
    html! { @if let Some(clocks) = clocks(document) { p.clocks { (shown(&clocks)) } } }
}

fn contents(document: &Document<'_>) -> Markup {
    html! {
        nav.contents aria-label="Contents" {
            ul {
                @for (at, section) in document.sections.iter().enumerate() {
                    li { a href=(format!("#{}", section_id(at + 1))) dir="auto" { (shown(&section.title)) } }
                }
            }
        }
    }
}

/// An answer in sentences, the first of which is the largest.
fn answered(answer: &[String]) -> Markup {
    html! {
        @if !answer.is_empty() {
            div.answers {
                @for (at, sentence) in answer.iter().enumerate() { p.lead[at == 0] dir="auto" { (shown(sentence)) } }
            }
        }
    }
}

fn heading(level: u8, text: &str) -> Markup {
    html! { @match level { 2 => h2 { (text) }, _ => h3 { (text) } } }
}

/// Some words as a sentence.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

#[cfg(test)]
mod tests;
