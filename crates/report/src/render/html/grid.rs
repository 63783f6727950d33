//! Tables as a page has them: the columns that fit, the others under the text of their row, an anchor for each row, and what
//! signs mean beside the table that has them.

use std::borrow::Cow;
use std::collections::HashSet;

use maud::{Markup, html};

use super::super::text::{says_something, spaced};
use super::cells::{Cells, anchor_of, anchor_of_record, shows_names};
use super::text::legend;
use crate::report::about::About;
use crate::report::{Cell, Row, Table, Tone};

/// Characters of a row that a phone shows.
const PHONE: usize = 46;

/// Characters of a row that a page of 1280 pixels shows.
const DESKTOP: usize = 138;

/// Characters that a text is given, if nothing else needs the room.
const TEXT: usize = 44;

/// Characters that any other cell is given in a line.
const CELL: usize = 22;

/// Columns that stay columns in every table that has them.
const STAY: &[&str] = &["id", "record", "flags"];

/// The rows of a table that a page shows, and how they are shown.
pub(super) struct Grid<'t> {
    pub(super) table: &'t Table<'t>,
    pub(super) rows: Vec<Cow<'t, Row>>,
    /// How many rows there are, where not all are shown.
    pub(super) all: Option<usize>,
    columns: Vec<Column>,
    /// Anchors of the rows.
    anchors: Vec<String>,
}

/// A column in which something stands.
struct Column {
    at: usize,
    needs: usize,
    is_numeric: bool,
    has_words: bool,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Column,
    /// The one with the longest texts, under which others stand.
    Text,
    /// Under the text.
    Folded,
}

impl<'t> Grid<'t> {
    /// The first rows of a table, at most so many, and its columns.
    pub(super) fn new(table: &'t Table<'t>, most: usize, about: About<'_>) -> Self {
        let mut made = table.rows.iter();
        let rows: Vec<Cow<'t, Row>> = made.by_ref().take(most).collect();
        let is_cut = made.next().is_some();
        drop(made);
        let mut grid = Self {
            columns: columns(table, &rows, about),
            all: is_cut.then(|| table.rows.len()),
            table,
            rows,
            anchors: Vec::new(),
        };
        grid.fold();
        grid
    }

    /// Puts columns under the text until the others fit, the last ones first.
    fn fold(&mut self) {
        let table = self.table;
        let texts = || {
            let all = self.columns.iter().enumerate().skip(1);
            all.filter(|(_, column)| !column.is_numeric && !column.has_words)
        };
        let leads = |column: &Column| table.lead.contains(&table.columns[column.at]);
        let widest = |(place, column): &(usize, &Column)| (column.needs, usize::MAX - place);
        let leading = texts()
            .filter(|(_, column)| leads(column))
            .max_by_key(widest);
        let widest = leading.or_else(|| texts().max_by_key(widest));
        let Some((host, _)) = widest else { return };
        self.columns[host].place = Place::Text;
        let may_fold = |place: usize, column: &Column| {
            let name = table.columns[column.at];
            let is_kept = place == 0 || place == host || column.has_words || STAY.contains(&name);
            !is_kept && !table.lead.contains(&name)
        };
        for place in (0..self.columns.len()).rev() {
            if self.width() <= DESKTOP {
                return;
            }
            if may_fold(place, &self.columns[place]) {
                self.columns[place].place = Place::Folded;
            }
        }
    }

    /// Characters that the columns need side by side.
    fn width(&self) -> usize {
        let side_by_side = self
            .columns
            .iter()
            .filter(|column| column.place != Place::Folded);
        side_by_side.map(|column| column.needs + 2).sum()
    }

    /// Gives each row its anchor; the first row of what has an id or a number has the anchor of that.
    pub(super) fn anchor(&mut self, prefix: &str, about: About<'_>, homes: &mut HashSet<String>) {
        let place = |name: &str| self.table.columns.iter().position(|column| *column == name);
        let (id, record) = (place("id"), place("record"));
        let mut taken = HashSet::new();
        let anchors = self.rows.iter().enumerate().map(|(at, row)| {
            let home = match (id.map(|id| &row[id]), record.map(|record| &row[record])) {
                (Some(Cell::Text(text)), _) => {
                    about.named(text).map(|(_, id)| anchor_of(id.as_str()))
                }
                (None, Some(Cell::Number(number))) => Some(anchor_of_record(*number)),
                _ => None,
            };
            match home {
                Some(home) if homes.insert(home.clone()) => home,
                Some(home) if taken.insert(home.clone()) => format!("{prefix}-{home}"),
                _ => format!("{prefix}-row-{}", at + 1),
            }
        });
        self.anchors = anchors.collect();
    }

    /// The table; `label` names it among all tables of the page.
    pub(super) fn markup(&self, cells: &Cells<'_>, label: &str) -> Markup {
        let shown = || {
            self.columns
                .iter()
                .filter(|column| column.place != Place::Folded)
        };
        html! {
            div.scroll role="region" aria-label=(label) tabindex="0" {
                table role="table" class=[(self.phone() > PHONE).then_some("wide")] {
                    caption dir="auto" { (super::text::shown(&self.table.title)) }
                    thead role="rowgroup" {
                        tr role="row" {
                            @for column in shown() {
                                th scope="col" role="columnheader" class=[class(column, false)] { (spaced(self.table.columns[column.at])) }
                            }
                        }
                    }
                    tbody role="rowgroup" {
                        @for (row, anchor) in self.rows.iter().zip(&self.anchors) { (self.row(cells, row, anchor)) }
                    }
                }
            }
            @if let Some(legend) = legend(|tone| self.has(tone)) { p.legend { (legend) } }
            @if let Some(all) = self.all { p.cut { (cut(self.rows.len(), all)) } }
        }
    }

