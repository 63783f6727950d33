//! Tables of reports as parts of a page: with links, and sorted by a click on a column.

use maud::{Markup, html};

use servanda_core::rules::Known as _;
use servanda_core::state::{EntityKind, State};
use servanda_core::value::id::{PartyId, Slug};
use servanda_core::view::sentences::Sentences;
use servanda_report::report::{Cell, Row, Table, Tone};

use crate::ask::Asked;
use crate::query::Query;
use crate::words::{capital, spaced};

/// Characters of a row that a phone shows.
const PHONE: usize = 46;

/// Columns whose numbers are records.
const RECORDS: &[&str] = &["record", "set_by", "recorded_by_record", "seq"];

/// Makes tables of what a state names.
pub struct Tables<'s> {
    state: &'s State,
    sentences: Sentences<'s>,
    /// What is added to each link: both clocks.
    clocks: String,
    /// Columns that are left out.
    hidden: &'static [&'static str],
}

/// The first columns of a table of facts about one thing: its rows need no heading.
const FACTS: [&str; 2] = ["field", "value"];

/// The list that a table stands in, whose columns sort it.
pub struct Sorted<'q> {
    /// The path of the list.
    pub path: &'q str,
    /// How it is asked now.
    pub query: &'q Query,
}

/// The path of the page of an entity.
pub fn path_of(kind: EntityKind, id: &Slug) -> String {
    match kind {
        EntityKind::Party => format!("/parties/{id}"),
        EntityKind::Source => format!("/sources/{id}"),
        EntityKind::Agreement => format!("/agreements/{id}"),
        EntityKind::Commitment => format!("/commitments/{id}"),
        EntityKind::Recorder => format!("/log?q={id}"),
    }
}

impl<'s> Tables<'s> {
    /// Tables of what the state of a question names, with links that keep both clocks.
    pub fn new(asked: &'s Asked<'_>, clocks: &str) -> Self {
        let state = &*asked.state;
        Self {
            state,
            sentences: Sentences::with(state, asked.question.kept.names.clone()),
            clocks: clocks.to_owned(),
            hidden: &[],
        }
    }

