//! Search: the records whose texts have some words.

use std::sync::Arc;

use servanda_core::event::Event;
use servanda_core::value::id::Seq;
use servanda_core::view::View;

use super::cell::Cell;
use super::cells;
use super::document::{Document, Report, Row, Table};
use super::flow::Flow;
use super::question::Question;
use super::select;
use super::texts::{name, texts};
use super::words::Wanted;
use crate::parallel::{self, Scope};

/// The records whose texts have all words of [`Question::words`], newest first. Texts are searched as they read today;
/// what is withheld is not.
#[derive(Debug, Clone, Copy)]
pub struct Search;

/// The characters of a text that are shown.
const EXCERPT: usize = 160;

const COLUMNS: &[&str] = &["record", "on", "event", "about", "field", "text", "flags"];

impl Report for Search {
    fn name(&self) -> &'static str {
        "search"
    }

    fn about(&self) -> &'static str {
        "The records whose texts have some words, newest first"
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let chosen = select::Records::new(view, question);
        let state = view.state;
        let is_asked = |seq: &Seq| {
            state.kind(*seq).is_some()
                && chosen.includes(state, *seq)
                && select::within_occurred(view, *seq, question)
        };
        let kept = question.kept.texts.as_ref();
        let stretches = kept.and_then(|texts| texts.stretches(view, &question.words));
        let stretches = stretches.unwrap_or_else(|| std::iter::once(0..state.count()).collect());
        let records = stretches.into_iter().rev().flat_map(Iterator::rev);
        let records: Arc<[Seq]> = records.map(Seq).filter(is_asked).collect();
        let (view, words) = (*view, question.words.clone());
        let rows = Flow::uncounted(move || {
            let (records, wanted) = (records.clone(), Wanted::new(&words));
            let count = records.len();
            parallel::ordered(&view, count, move |scope, at| {
                row(scope, records[at], &wanted)
            })
            .flatten()
        });
        let words = question.words.join("”, “");
        let mut document = Document::new(
            self.name(),
            format!("Records that have “{words}”"),
            &view,
            question,
        );
        let table = Table::new("records", "Records", COLUMNS)
            .lead(&["record", "text", "about", "on", "field"])
            .or("no record has that");
        document.tables.push(table.with(rows));
        if let Some(limit) = question.limit {
            document.tables[0].rows.truncate(limit);
        }
        document
    }
}

fn row(scope: &Scope<'_>, seq: Seq, wanted: &Wanted) -> Option<Row> {
    let (view, state) = (&scope.view, scope.view.state);
    let held = state.held(seq).filter(|held| held.redacted.is_none())?;
    let event = &held.entry.event;
    let texts = texts(event);
    if !wanted.stand_in(texts.iter().map(|(_, text)| text.as_str())) {
        return None;
    }
    let found = texts.iter().filter(|(_, text)| wanted.touch(text));
    let mut fields: Vec<&str> = found.clone().map(|(field, _)| *field).collect();
    fields.dedup();
    let first = found
        .clone()
        .next()
        .map(|(_, text)| wanted.excerpt(text, EXCERPT));
    Some(vec![
        cells::record(seq),
        cells::on(view, seq),
        Cell::text(event.kind()),
        Cell::List(about(event)),
        Cell::list(fields),
        Cell::maybe(first),
        Cell::List(cells::flags(state, seq)),
    ])
}

/// The ids of what an event defines, or else names in its own fields.
fn about(event: &Event) -> Vec<String> {
    if let Some(defined) = event.defines() {
        return vec![name(defined)];
    }
    let mut about = Vec::new();
    event.each_reference(|field, reference| {
        let is_own = event
            .kind()
            .spec()
            .fields
            .iter()
            .any(|spec| spec.name == field);
        if is_own {
            about.push(name(reference));
        }
    });
    about
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn search(history: &History, words: &[&str]) -> Document<'static> {
        let question = Question {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            ..Question::default()
        };
        history.ask(&Search, "2024-01-01", &question)
    }

    #[test]
    fn all_texts_are_searched_and_withheld_ones_are_not() {
        let mut history = communique();
        history.on("2023-06-02").say_all(&[
            "note | text=José said that the Bridge is closed | about=C1",
            "statement | text=the bridge of a name that must not stand here | by=velasquez | about=C2",
            "redaction | record=16 | reason=personal data | authority=court order 7",
        ]);
        let found = search(&history, &["bridge"]);
        let rows = columns(
            &found,
            "records",
            &["record", "event", "about", "field", "text"],
        );
        assert_eq!(
            rows,
            [[
                "15",
                "note",
                "C1",
                "text",
                "José said that the Bridge is closed"
            ]]
        );
        assert_eq!(
            column(&search(&history, &["jose", "BRIDGE"]), "records", "record"),
            ["15"]
        );
        assert!(column(&search(&history, &["jose", "river"]), "records", "record").is_empty());
    }

    #[test]
    fn an_entity_is_found_by_its_id_and_not_wherever_it_is_named() {
        let history = communique();
        let found = search(&history, &["colombia"]);
        let rows = columns(&found, "records", &["event", "about", "field"]);
        assert!(
            rows.iter()
                .any(|row| row[0] == "party" && row[1] == "colombia" && row[2].contains("id"))
        );
        assert!(rows.iter().all(|row| row[0] != "status"), "{rows:?}");
    }
}
