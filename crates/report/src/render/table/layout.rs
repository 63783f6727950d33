//! Where the cells of a table stand: beside one another, beneath their row, or once above all rows.

use super::super::format::Style;
use super::super::survey::{Column, Extent, Survey};
use super::super::text::{says_something, spaced};
use super::cells::{narrow, shown_as, width, wrapped};
use crate::report::{Cell, Row, Table};

/// Spaces between two columns.
const GAP: usize = 2;

/// In how many columns prose is easily read: texts that have five words or more for every two rows. It takes less than
/// that on a terminal that is not twice as wide. Any other column needs its longest word.
const READABLE: usize = 40;

/// The most columns that one word needs: a longer one is broken.
const WORD: usize = 24;

/// A text of no more characters than this is kept in one line.
const SHORT: usize = 12;

/// The spaces before what stands beneath a row whose first column is wider than [`INDENTED`].
const INDENT: usize = 4;
const INDENTED: usize = 10;

/// The most columns that a cell is padded to where no terminal bounds the lines.
const PADDED: usize = 120;

/// The columns of a table, and where they stand.
pub(super) struct Layout<'t> {
    pub survey: Survey<'t>,
    beside: Vec<Beside>,
    /// The places of the columns that stand beneath each row, and of those that stand once above all.
    beneath: Vec<usize>,
    once: Vec<usize>,
    /// The place of the column of times of which the day stands above its rows.
    days: Option<usize>,
    style: Style,
}

/// A column that has room.
struct Beside {
    /// The place of the column in its table.
    at: usize,
    header: String,
    width: usize,
    is_numeric: bool,
}

impl<'t> Layout<'t> {
    pub fn new(table: &'t Table<'t>, style: Style) -> Self {
        let survey = Survey::new(table, |cell| extent(&shown_as(cell, style)));
        let saying = survey.columns.iter().filter(|column| column.says);
        let mut rooms: Vec<Room> = saying
            .map(|column| {
                let header = extent(&spaced(table.columns[column.at]));
                Room::new(column, survey.rows, header, style.width)
            })
            .collect();
        let is_of_days = |at: usize| table.days == Some(table.columns[at]);
        // Times that are the same by chance are no reason for another layout.
        let is_same = |at: usize| survey.rows > 1 && !survey.columns[at].varies && !is_of_days(at);
        let all: usize = rooms.iter().map(|room| room.width + GAP).sum();
        if let Some(terminal) = style.width.map(usize::from) {
            let mut order: Vec<usize> = (0..rooms.len()).collect();
            if all > terminal + GAP {
                order.retain(|place| !is_same(rooms[*place].at));
            }
            order.sort_by_key(|place| {
                let name = table.columns[rooms[*place].at];
                let lead = table.lead.iter().position(|lead| *lead == name);
                lead.unwrap_or(usize::MAX)
            });
            if order.is_empty() {
                order.push(0);
            }
            give(&mut rooms, &order, terminal);
        }
        let (beside, without): (Vec<_>, Vec<_>) = rooms.into_iter().partition(|room| room.given);
        let without = without.into_iter().map(|room| room.at);
        let (once, mut beneath): (Vec<_>, Vec<_>) = without.partition(|at| is_same(*at));
        let days = beneath.iter().copied().find(|at| is_of_days(*at));
        beneath.retain(|at| Some(*at) != days);
        let beside = beside.into_iter().map(|room| Beside {
            at: room.at,
            header: spaced(table.columns[room.at]),
            width: room.width,
            is_numeric: survey.columns[room.at].is_numeric,
        });
        Self {
            beside: beside.collect(),
            beneath,
            once,
            days,
            style,
            survey,
        }
    }

    /// The header and the line under it.
    pub fn header(&self) -> Vec<String> {
        let headers = self.beside.iter().map(|column| column.header.clone());
        let mut lines = self.lines(headers.collect());
        let widths = self.beside.iter().map(|column| column.width);
        let gaps = GAP * self.beside.len().saturating_sub(1);
        lines.push("─".repeat(widths.sum::<usize>() + gaps));
        lines
    }

    /// A row, as far as its cells have room beside one another.
    pub fn row(&self, row: &Row) -> Vec<String> {
        let cells = self.beside.iter();
        self.lines(
            cells
                .map(|column| shown_as(&row[column.at], self.style))
                .collect(),
        )
    }