    /// The same without some columns.
    pub fn without(self, hidden: &'static [&'static str]) -> Self {
        Self { hidden, ..self }
    }

    /// A table of these rows; its title is for those who hear it where the page has shown it.
    pub fn table(
        &self,
        table: &Table<'_>,
        rows: &[Row],
        sorted: Option<&Sorted<'_>>,
        is_titled: bool,
    ) -> Markup {
        if rows.is_empty() {
            return html! {
                @if !is_titled { h2 { (table.title) } }
                p.empty { (capital(table.empty)) "." }
            };
        }
        let says = |at: usize| {
            let is_hidden = self.hidden.contains(&table.columns[at]);
            !is_hidden && rows.iter().any(|row| says_something(&row[at]))
        };
        let shown: Vec<usize> = (0..table.columns.len()).filter(|at| says(*at)).collect();
        let width = |at: usize| {
            rows.iter()
                .map(|row| length(&row[at]))
                .max()
                .unwrap_or(0)
                .max(table.columns[at].len())
        };
        let is_wide = shown.iter().map(|at| width(*at)).sum::<usize>() > PHONE;
        let form = match (table.columns.starts_with(&FACTS), is_wide) {
            (true, _) => Some("facts"),
            (false, true) => Some("wide"),
            (false, false) => None,
        };
        html! {
            div.scroll role="region" aria-label=(table.title) tabindex="0" {
                table role="table" class=[form] {
                    caption class=[is_titled.then_some("unseen")] { (table.title) }
                    thead role="rowgroup" {
                        tr role="row" {
                            @for at in &shown {
                                th scope="col" role="columnheader" class=[is_numeric(rows, *at).then_some("number")] aria-sort=[sorted.and_then(|sorted| order(sorted, table.columns[*at]))] {
                                    (heading(table.columns[*at], sorted))
                                }
                            }
                        }
                    }
                    tbody role="rowgroup" { @for row in rows { (self.row(table, row, &shown)) } }
                }
            }
        }
    }

    fn row(&self, table: &Table<'_>, row: &Row, shown: &[usize]) -> Markup {
        html! {
            tr role="row" {
                @for (place, at) in shown.iter().enumerate() {
                    @let (name, cell) = (table.columns[*at], &row[*at]);
                    @let class = match (says_something(cell), cell) {
                        (false, _) => Some("nothing"),
                        (true, Cell::Number(_)) => Some("number"),
                        _ => None,
                    };
                    @if place == 0 {
                        th scope="row" role="rowheader" data-name=(spaced(name)) class=[class] { span dir="auto" { (self.cell(name, cell)) } }
                    } @else {
                        td role="cell" data-name=(spaced(name)) class=[class] { span dir="auto" { (self.cell(name, cell)) } }
                    }
                }
            }
        }
    }

    fn cell(&self, column: &str, cell: &Cell) -> Markup {
        if !says_something(cell) {
            return html! { "–" };
        }
        match cell {
            Cell::None => html! {},
            Cell::Text(text) if matches!(column, "field" | "what") && !text.contains(' ') => {
                html! { (spaced(text)) }
            }
            // A flag of an event, as the event writes it.
            Cell::Text(text) if text == "true" && column == "value" => html! { "yes" },
            Cell::Text(text) => html! {
                @for (at, line) in text.lines().enumerate() { @if at > 0 { br; } (self.text(line, column == "id")) }
            },
            Cell::Word(word, tone) => tone_word(word, *tone),
            Cell::Number(number) if RECORDS.contains(&column) => html! {
                a href={ "/records/" (number) (self.clocks) } { (number) }
            },
            Cell::Number(number) => html! { (number) },
            Cell::Flag(flag) => html! { (if *flag { "yes" } else { "no" }) },
            Cell::List(texts) => html! {
                @for (at, text) in texts.iter().enumerate() { @if at > 0 { ", " } bdi { (self.item(column, text)) } }
            },
        }
    }

    /// A text of several.
    fn item(&self, column: &str, text: &str) -> Markup {
        match (column, text.strip_prefix("inferred ")) {
            ("records", _) => self.record(text),
            // The names of fields are not words for readers.
            ("flags", Some("on")) => html! { "date inferred" },
            ("flags", Some(fields)) => html! { (spaced(fields)) " inferred" },
            _ => self.text(text, false),
        }
    }

    /// The number of a record, as a link.
    fn record(&self, number: &str) -> Markup {
        html! { a href={ "/records/" (number) (self.clocks) } { (number) } }
    }

    /// A text, as a link where it names something: by its id, or by its id before a colon.
    fn text(&self, text: &str, is_id: bool) -> Markup {
        if let Some((id, kind)) = self.named(text) {
            let path = path_of(kind, &id);
            let name = match (is_id, kind) {
                (false, EntityKind::Party) => Some(self.sentences.name(&PartyId(id))),
                _ => None,
            };
            return html! { a href={ (path) (self.clocks) } title=(text) { (name.as_deref().unwrap_or(text)) } };
        }
        let end = text.find(':');
        let head = end.and_then(|end| Some((self.named(&text[..end])?, text.split_at(end))));
        match head {
            Some(((id, kind), (head, rest)))
                if rest.starts_with(':') || kind != EntityKind::Party =>
            {
                html! { a href={ (path_of(kind, &id)) (self.clocks) } { (head) } (self.words(rest)) }
            }
            _ => self.words(text),
        }
    }

    /// A line in which no date is broken, and words that are ids with a digit are links: `C1`, `A2`, and the number in `record
    /// 12` and `corrected by 12`.
    fn words(&self, line: &str) -> Markup {
        const MENDED: [&str; 3] = ["corrected", "retracted", "redacted"];
        let mut before = ["", ""];
        let words = line.split(' ').map(|word| {
            let names_record = match before {
                [_, "record"] => true,
                [mended, "by"] => MENDED.contains(&mended),
                _ => false,
            };
            before = [before[1], word];
            let number: Option<u64> = word.parse().ok().filter(|_| names_record);
            match number.is_some_and(|number| number < self.state.count()) {
                true => self.record(word),
                false => self.word(word),
            }
        });
        html! {
            @for (at, word) in words.enumerate() { @if at > 0 { " " } (word) }
        }
    }

    fn word(&self, word: &str) -> Markup {
        let is_year = |word: &str| word.as_bytes()[..4].iter().all(u8::is_ascii_digit);
        if word.len() >= 7 && word.as_bytes()[4] == b'-' && is_year(word) {
            // Of a time the day and the minute: all of it is in the record.
            let time = word.strip_suffix('Z').and_then(|word| word.split_once('T'));
            // Between two dates.
            if let Some((from, to)) = word
                .split_once('/')
                .filter(|(_, to)| to.len() >= 4 && is_year(to))
            {
                return html! { span.day { (from) } " to " span.day { (to) } };
            }
            return match time {
                Some((day, time)) => {
                    html! { span.day title=(word) { (day) " " (time.get(..5).unwrap_or(time)) } }
                }
                None => html! { span.day { (word) } },
            };
        }
        let is_mark = |c: char| !c.is_alphanumeric();
        let bare = word.trim_matches(is_mark);
        let has_digit = bare.bytes().any(|byte| byte.is_ascii_digit());
        let named = self
            .named(bare)
            .filter(|(_, kind)| has_digit && *kind != EntityKind::Party);
        match (named, word.split_once(bare)) {
            (Some((id, kind)), Some((before, after))) => {
                html! { (before) a href={ (path_of(kind, &id)) (self.clocks) } { (bare) } (after) }
            }
            _ => html! { (word) },
        }
    }

    fn named(&self, text: &str) -> Option<(Slug, EntityKind)> {
        let id: Slug = text.parse().ok()?;
        let (kind, _) = self.state.entity(&id)?;
        (kind != EntityKind::Recorder).then_some((id, kind))
    }
}