    /// Characters of a row, all of it.
    fn phone(&self) -> usize {
        self.columns.iter().map(|column| column.needs).sum()
    }

    fn row(&self, cells: &Cells<'_>, row: &Row, anchor: &str) -> Markup {
        let shown = self
            .columns
            .iter()
            .filter(|column| column.place != Place::Folded);
        html! {
            tr role="row" id=(anchor) {
                @for (place, column) in shown.enumerate() {
                    @let name = self.table.columns[column.at];
                    @let class = class(column, !says_something(&row[column.at]));
                    @let content = html! { span dir="auto" { (cells.content(name, &row[column.at])) @if column.place == Place::Text { (self.folded(cells, row)) } } };
                    @if place == 0 { th scope="row" role="rowheader" data-name=(spaced(name)) class=[class] { (content) } }
                    @else { td role="cell" data-name=(spaced(name)) class=[class] { (content) } }
                }
            }
        }
    }

    /// What stands under the text of a row.
    fn folded(&self, cells: &Cells<'_>, row: &Row) -> Markup {
        let folded = self
            .columns
            .iter()
            .filter(|column| column.place == Place::Folded);
        let mut said = folded.filter(|column| tells(&row[column.at])).peekable();
        if said.peek().is_none() {
            return html! {};
        }
        html! {
            span.more {
                @for column in said {
                    @let name = self.table.columns[column.at];
                    span { (spaced(name)) ": " (cells.content(name, &row[column.at])) } " "
                }
            }
        }
    }

    /// Whether a word of a tone is shown.
    fn has(&self, tone: Tone) -> bool {
        let cells = self.rows.iter().flat_map(|row| row.iter());
        cells
            .into_iter()
            .any(|cell| matches!(cell, Cell::Word(_, of) if *of == tone))
    }
}

/// The columns in which something stands. One of zeros alone says nothing.
fn columns(table: &Table<'_>, rows: &[Cow<'_, Row>], about: About<'_>) -> Vec<Column> {
    // A party is shown by its name.
    let has_party = table.columns.contains(&"party");
    // A share says how many it is of how many.
    let share = table.columns.iter().position(|column| *column == "share");
    let has_shares = share.is_some_and(|at| rows.iter().all(|row| tells(&row[at])));
    let is_said = |at: &usize| match table.columns[*at] {
        "name" => !has_party,
        "count" | "of" => !has_shares,
        _ => true,
    };
    let told = (0..table.columns.len()).filter(|at| rows.iter().any(|row| tells(&row[*at])));
    let is_named = |cell: &Cell| match cell {
        Cell::Text(text) => about.named(text).is_some(),
        Cell::List(texts) => texts.iter().any(|text| about.named(text).is_some()),
        _ => false,
    };
    let column = |at: usize| {
        let of = || rows.iter().map(|row| &row[at]);
        let header = table.columns[at]
            .split('_')
            .map(str::len)
            .max()
            .unwrap_or_default();
        let longest = of().map(length).max().unwrap_or_default();
        let has_names = shows_names(table.columns[at]) && of().take(10).any(is_named);
        let longest = if has_names {
            longest.max(CELL)
        } else {
            longest
        };
        let has_words = of().any(|cell| matches!(cell, Cell::Word(..)));
        let room = if has_words { longest + 2 } else { longest };
        let most = if longest > 3 * CELL { TEXT } else { CELL };
        Column {
            at,
            needs: room.min(most).max(header),
            is_numeric: of().all(|cell| matches!(cell, Cell::Number(_) | Cell::None)),
            has_words,
            place: Place::Column,
        }
    };
    told.filter(is_said).map(column).collect()
}

/// Whether a cell tells something that is not a plain no.
fn tells(cell: &Cell) -> bool {
    !matches!(cell, Cell::Number(0) | Cell::Flag(false)) && says_something(cell)
}

/// Characters of a cell.
fn length(cell: &Cell) -> usize {
    let chars = |text: &String| text.chars().count();
    match cell {
        Cell::None | Cell::Flag(_) => 3,
        Cell::Text(text) | Cell::Word(text, _) => chars(text),
        Cell::Number(number) => number.to_string().len(),
        Cell::List(texts) => texts.iter().map(|text| chars(text) + 2).sum(),
    }
}

fn class(column: &Column, is_nothing: bool) -> Option<&'static str> {
    match column.place {
        _ if is_nothing => Some("nothing"),
        _ if column.is_numeric => Some("number"),
        Place::Text if column.needs >= TEXT => Some("text"),
        _ => None,
    }
}

/// What is said under the rows that are shown, where there are more.
fn cut(shown: usize, all: usize) -> String {
    format!(
        "The first {shown} of {all} rows. The csv, json and xlsx formats of this report have all of them, and so have the pages of a server of the ledger."
    )
}