    /// The spaces before what stands beneath a row: the width of its first column, where that is narrow.
    pub fn indent(&self) -> usize {
        let first = self.beside.first().map_or(0, |column| column.width + GAP);
        if first > INDENTED { INDENT } else { first }
    }

    /// What a row says beside that.
    pub fn beneath(&self, row: &Row) -> Option<String> {
        self.named(&self.beneath, row)
    }

    /// The day of a row, where it stands above the rows of that day, after the name of the column.
    pub fn day(&self, row: &Row) -> Option<(&'static str, String)> {
        let at = self.days?;
        let time = shown_as(&row[at], self.style);
        let day = time.split('T').next().unwrap_or_default();
        says_something(&row[at]).then(|| (self.survey.table.columns[at], day.to_owned()))
    }

    /// What every row says beside that.
    pub fn said_once(&self) -> Option<String> {
        self.named(&self.once, self.survey.first.as_ref()?)
    }

    /// Those of the cells that say something, each with its name.
    fn named(&self, columns: &[usize], row: &Row) -> Option<String> {
        let said = columns.iter().map(|at| (*at, &row[*at]));
        let said =
            said.filter(|(_, cell)| says_something(cell) && !matches!(cell, Cell::Flag(false)));
        let said = said.map(|(at, cell)| {
            let name = spaced(self.survey.table.columns[at]);
            format!("{name}: {}", shown_as(cell, self.style))
        });
        let said: Vec<String> = said.collect();
        (!said.is_empty()).then(|| said.join(" · "))
    }

    /// Texts beside one another, each in the lines that it takes.
    fn lines(&self, texts: Vec<String>) -> Vec<String> {
        let columns = self.beside.iter().zip(texts);
        let is_bounded = self.style.width.is_some();
        let cells: Vec<Vec<String>> = columns
            .map(|(column, text)| wrapped(&text, is_bounded.then_some(narrow(column.width))))
            .collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        let line = |at: usize| {
            let mut line = String::new();
            for (column, lines) in self.beside.iter().zip(&cells) {
                let text = lines.get(at).map_or("", String::as_str);
                let padding = " ".repeat(column.width.saturating_sub(width(text)));
                if column.is_numeric {
                    line.push_str(&padding);
                    line.push_str(text);
                } else {
                    line.push_str(text);
                    line.push_str(&padding);
                }
                line.push_str(&" ".repeat(GAP));
            }
            line
        };
        (0..height).map(line).collect()
    }
}

/// The room that a column needs and has.
struct Room {
    at: usize,
    whole: usize,
    width: usize,
    given: bool,
}

impl Room {
    /// The least with which a column can do on a terminal, or all of it within bounds where there is none.
    fn new(column: &Column, rows: usize, header: Extent, terminal: Option<u16>) -> Self {
        let Extent { whole, word, .. } = column.extent;
        let width = match terminal.map(usize::from) {
            None => whole.max(header.whole).min(PADDED),
            Some(terminal) => {
                let least = if 2 * column.words >= 5 * rows {
                    READABLE.min(terminal / 2).min(whole)
                } else if whole <= SHORT {
                    whole
                } else {
                    word.min(WORD)
                };
                least.max(header.word).min(terminal)
            }
        };
        Self {
            at: column.at,
            whole: whole.max(header.whole).max(width),
            width,
            given: true,
        }
    }
}

/// Gives room to columns in this order, to the first in any case, to the others while there is enough, and to no other.
/// What is left goes to those that need more, first to those that need the least.
fn give(rooms: &mut [Room], order: &[usize], terminal: usize) {
    for room in rooms.iter_mut() {
        room.given = false;
    }
    let mut left = terminal + GAP;
    for (rank, place) in order.iter().enumerate() {
        let room = &mut rooms[*place];
        room.given = rank == 0 || room.width + GAP <= left;
        if room.given {
            left = left.saturating_sub(room.width + GAP);
        }
    }
    let mut given: Vec<&mut Room> = rooms.iter_mut().filter(|room| room.given).collect();
    given.sort_by_key(|room| room.whole - room.width);
    let count = given.len();
    for (place, room) in given.into_iter().enumerate() {
        let share = (left / (count - place)).min(room.whole - room.width);
        room.width += share;
        left -= share;
    }
}

/// The room that a text needs.
fn extent(text: &str) -> Extent {
    Extent {
        whole: width(text),
        word: text.split(' ').map(width).max().unwrap_or(0),
        words: text.split(' ').count(),
    }
}
