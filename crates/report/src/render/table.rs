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

use super::text::{harmless, is_numeric, says_something, spaced, yes_or_no};
use super::{Render, Style, clocks};
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

const HEADED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

impl Render for TableFormat {
    fn name(&self) -> &'static str {
        "table"
    }

    fn render(&self, document: &Document, style: Style, out: &mut dyn io::Write) -> io::Result<()> {
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
    fn part(&mut self, document: &Document) -> io::Result<()> {
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
            self.notes(&document.notes)?;
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

    fn table(&mut self, table: &Table) -> io::Result<()> {
        self.heading(&harmless(&table.title))?;
        if table.rows.is_empty() {
            return self.text(table.empty);
        }
        let (shown, silent): (Vec<usize>, Vec<usize>) = (0..table.columns.len()).partition(|&at| {
            table
                .rows
                .iter()
                .any(|row| row.get(at).is_some_and(says_something))
        });
        let columns = Columns::new(table, &shown, self.style);
        let fits = columns.fit(self.style.width);
        if fits {
            self.grid(columns.grid(self.style.width))?;
        } else {
            self.blocks(&columns)?;
        }
        if silent.is_empty() {
            return Ok(());
        }
        if !fits {
            self.line("")?;
        }
        let names: Vec<String> = silent.iter().map(|&at| spaced(table.columns[at])).collect();
        let note = format!("(nothing under: {})", names.join(", "));
        self.text(&toned(&note, Tone::Faint, self.style))
    }

    /// Each row as lines of a name and a value.
    fn blocks(&mut self, columns: &Columns) -> io::Result<()> {
        let names_width = columns
            .headers
            .iter()
            .map(|name| width(name))
            .max()
            .unwrap_or(0);
        let names_width = u16::try_from(names_width)
            .unwrap_or(u16::MAX)
            .saturating_add(GAP);
        for (at, row) in columns.rows.iter().enumerate() {
            if at > 0 {
                self.line("")?;
            }
            let pairs = columns.headers.iter().zip(row);
            let said = pairs.filter(|(_, text)| *text != NOTHING);
            let lines = said.map(|(header, text)| vec![header.clone(), text.clone()]);
            let mut grid = pair_grid(lines.collect(), self.style.width);
            if let Some(names) = grid.column_mut(0) {
                names.set_constraint(ColumnConstraint::Absolute(Width::Fixed(names_width)));
            }
            self.grid(grid)?;
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
        let numeric = |&at: &usize| is_numeric(table, at);
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

    /// The fewest characters a column can do with: its longest word, and enough to read prose.
    fn least(&self, at: usize) -> u16 {
        let widest = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or(0);
        let words = self.texts(at).flat_map(|text| text.split(' '));
        let word = widest(&mut words.map(width)).min(PROSE);
        let whole = widest(&mut self.texts(at).map(|text| width(text)));
        let least = if whole > PROSE {
            word.max(PROSE_MIN)
        } else {
            word
        };
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

/// How many columns a text takes, measured by the layout itself, which knows wide scripts.
fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let mut grid = Grid::new();
    grid.add_row([text]);
    grid.column_max_content_widths()
        .first()
        .copied()
        .unwrap_or(0)
        .into()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn drawn(document: &Document, colour: bool, width: Option<u16>) -> String {
        let mut out = Vec::new();
        let style = Style { colour, width };
        TableFormat.render(document, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn widest(text: &str) -> usize {
        text.lines().map(width).max().unwrap()
    }

    #[test]
    fn a_document_as_wide_as_it_needs_to_be() {
        let expected = "\
Sample of tables
as of 2023-06-01, as known at record 12

Commitments
id  text               parties              count  due
──────────────────────────────────────────────────────────
C1  abrir el paso ↵ 2  colombia, venezuela      4  overdue
C2  国境での会談       –                       12  later
(nothing under: last heard)

Rates
none

Notes
- the year is inferred
";
        assert_eq!(drawn(&sample(), false, None), expected);
    }

    #[test]
    fn sections_follow_one_another() {
        let document = Document {
            title: "Both".into(),
            sections: vec![sample(), sample()],
            ..Document::default()
        };
        let one = drawn(&sample(), false, None);
        let expected = format!("Both\n\n\n{one}\n\n{one}");
        assert_eq!(drawn(&document, false, None), expected);
    }

    #[test]
    fn a_terminal_that_is_narrow_wraps() {
        let mut document = sample();
        document.tables.truncate(1);
        document.tables[0].rows[0][1] = Cell::text("abrir el paso de la frontera común, y más");
        let expected = "\
Sample of tables
as of 2023-06-01, as known at record 12

Commitments
id  text              parties    count  due
───────────────────────────────────────────────
C1  abrir el paso de  colombia,      4  overdue
    la frontera       venezuela
    común, y más
C2  国境での会談      –             12  later
(nothing under: last heard)

Notes
- the year is inferred
";
        assert_eq!(drawn(&document, false, Some(54)), expected);
    }

    #[test]
    fn a_terminal_too_narrow_for_columns_gets_blocks() {
        let mut document = sample();
        document.tables.truncate(1);
        let expected = "\
Sample of tables
as of 2023-06-01, as
known at record 12

Commitments
id       C1
text     abrir el paso ↵
         2
parties  colombia,
         venezuela
count    4
due      overdue

id       C2
text     国境での会談
count    12
due      later

(nothing under: last
heard)

Notes
- the year is inferred
";
        assert_eq!(drawn(&document, false, Some(24)), expected);
    }

    #[test]
    fn every_width_is_kept() {
        for columns in 0..20 {
            // Too narrow to keep to, but no reason to fall over.
            assert!(!drawn(&sample(), false, Some(columns)).is_empty());
        }
        for columns in 20..=140 {
            let drawn = drawn(&sample(), false, Some(columns));
            assert!(widest(&drawn) <= usize::from(columns), "{columns}: {drawn}");
            assert!(
                drawn.lines().all(|line| line.trim_end() == line),
                "{columns}"
            );
        }
    }

    #[test]
    fn any_script_is_aligned_by_the_columns_that_it_takes() {
        // Wide characters take two columns; combining marks and joiners none.
        for (text, columns) in [
            ("Cúcuta", 6),
            ("Cu\u{301}cuta", 6),
            ("国境での会談", 12),
            ("اتفاق", 5),
            ("한국", 4),
            ("🤝", 2),
        ] {
            assert_eq!(width(text), columns, "{text}");
        }
        let mut document = Document::default();
        let mut table = Table::new("names", "Names", &["name", "mark"]);
        for name in ["Cu\u{301}cuta", "国境", "اتفاق", "समझौता", "🤝"] {
            table.rows.push(vec![Cell::text(name), Cell::text("|")]);
        }
        document.tables.push(table);
        let text = drawn(&document, false, None);
        let places: Vec<usize> = text
            .lines()
            .filter_map(|line| line.split_once('|'))
            .map(|(before, _)| width(&before.replace(' ', ".")))
            .collect();
        assert_eq!(places.len(), 5, "{text}");
        assert!(places.iter().all(|place| *place == places[0]), "{text}");
    }

    #[test]
    fn colour_changes_no_text_and_is_off_unless_asked_for() {
        let plain = drawn(&sample(), false, Some(80));
        let coloured = drawn(&sample(), true, Some(80));
        assert!(!plain.contains('\u{1b}'));
        assert!(coloured.contains("\u{1b}[31moverdue\u{1b}[0m"));
        assert!(coloured.contains("\u{1b}[1mCommitments\u{1b}[0m"));
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
    }

    #[test]
    fn no_text_plays_with_the_terminal() {
        let mut document = sample();
        document.title = "a\u{1b}[2Jb".into();
        document.tables[0].rows[0][1] = Cell::text("x\u{202e}y\u{2063}z\r\n\tw");
        document.notes = vec!["one\ntwo\u{7}".into()];
        let drawn = drawn(&document, true, None);
        assert!(drawn.contains("a\\u{1b}[2Jb"), "{drawn}");
        assert!(
            drawn.contains("x\\u{202e}y\\u{2063}z\\u{d} ↵  w"),
            "{drawn}"
        );
        assert!(drawn.contains("- one ↵ two\\u{7}"), "{drawn}");
    }
}
