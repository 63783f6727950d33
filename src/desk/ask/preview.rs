//! What an event would say, and what it would change.

use chrono::NaiveDate;

use servanda_core::event::{Entry, Event};
use servanda_core::rules::Known;
use servanda_core::state::State;
use servanda_core::value::id::{Reference, Seq, Subject};
use servanda_core::value::when::Instant;
use servanda_core::view::View;
use servanda_core::view::sentences::Sentences;
use servanda_report::report::dossier::dossier;
use servanda_report::report::{Cell, Question};

/// The lines of a preview: the sentence, what stood before and what would stand after.
pub fn preview(state: &State, event: &Event, today: NaiveDate) -> Vec<String> {
    let seq = Seq(state.count());
    let mut after = state.clone();
    after.take(Entry {
        seq,
        recorded_at: Instant::end_of(today),
        event: event.clone(),
    });
    let mut lines = vec![format!(
        "{}: {}",
        event.kind(),
        Sentences::new(&after).of_event(event, seq)
    )];
    for (name, texts) in event.to_fields().iter() {
        lines.push(format!(
            "  {}: {}",
            name.replace('_', " "),
            texts.join("; ")
        ));
    }
    // A correction changes what its record defines.
    let about = event.target().and_then(|target| state.entry(target));
    let defined = about.and_then(|entry| entry.event.defines());
    let named = event.references().into_iter().map(|(_, named)| named);
    for subject in named.chain(defined).filter_map(entity).take(3) {
        let (old, new) = (rows(state, &subject, today), rows(&after, &subject, today));
        // Of what is new there was nothing before.
        if !old.is_empty() {
            lines.extend(changes(&subject, &old, &new));
        }
    }
    lines
}

/// The fields that say something else afterwards, a line each.
fn changes(subject: &Subject, old: &[Row], new: &[Row]) -> Vec<String> {
    let value = |rows: &[Row], field: &Field| {
        let found = rows.iter().find(|(other, _)| other == field);
        found.map_or_else(|| NOTHING.to_owned(), |(_, value)| value.clone())
    };
    let gone = old
        .iter()
        .filter(|(field, _)| !new.iter().any(|(other, _)| other == field));
    let fields = new.iter().chain(gone).map(|(field, _)| field);
    let changes = fields.filter_map(|field| {
        let (before, after) = (value(old, field), value(new, field));
        let name = field.1.replace('_', " ");
        (before != after).then(|| format!("  {subject} {name}: {before} before, {after} after"))
    });
    changes.collect()
}

fn entity(named: Reference<'_>) -> Option<Subject> {
    named.slug().cloned().map(Subject::Entity)
}

/// A field of a dossier, with the name of its table.
type Field = (&'static str, String);

/// A field, and what it says.
type Row = (Field, String);

/// What is said of a field that says nothing.
const NOTHING: &str = "nothing";

/// The fields of an entity as they stand, and its terms.
fn rows(state: &State, subject: &Subject, today: NaiveDate) -> Vec<Row> {
    let Subject::Entity(id) = subject else {
        return Vec::new();
    };
    if state.entity(id).is_none() {
        return Vec::new();
    }
    let view = View {
        state,
        as_of: today,
    };
    let question = Question::default();
    let Some(document) = dossier(&view, subject, &question) else {
        return Vec::new();
    };
    let pairs = document
        .tables
        .iter()
        .filter(|table| table.columns.starts_with(&["field", "value"]));
    let rows = pairs.flat_map(|table| {
        let rows = table.rows.iter().filter_map(|row| {
            let field = written(row.first()?);
            Some(((table.name, field), written(row.get(1)?)))
        });
        rows.collect::<Vec<_>>()
    });
    // How long ago something was is no change.
    rows.filter(|((_, field), _)| !matches!(field.as_str(), "flags" | "last_heard" | "silent"))
        .collect()
}

fn written(cell: &Cell) -> String {
    match cell {
        Cell::None => NOTHING.to_owned(),
        Cell::Text(text) | Cell::Word(text, _) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Flag(true) => "yes".to_owned(),
        Cell::Flag(false) => "no".to_owned(),
        Cell::List(texts) if texts.is_empty() => NOTHING.to_owned(),
        Cell::List(texts) => texts.join("; "),
    }
}
