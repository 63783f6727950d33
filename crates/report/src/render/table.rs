//! Tables for a terminal: a heading, an underlined header, no vertical bars.
//!
//! A column in which nothing stands is left out and named beneath the table. Where a terminal is too narrow for all
//! columns, what is the same in every row stands once above the table, and those columns that lead ([`Table::lead`]) are
//! given room first. What is left without room stands in lines beneath its row; of times by which the rows are sorted
//! ([`Table::by_day`]), the day stands once above its rows.

use std::io;

use anstyle::{Effects, Style as Ansi};

use super::format::{Render, Style, clocks};
use super::text::{harmless, spaced};
use crate::report::{Document, Table, Tone};
use cells::{narrow, width, wrapped};
use layout::Layout;
use marks::{coloured, toned};

mod cells;
mod layout;
mod marks;

/// The format `table`.
#[derive(Debug, Clone, Copy)]
pub struct TableFormat;

impl Render for TableFormat {
    fn name(&self) -> &'static str {
        "table"
    }

    fn render(
        &self,
        document: &Document<'_>,
        style: Style,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        let mut page = Page { style, out };
        for (at, part) in document.parts().enumerate() {
            if at > 0 {
                page.line("")?;
                page.line("")?;
            }
            page.part(part)?;
        }
        Ok(())
    }
}

/// Where a document is being written.
struct Page<'a> {
    style: Style,
    out: &'a mut dyn io::Write,
}

impl Page<'_> {
    fn part(&mut self, document: &Document<'_>) -> io::Result<()> {
        self.heading(&harmless(&document.title))?;
        if let Some(clocks) = clocks(document) {
            self.text(&harmless(&clocks))?;
        }
        for table in &document.tables {
            self.line("")?;
            self.table(table)?;
        }
        if !document.notes.is_empty() {
            self.line("")?;
            self.heading("Notes")?;
        }
        for note in document.told_notes() {
            self.hanging("- ", "  ", &harmless(&note))?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{}", coloured(line.trim_end()).trim_end())
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        let bold = Ansi::new().effects(Effects::BOLD);
        for line in wrapped(text, self.style.width) {
            if self.style.colour {
                writeln!(self.out, "{bold}{line}{bold:#}")?;
            } else {
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.hanging("", "", text)
    }

    /// A remark about a table: a name, and what it is about.
    fn remark(&mut self, name: &str, about: &str) -> io::Result<()> {
        let remark = format!("({name}: {about})");
        self.text(&toned(&remark, Tone::Faint, self.style))
    }

    /// A text as lines, of which the first begins with `first` and the others with `next`, which is as wide.
    fn hanging(&mut self, first: &str, next: &str, text: &str) -> io::Result<()> {
        let indent = narrow(width(first));
        let room = self.style.width.map(|width| width.saturating_sub(indent));
        let mut lead = first;
        for line in wrapped(text, room) {
            self.line(&format!("{lead}{line}"))?;
            lead = next;
        }
        Ok(())
    }

    fn table(&mut self, table: &Table<'_>) -> io::Result<()> {
        self.heading(&harmless(&table.title))?;
        if table.rows.is_empty() {
            return self.text(table.empty);
        }
        let layout = Layout::new(table, self.style);
        if let Some(said) = layout.said_once() {
            self.remark("in every row", &said)?;
        }
        for line in layout.header() {
            self.line(&line)?;
        }
        let mut day = None;
        for row in layout.survey.rows() {
            let of_row = layout.day(&row);
            if of_row.is_some() && of_row != day {
                of_row
                    .iter()
                    .try_for_each(|(name, day)| self.remark(name, day))?;
                day = of_row;
            }
            for line in layout.row(&row) {
                self.line(&line)?;
            }
            if let Some(beneath) = layout.beneath(&row) {
                let indent = " ".repeat(layout.indent());
                self.hanging(&indent, &indent, &beneath)?;
            }
        }
        let silent = layout.survey.columns.iter().filter(|column| !column.says);
        let names: Vec<String> = silent.map(|one| spaced(table.columns[one.at])).collect();
        if names.is_empty() {
            return Ok(());
        }
        self.remark("nothing under", &names.join(", "))
    }
}

#[cfg(test)]
mod tests;
