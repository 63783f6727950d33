//! Tables for a terminal: a heading, an underlined header, no vertical bars.
//!
//! Columns in which nothing stands are left out and named beneath. Where a terminal is too narrow for a
//! table's columns, each row becomes a block of lines, one a column.

use std::borrow::Cow;
use std::io;

use anstyle::{AnsiColor, Effects, Style as Ansi};
use comfy_table::{
    Cell as Box, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table as Grid,
    TableStyle, Width,
};

use super::survey::{Column, Extent, Survey};
use super::text::{harmless, says_something, spaced, yes_or_no};
use unicode_width::UnicodeWidthStr;

use super::format::{Render, Style, clocks};
use crate::report::{Cell, Document, Table, Tone};

/// The format `table`.
#[derive(Debug, Clone, Copy)]
pub struct TableFormat;

/// Spaces between two columns.
const GAP: u16 = 2;

/// A text longer than this is prose, and is not squeezed into a column narrower than [`PROSE_MIN`].
const PROSE: usize = 24;

/// The fewest characters in which prose can be read.
const PROSE_MIN: usize = 16;

/// The rows of a long table that are laid out at a time.
const PART: usize = 500;

const HEADED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

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
            self.notes(&document.told_notes())?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{}", coloured(line.trim_end()).trim_end())
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        let bold = Ansi::new().effects(Effects::BOLD);
        for line in self.wrapped(text) {
            if self.style.colour {
                writeln!(self.out, "{bold}{line}{bold:#}")?;
            } else {
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        let lines = self.wrapped(text);
        lines.iter().try_for_each(|line| self.line(line))
    }

    /// A text as lines that fit.
    fn wrapped(&self, text: &str) -> Vec<String> {
        let mut grid = Grid::new();
        grid.load_style(TableStyle::new());
        grid.add_row([text]);
        arrange(&mut grid, self.style.width);
        grid.lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    fn table(&mut self, table: &Table<'_>) -> io::Result<()> {
        self.heading(&harmless(&table.title))?;
        if table.rows.is_empty() {
            return self.text(table.empty);
        }
        let columns = Columns::new(table, self.style);
        let fits = columns.fit(self.style.width);
        if !fits {
            self.blocks(&columns)?;
        } else if columns.survey.keeps_rows() {
            self.grid(columns.grid(self.style.width))?;
        } else {
            self.long_grid(&columns)?;
        }
        let silent = columns.survey.columns.iter().filter(|column| !column.says);
        let names: Vec<String> = silent.map(|one| spaced(table.columns[one.at])).collect();
        if names.is_empty() {
            return Ok(());
        }
        if !fits {
            self.line("")?;
        }
        let note = format!("(nothing under: {})", names.join(", "));
        self.text(&toned(&note, Tone::Faint, self.style))
    }

    /// A table of so many rows that they are laid out in parts, all with the same widths.
    fn long_grid(&mut self, columns: &Columns<'_>) -> io::Result<()> {
        let widths = columns.widths(self.style.width);
        let mut head = true;
        let mut rows = columns.rows().peekable();
        while rows.peek().is_some() {
            let mut grid = Grid::new();
            grid.load_style(if head { HEADED } else { TableStyle::new() });
            if head {
                grid.set_header(columns.headers.iter().map(Box::new));
            }
            head = false;
            grid.add_rows(
                rows.by_ref()
                    .take(PART)
                    .map(|row| row.into_iter().map(Box::new)),
            );
            pad(&mut grid, GAP);
            for (at, width) in widths.iter().enumerate() {
                columns.lay_out(&mut grid, at, ColumnConstraint::Absolute, *width);
            }
            self.grid(grid)?;
        }
        Ok(())
    }

    /// Each row as lines of a name and a value.
    fn blocks(&mut self, columns: &Columns<'_>) -> io::Result<()> {
        let names = columns.headers.iter().map(|name| width(name));
        let names_width = narrow(names.max().unwrap_or(0)).saturating_add(GAP);
        for (at, row) in columns.rows().enumerate() {
            if at > 0 {
                self.line("")?;
            }
            let pairs = columns.headers.iter().zip(row);
            let said = pairs.filter(|(_, text)| *text != NOTHING);
            let lines = said.map(|(header, text)| vec![header.clone(), text]);
            let mut grid = pair_grid(lines.collect(), self.style.width);
            if let Some(names) = grid.column_mut(0) {
                names.set_constraint(ColumnConstraint::Absolute(Width::Fixed(names_width)));
            }
            self.grid(grid)?;
        }
        Ok(())
    }

    fn notes(&mut self, notes: &[Cow<'_, str>]) -> io::Result<()> {
        let lines = notes
            .iter()
            .map(|note| vec!["-".to_owned(), harmless(note)]);
        let mut grid = pair_grid(lines.collect(), self.style.width);
        pad(&mut grid, 1);
        self.grid(grid)
    }

    fn grid(&mut self, grid: Grid) -> io::Result<()> {
        for line in grid.lines() {
            self.line(&line)?;
        }
        Ok(())
    }
}

/// What stands in a table where a cell has nothing.
const NOTHING: &str = "–";

/// The columns of a table that say something, as text.
struct Columns<'t> {
    survey: Survey<'t>,
    shown: Vec<Column>,
    headers: Vec<String>,
    style: Style,
}

impl<'t> Columns<'t> {
    fn new(table: &'t Table<'t>, style: Style) -> Self {
        let survey = Survey::new(table, |cell| extent(&shown_as(cell, style)));
        let shown = survey.columns.iter().filter(|column| column.says).copied();
        let shown: Vec<Column> = shown.collect();
        let headers = shown.iter().map(|column| spaced(table.columns[column.at]));
        Self {
            headers: headers.collect(),
            shown,
            survey,
            style,
        }
    }

    /// The texts of each row.
    fn rows(&self) -> impl Iterator<Item = Vec<String>> {
        self.survey.rows().map(|row| {
            let shown = self.shown.iter();
            shown
                .map(|column| shown_as(&row[column.at], self.style))
                .collect()
        })
    }

    /// The room that a column needs, its header too.
    fn extent(&self, at: usize) -> Extent {
        self.shown[at].extent.max(extent(&self.headers[at]))
    }

    /// The fewest characters a column can do with: its longest word, and enough to read prose.
    fn least(&self, at: usize) -> u16 {
        let Extent { whole, word } = self.extent(at);
        let word = word.min(PROSE);
        narrow(if whole > PROSE {
            word.max(PROSE_MIN)
        } else {
            word
        })
    }

    /// Whether a terminal is wide enough.
    fn fit(&self, terminal: Option<u16>) -> bool {
        let least = (0..self.headers.len()).map(|at| usize::from(self.least(at)));
        terminal.is_none_or(|terminal| least.sum::<usize>() + self.gaps() <= usize::from(terminal))
    }

    fn gaps(&self) -> usize {
        usize::from(GAP) * self.headers.len().saturating_sub(1)
    }

    /// The widths with which a table fits into a terminal: the least, and what is left shared among those that need more.
    fn widths(&self, terminal: Option<u16>) -> Vec<u16> {
        let whole = (0..self.headers.len()).map(|at| narrow(self.extent(at).whole));
        let Some(terminal) = terminal else {
            return whole.collect();
        };
        let mut widths: Vec<u16> = (0..self.headers.len()).map(|at| self.least(at)).collect();
        let least: usize = widths.iter().copied().map(usize::from).sum();
        let mut left = usize::from(terminal).saturating_sub(self.gaps() + least);
        let wanted = whole
            .zip(&widths)
            .map(|(whole, least)| whole.saturating_sub(*least));
        let mut wanted: Vec<(u16, usize)> = wanted.zip(0..).collect();
        wanted.sort_unstable();
        for (place, (wanted, at)) in wanted.iter().enumerate() {
            let share = narrow(left / (self.headers.len() - place)).min(*wanted);
            widths[*at] += share;
            left -= usize::from(share);
        }
        widths
    }

    fn grid(&self, terminal: Option<u16>) -> Grid {
        let mut grid = Grid::new();
        grid.load_style(HEADED);
        grid.set_header(self.headers.iter().map(Box::new));
        grid.add_rows(self.rows().map(|row| row.into_iter().map(Box::new)));
        arrange(&mut grid, terminal);
        for at in 0..self.headers.len() {
            let lower = ColumnConstraint::LowerBoundary;
            self.lay_out(&mut grid, at, lower, self.least(at));
        }
        grid
    }

    /// Constrains a column of a grid to a width, beside its gap, and aligns it.
    fn lay_out(
        &self,
        grid: &mut Grid,
        at: usize,
        constraint: fn(Width) -> ColumnConstraint,
        width: u16,
    ) {
        let gap = if at + 1 == self.headers.len() { 0 } else { GAP };
        if let Some(column) = grid.column_mut(at) {
            column.set_constraint(constraint(Width::Fixed(width.saturating_add(gap))));
            if self.shown[at].is_numeric {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
}

/// The room that a text needs.
fn extent(text: &str) -> Extent {
    Extent {
        whole: width(text),
        word: text.split(' ').map(width).max().unwrap_or(0),
    }
}

/// A width as the layout takes it.
fn narrow(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

/// A table of names and values, without a header.
fn pair_grid(rows: Vec<Vec<String>>, terminal: Option<u16>) -> Grid {
    let mut grid = Grid::new();
    grid.load_style(TableStyle::new());
    grid.add_rows(rows);
    arrange(&mut grid, terminal);
    if let Some(names) = grid.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    grid
}

fn arrange(grid: &mut Grid, terminal: Option<u16>) {
    grid.set_content_arrangement(match terminal {
        Some(_) => ContentArrangement::Dynamic,
        None => ContentArrangement::Disabled,
    });
    if let Some(terminal) = terminal {
        grid.set_width(terminal);
    }
    pad(grid, GAP);
}

/// Spaces between the columns, none around them.
fn pad(grid: &mut Grid, gap: u16) {
    let last = grid.column_count().saturating_sub(1);
    for (at, column) in grid.column_iter_mut().enumerate() {
        column.set_padding((0, if at == last { 0 } else { gap }));
    }
}

/// A cell as text, with marks for its colour.
fn shown_as(cell: &Cell, style: Style) -> String {
    if !says_something(cell) {
        return NOTHING.to_owned();
    }
    match cell {
        Cell::None => NOTHING.to_owned(),
        Cell::Text(text) => harmless(text),
        Cell::Word(text, tone) => toned(&harmless(text), *tone, style),
        Cell::Number(number) => number.to_string(),
        Cell::Flag(flag) => yes_or_no(*flag).to_owned(),
        Cell::List(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| harmless(text)).collect();
            texts.join(", ")
        }
    }
}

/// Marks of the tones that have a colour. They take no room when columns are measured, no text can hold them
/// ([`harmless`]), and [`coloured`] puts colours in their place once every line is laid out.
const MARKS: [(Tone, char); 4] = [
    (Tone::Good, '\u{2061}'),
    (Tone::Attention, '\u{2062}'),
    (Tone::Bad, '\u{2063}'),
    (Tone::Faint, '\u{2064}'),
];
const MARK_END: char = '\u{2060}';

/// A text with marks around each of its words, so that a wrapped one keeps its colour to itself.
fn toned(text: &str, tone: Tone, style: Style) -> String {
    let mark = MARKS.iter().find(|(marked, _)| *marked == tone);
    match mark {
        Some((_, mark)) if style.colour => {
            let words = text
                .split(' ')
                .map(|word| format!("{mark}{word}{MARK_END}"));
            words.collect::<Vec<_>>().join(" ")
        }
        _ => text.to_owned(),
    }
}

/// A line with colours in place of marks.
fn coloured(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match MARKS.iter().find(|(_, mark)| *mark == c) {
            Some((tone, _)) => out.push_str(&colour_of(*tone).render().to_string()),
            None if c == MARK_END => out.push_str(&anstyle::Reset.render().to_string()),
            None => out.push(c),
        }
    }
    out
}

fn colour_of(tone: Tone) -> Ansi {
    match tone {
        Tone::Plain => Ansi::new(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Attention => AnsiColor::Yellow.on_default(),
        Tone::Bad => AnsiColor::Red.on_default(),
        Tone::Faint => Ansi::new().effects(Effects::DIMMED),
    }
}

/// How many columns a text takes. The layout measures in the same way; the marks of tones take none.
fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.width()
}

#[cfg(test)]
mod tests;
