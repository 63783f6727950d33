//! Cells as a page has them: with names for ids, links to the rows of what they name, and recurrence in words.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use maud::{Markup, html};

use servanda_core::state::EntityKind;
use servanda_core::value::id::Slug;

use super::super::text::{recurrence, says_something, yes_or_no};
use super::text::{is_date, shown, toned};
use crate::report::Cell;
use crate::report::about::About;

/// Columns whose texts are ids, or begin with one, and are shown by name. The id of a row itself is shown as it is: the name
/// stands beside it.
const NAMING: &[&str] = &[
    "agreement",
    "commitment",
    "party",
    "parties",
    "debtors",
    "creditors",
    "about",
    "by",
    "source",
    "sources",
    "parent",
    "repeats",
    "repeats_what",
    "differs",
    "succeeds",
    "succeeded_by",
    "roles",
    "value",
    "before",
    "after",
];

/// Columns whose numbers are records.
const RECORDS: &[&str] = &["record", "records", "set_by", "seq"];

/// Most characters of a title that stands for an id.
const TITLE: usize = 48;

/// Whether a column shows names, which may be longer than what stands in its cells.
pub(super) fn shows_names(column: &str) -> bool {
    NAMING.contains(&column)
}

/// Makes cells of what a ledger names.
pub(super) struct Cells<'d> {
    about: About<'d>,
    /// What has a row of its own in the page: the anchors of those rows.
    homes: HashSet<String>,
    names: RefCell<HashMap<Slug, Option<String>>>,
}

/// The anchor of the row of an entity.
pub(super) fn anchor_of(id: &str) -> String {
    format!("id-{id}")
}

/// The anchor of the row of a record.
pub(super) fn anchor_of_record(number: i64) -> String {
    format!("record-{number}")
}

impl<'d> Cells<'d> {
    /// Cells of what a ledger names, in a page that has rows with these anchors.
    pub(super) fn new(about: About<'d>, homes: HashSet<String>) -> Self {
        Self {
            about,
            homes,
            names: RefCell::default(),
        }
    }

    /// What stands in a cell.
    pub(super) fn content(&self, column: &str, cell: &Cell) -> Markup {
        if !says_something(cell) {
            return html! { "–" };
        }
        match cell {
            Cell::None => html! {},
            Cell::Text(text) => html! {
                @for (at, line) in text.lines().enumerate() { @if at > 0 { br; } (self.text(column, line)) }
            },
            Cell::Word(word, tone) => toned(word, *tone),
            Cell::Number(number) if RECORDS.contains(&column) => {
                self.link(&anchor_of_record(*number), html! { (number) })
            }
            Cell::Number(number) => html! { (number) },
            Cell::Flag(flag) => html! { (yes_or_no(*flag)) },
            Cell::List(texts) => html! {
                @for (at, text) in texts.iter().enumerate() { @if at > 0 { ", " } bdi { (self.text(column, text)) } }
            },
        }
    }

    /// Something as a link to a row, if the page has it.
    fn link(&self, anchor: &str, content: Markup) -> Markup {
        match self.homes.contains(anchor) {
            true => html! { a href=(format!("#{anchor}")) { (content) } },
            false => content,
        }
    }

    fn text(&self, column: &str, text: &str) -> Markup {
        if column == "id" {
            return self.link(&anchor_of(text), html! { (shown(text)) });
        }
        if !shows_names(column) {
            return self.words(text);
        }
        if let Some((kind, id)) = self.about.named(text) {
            return self.entity(kind, &id);
        }
        let end = text.find([':', ' ', '=']);
        let head = end.and_then(|end| Some((self.about.named(&text[..end])?, &text[end..])));
        match head {
            Some(((kind, id), rest)) => html! { (self.entity(kind, &id)) (self.words(rest)) },
            None => self.words(text),
        }
    }

    /// What an id names: its name, with the id small beside it unless they are the same.
    fn entity(&self, kind: EntityKind, id: &Slug) -> Markup {
        let name = self.name_of(kind, id);
        let anchor = anchor_of(id.as_str());
        match name {
            None => self.link(&anchor, html! { (id) }),
            Some(name) => {
                let is_same = name.eq_ignore_ascii_case(id.as_str());
                let short = shortened(&name);
                let title = (short != name).then(|| shown(&name));
                let link = self.link(&anchor, html! { (shown(&short)) });
                html! {
                    @if let Some(title) = title { span title=(title) { (link) } } @else { (link) }
                    @if !is_same { " " small.id { (id) } }
                }
            }
        }
    }

    fn name_of(&self, kind: EntityKind, id: &Slug) -> Option<String> {
        if let Some(found) = self.names.borrow().get(id) {
            return found.clone();
        }
        let name = self.about.name_of(kind, id);
        self.names.borrow_mut().insert(id.clone(), name.clone());
        name
    }

    /// A line in which no date is broken, rules are in words, and words that are ids with a digit are links.
    fn words(&self, line: &str) -> Markup {
        html! {
            @for (at, word) in line.split(' ').enumerate() { @if at > 0 { " " } (self.word(word)) }
        }
    }

    fn word(&self, word: &str) -> Markup {
        if is_date(word) {
            return html! { span.day { (shown(word)) } };
        }
        if let Some(rule) = recurrence(word) {
            return html! { (shown(&rule)) };
        }
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let has_digit = bare.bytes().any(|byte| byte.is_ascii_digit());
        let anchor = anchor_of(bare);
        match word.split_once(bare) {
            Some((before, after)) if has_digit && self.homes.contains(&anchor) => {
                html! { (shown(before)) (self.link(&anchor, html! { (shown(bare)) })) (shown(after)) }
            }
            _ => html! { (shown(word)) },
        }
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= TITLE {
        return name.to_owned();
    }
    let cut: String = name.chars().take(TITLE - 1).collect();
    format!("{}…", cut.trim_end())
}