/// A word with its tone: shown by a sign and by colour, never by colour alone.
pub fn tone_word(word: &str, tone: Tone) -> Markup {
    let (class, sign) = match tone {
        Tone::Plain => ("plain", ""),
        Tone::Faint => ("faint", ""),
        Tone::Good => ("good", "✓ "),
        Tone::Attention => ("attention", "! "),
        Tone::Bad => ("bad", "✕ "),
    };
    html! { span.word.(class) { @if !sign.is_empty() { span aria-hidden="true" { (sign) } } (word) } }
}

fn says_something(cell: &Cell) -> bool {
    match cell {
        Cell::None => false,
        // That nobody argues about it.
        Cell::Word(text, Tone::Faint) if text == "none" => false,
        Cell::Text(text) | Cell::Word(text, _) => !text.is_empty(),
        Cell::List(texts) => !texts.is_empty(),
        Cell::Number(_) | Cell::Flag(_) => true,
    }
}

fn is_numeric(rows: &[Row], at: usize) -> bool {
    rows.iter()
        .all(|row| matches!(row[at], Cell::Number(_) | Cell::None))
}

fn length(cell: &Cell) -> usize {
    match cell {
        Cell::None | Cell::Flag(_) => 3,
        Cell::Text(text) | Cell::Word(text, _) => text.chars().count(),
        Cell::Number(number) => number.to_string().len(),
        Cell::List(texts) => texts.iter().map(|text| text.chars().count() + 2).sum(),
    }
}

fn order(sorted: &Sorted<'_>, column: &str) -> Option<&'static str> {
    match sorted.query.get("sort") {
        Some(by) if by == column => Some("ascending"),
        Some(by) if by.strip_prefix('-') == Some(column) => Some("descending"),
        _ => None,
    }
}

fn heading(column: &str, sorted: Option<&Sorted<'_>>) -> Markup {
    let name = spaced(column);
    let Some(sorted) = sorted else {
        return html! { (name) };
    };
    let (by, sign) = match order(sorted, column) {
        Some("ascending") => (format!("-{column}"), " ▲"),
        Some(_) => (column.to_owned(), " ▼"),
        None => (column.to_owned(), ""),
    };
    let query = sorted.query.with(&[("sort", &by), ("page", "")]);
    html! { a href={ (sorted.path) (query) } { (name) span aria-hidden="true" { (sign) } } }
}
