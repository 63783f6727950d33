//! Tables for a terminal: a heading, an underlined header, no vertical bars.
//!
//! Columns in which nothing stands are left out and named beneath. Where a terminal is too narrow for a
//! table's columns, each row becomes a block of lines, one a column.

use std::io;

use anstyle::{AnsiColor, Effects, Style as Ansi};
use comfy_table::{
    Cell as Box, CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table as Grid,
    TableStyle, Width,
};

use super::{Render, Style};
use crate::report::{Cell, Document, Table, Tone};

/// The format `table`.
#[derive(Debug, Clone, Copy)]
pub struct TableFormat;

/// Spaces between two columns.
const GAP: u16 = 2;

/// A column that has to wrap gets at least this many characters, or the row becomes a block.
const WRAPPED_MIN: usize = 16;

const HEADED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

impl Render for TableFormat {
    fn name(&self) -> &'static str {
        "table"
    }

    fn render(&self, document: &Document, style: Style, out: &mut dyn io::Write) -> io::Result<()> {
        let mut page = Page { style, out };
        page.heading(&harmless(&document.title))?;
        page.line(&harmless(&spoken_for(document)))?;
        for table in &document.tables {
            page.line("")?;
            page.table(table)?;
        }
        if !document.notes.is_empty() {
            page.line("")?;
            page.heading("Notes")?;
            page.notes(&document.notes)?;
        }
        Ok(())
    }
}

/// The day and the knowledge that a document speaks of.
fn spoken_for(document: &Document) -> String {
    let day = match document.as_of_day() {
        Some(day) => format!("as of {day}"),
        None => "as of any day".to_owned(),
    };
    match &document.known_at {
        Some(known) => format!("{day}, as known at {known}"),
        None => day,
    }
}

/// Where a document is being written.
struct Page<'a> {
    style: Style,
    out: &'a mut dyn io::Write,
}

impl Page<'_> {
    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{}", coloured(line.trim_end()).trim_end())
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        let bold = Ansi::new().effects(Effects::BOLD);
        if self.style.colour {
            return writeln!(self.out, "{bold}{text}{bold:#}");
        }
        writeln!(self.out, "{text}")
    }

    fn table(&mut self, table: &Table) -> io::Result<()> {
        self.heading(&harmless(&table.title))?;
        if table.rows.is_empty() {
            return self.line(table.empty);
        }
        let (shown, silent): (Vec<usize>, Vec<usize>) = (0..table.columns.len()).partition(|&at| {
            table
                .rows
                .iter()
                .any(|row| row.get(at).is_some_and(says_something))
        });
        let columns = Columns::new(table, &shown, self.style);
        if columns.fit(self.style.width) {
            self.grid(columns.grid(self.style.width))?;
        } else {
            self.blocks(&columns)?;
        }
        if silent.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = silent.iter().map(|&at| spaced(table.columns[at])).collect();
        let note = format!("(nothing under: {})", names.join(", "));
        self.line(&toned(&note, Tone::Faint, self.style))
    }

    /// Each row as lines of a name and a value.
    fn blocks(&mut self, columns: &Columns) -> io::Result<()> {
        for (at, row) in columns.rows.iter().enumerate() {
            if at > 0 {
                self.line("")?;
            }
            let pairs = columns.headers.iter().zip(row);
            let said = pairs.filter(|(_, text)| *text != NOTHING);
            let lines = said.map(|(header, text)| vec![header.clone(), text.clone()]);
            self.grid(pair_grid(lines.collect(), self.style.width))?;
        }
        Ok(())
    }

    fn notes(&mut self, notes: &[String]) -> io::Result<()> {
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
struct Columns {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
    numeric: Vec<bool>,
}

impl Columns {
    fn new(table: &Table, shown: &[usize], style: Style) -> Self {
        let pick = |row: &Vec<Cell>| shown.iter().map(|&at| shown_as(&row[at], style)).collect();
        let is_number = |cell: &Cell| matches!(cell, Cell::Number(_) | Cell::None);
        let numeric = |&at: &usize| table.rows.iter().all(|row| is_number(&row[at]));
        Self {
            headers: shown.iter().map(|&at| spaced(table.columns[at])).collect(),
            rows: table.rows.iter().map(pick).collect(),
            numeric: shown.iter().map(numeric).collect(),
        }
    }

    /// The texts of a column, its header first.
    fn texts(&self, at: usize) -> impl Iterator<Item = &String> {
        [&self.headers[at]]
            .into_iter()
            .chain(self.rows.iter().map(move |row| &row[at]))
    }

    /// The fewest characters a column can do with: its longest word, and enough to wrap long texts well.
    fn least(&self, at: usize) -> u16 {
        let words = self
            .texts(at)
            .flat_map(|text| text.split(' '))
            .map(width)
            .max()
            .unwrap_or(0);
        let whole = self.texts(at).map(|text| width(text)).max().unwrap_or(0);
        let least = words.min(2 * WRAPPED_MIN).max(whole.min(WRAPPED_MIN));
        u16::try_from(least).unwrap_or(u16::MAX)
    }

    /// Whether a terminal is wide enough.
    fn fit(&self, terminal: Option<u16>) -> bool {
        let gaps = usize::from(GAP) * self.headers.len().saturating_sub(1);
        let least: usize = (0..self.headers.len())
            .map(|at| usize::from(self.least(at)))
            .sum();
        terminal.is_none_or(|terminal| least + gaps <= usize::from(terminal))
    }

    fn grid(&self, terminal: Option<u16>) -> Grid {
        let mut grid = Grid::new();
        grid.load_style(HEADED);
        grid.set_header(self.headers.iter().map(Box::new));
        grid.add_rows(self.rows.iter().map(|row| row.iter().map(Box::new)));
        arrange(&mut grid, terminal);
        for at in 0..self.headers.len() {
            let padding = if at + 1 == self.headers.len() { 0 } else { GAP };
            if let Some(column) = grid.column_mut(at) {
                let lower = Width::Fixed(self.least(at) + padding);
                column.set_constraint(ColumnConstraint::LowerBoundary(lower));
                if self.numeric[at] {
                    column.set_cell_alignment(CellAlignment::Right);
                }
            }
        }
        grid
    }
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

/// The name of a column as a header.
fn spaced(column: &str) -> String {
    column.replace('_', " ")
}

fn says_something(cell: &Cell) -> bool {
    match cell {
        Cell::None => false,
        Cell::Text(text) | Cell::Word(text, _) => !text.is_empty(),
        Cell::List(texts) => !texts.is_empty(),
        Cell::Number(_) | Cell::Flag(_) => true,
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
        Cell::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Cell::List(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| harmless(text)).collect();
            texts.join(", ")
        }
    }
}

/// Text that cannot move a cursor, hide, turn its neighbours around or look like another row: newlines are
/// shown, and what controls a terminal or the direction of writing is spelled out.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str(" ↵ "),
            '\t' => out.push(' '),
            c if c.is_control() || is_unseen(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// What takes no room and changes how the rest reads. Joiners, which several scripts need, do not.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Marks of the tones that have a colour. They take no room when columns are measured, no text can hold them
/// ([`is_unseen`]), and [`coloured`] puts colours in their place once every line is laid out.
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

/// How many columns a text takes, measured by the layout itself, which knows wide scripts.
fn width(text: &str) -> usize {
    let mut grid = Grid::new();
    grid.add_row([text]);
    grid.column_max_content_widths()
        .first()
        .copied()
        .unwrap_or(0)
        .into()
}
