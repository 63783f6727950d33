//! The events of tables, compared with those recorded before under the same import keys. Only new and changed events
//! are appended.
//!
//! Which of two values is newer is never guessed. The same bytes, imported again, are as old as they were the first time;
//! a table that states when it was published is older than one published later; any other table counts as newer than
//! what was recorded before it.

mod difference;
mod origin;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use self::difference::{Difference, says_the_same};
use self::origin::{Origin, Standing, published};
use super::mapper::{Earlier, File, Hashed, Key, MappedEvent, Remark};
use super::rules::Rules;
use servanda_core::event::{Event, Fact, Fields, Kind};
use servanda_core::ndjson::{Line, ParsedLine, ReferenceResolver};
use servanda_core::state::{EntityKind, State};
use servanda_core::value::base::excerpt;
use servanda_core::value::id::{Seq, Slug, Subject};
use servanda_core::value::unicode;

/// Counts of the comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events under new keys.
    pub new: usize,
    /// Events recorded before, without a change.
    pub unchanged: usize,
    /// Corrections of events recorded before.
    pub corrections: usize,
    /// Further events, where something new happened.
    pub further: usize,
    /// Changes that the rules ignore.
    pub kept: usize,
}

/// An event, and the number of the table that it comes from.
#[derive(Debug)]
pub struct TableEvent {
    /// The number of the table.
    pub table: usize,
    /// The event.
    pub event: MappedEvent,
}

/// A remark about a place, and the number of the table.
#[derive(Debug)]
pub struct TableRemark {
    /// The number of the table.
    pub table: usize,
    /// The place and the reason.
    pub remark: Remark,
}

/// What was last said under an import key.
enum Said {
    /// The event at this place of those to append.
    New(usize),
    /// The recorded event.
    Recorded,
    /// The recorded event with the changes of this import.
    Changed(Box<RowState>),
}

/// The event under an import key.
struct RowState {
    event: Event,
    /// The key of the last event of its row: the row's own, or with a number.
    key: String,
    /// The number of events of its row.
    count: usize,
    /// Its record; none if it is not recorded yet.
    seq: Option<Seq>,
}

/// The ledger as it will be after the events so far.
pub struct Known<'r> {
    state: &'r State,
    rules: &'r Rules,
    tables: Vec<Origin>,
    versions: HashMap<String, Vec<Slug>>,
    /// What the tables gave, by import key, and the table and line that gave it first.
    given: HashMap<Key, (usize, usize, Said), Hashed>,
    /// The events to append.
    pub events: Vec<TableEvent>,
    /// Values that were recorded before, and the new ones.
    pub changed: Vec<TableRemark>,
    /// Values of tables that are older than what stands.
    pub older: Vec<TableRemark>,
    /// The counts so far.
    pub tally: Tally,
}

impl<'r> Known<'r> {
    /// Starts from the state of a ledger.
    pub fn new(state: &'r State, rules: &'r Rules) -> Self {
        Self {
            state,
            rules,
            tables: Vec::new(),
            versions: versions(state),
            given: HashMap::default(),
            events: Vec::new(),
            changed: Vec::new(),
            older: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Begins a table; `source` is its first event. Gives the table's number.
    pub fn begin(
        &mut self,
        name: &str,
        file: &File,
        source: Option<&MappedEvent>,
        is_log: bool,
    ) -> usize {
        let mut origin = Origin {
            name: name.to_owned(),
            key: file.key(),
            source: None,
            recorded: None,
            published: None,
            is_log,
        };
        if let Some(event) = source
            && let ParsedLine::Event(registered) = &event.line.parsed
            && let Fact::SourceRegistered(fact) = &registered.fact
        {
            origin.source = Some(fact.id.0.clone());
            origin.published = fact.published;
            origin.recorded = self.state.imported(&event.key);
        }
        self.tables.push(origin);
        self.tables.len() - 1
    }

    /// Makes room for so many events.
    pub fn expect(&mut self, events: usize) {
        self.given.reserve(events);
        self.events.reserve(events);
    }

    /// Compares an event of a table with the one under its key, and adds the events to append.
    ///
    /// # Errors
    /// When the recorded event has another kind, or another table of this import says otherwise.
    pub fn take(&mut self, table: usize, made: MappedEvent) -> Result<(), Remark> {
        let key = made.key.clone();
        // Most events of a table are as they were recorded, or new.
        let (first, line, said) = match (self.given.entry(key.clone()), made.earlier) {
            (Entry::Occupied(given), _) => given.remove(),
            (Entry::Vacant(_), Earlier::Other) => (table, made.place.line, Said::Recorded),
            (Entry::Vacant(free), Earlier::Same) => {
                self.tally.unchanged += 1;
                free.insert((table, made.place.line, Said::Recorded));
                return Ok(());
            }
            (Entry::Vacant(free), Earlier::Nothing) => {
                self.tally.new += 1;
                let said = Said::New(self.events.len());
                free.insert((table, made.place.line, said));
                self.events.push(TableEvent { table, event: made });
                return Ok(());
            }
        };
        let (is_recorded, found) = match said {
            Said::Changed(state) => (false, Some(state)),
            Said::New(at) => (false, self.pending(&self.events[at].event)),
            Said::Recorded => (true, self.recorded(&key)),
        };
        let (said, outcome) = match found {
            None => {
                self.tally.unchanged += 1;
                (Said::Recorded, Ok(()))
            }
            Some(mut state) => {
                let outcome = self.compare(table, made, &mut state, (first, line));
                let said = match (is_recorded, &outcome) {
                    (true, Ok(false) | Err(_)) => Said::Recorded,
                    _ => Said::Changed(state),
                };
                (said, outcome.map(|_| ()))
            }
        };
        self.given.insert(key, (first, line, said));
        outcome
    }

    /// Compares an event with the one under its key, which a table of this import gave first at `first`, and says whether
    /// that changes.
    fn compare(
        &mut self,
        table: usize,
        made: MappedEvent,
        state: &mut RowState,
        (first, line): (usize, usize),
    ) -> Result<bool, Remark> {
        let wrong = |reason: String| Remark::new(made.place.clone(), Some(made.line.kind), reason);
        let event = self.event_of(&made.line);
        let changed = made
            .rule
            .zip(event)
            .filter(|(_, event)| !says_the_same(&state.event, event));
        let Some((rule, event)) = changed else {
            self.tally.unchanged += 1;
            return Ok(false);
        };
        let (old_kind, rule) = (state.event.kind(), &self.rules.events[rule]);
        if old_kind != event.kind() {
            return Err(wrong(format!(
                "`{}` was recorded as a {old_kind}",
                made.key
            )));
        }
        let difference = Difference::new(rule, &state.event, &event);
        self.tally.kept += difference.kept;
        let Some(&name) = difference.fields.first() else {
            self.tally.unchanged += usize::from(difference.kept == 0);
            return Ok(false);
        };
        let (old, new) = (told(&difference.before, name), told(&difference.now, name));
        if difference.is_disputed && first != table {
            let other = &self.tables[first].name;
            return Err(wrong(format!(
                "{name}: `{new}`, but {other}:{line} says `{old}` under the same import key `{}`",
                made.key
            )));
        }
        let standing = state.seq.map(|seq| self.standing(seq));
        let origin = &self.tables[table];
        if let Some(standing) = standing.as_ref().filter(|_| difference.is_disputed) {
            if origin.is_log
                && (origin.recorded.is_some() || self.was_said(state, &difference, &event))
            {
                self.tally.unchanged += 1;
                return Ok(false);
            }
            if origin.is_older(standing) {
                let remark = wrong(format!(
                    "{name}: `{new}`, where `{old}` was recorded later{}",
                    standing.by()
                ));
                self.older.push(TableRemark { table, remark });
                return Ok(false);
            }
        }
        let by = standing.as_ref().map_or_else(String::new, Standing::by);
        let remark = wrong(format!("{name}: `{old}`{by} becomes `{new}`"));
        let reason = match difference.is_disputed {
            true => origin.reason(standing.as_ref()),
            false => format!("{} adds to it", origin.name),
        };
        self.changed.push(TableRemark { table, remark });
        self.change(table, &made, state, event, difference, &reason)
            .map_err(wrong)?;
        Ok(true)
    }

    /// Adds the events that change what is under a key.
    fn change(
        &mut self,
        table: usize,
        made: &MappedEvent,
        state: &mut RowState,
        event: Event,
        difference: Difference,
        reason: &str,
    ) -> Result<(), String> {
        if difference.is_new_fact {
            self.tally.further += 1;
            state.count += 1;
            state.key = numbered(&made.key, state.count);
            let further = MappedEvent {
                key: state.key.as_str().into(),
                line: Box::new(with_key(&made.line, &state.key)?),
                ..made.clone()
            };
            self.events.push(TableEvent {
                table,
                event: further,
            });
            state.event = event;
            return Ok(());
        }
        self.tally.corrections += difference.fields.len();
        for field in difference.fields {
            let to = difference.now.get(field).to_vec();
            let corrected = state.event.with_field(field, to.clone());
            state.event = corrected.map_err(|errors| joined(&errors))?;
            let event = correction(made, &state.key, field, to, reason)?;
            self.events.push(TableEvent { table, event });
        }
        Ok(())
    }

    /// Whether a record said this before it was corrected, or an earlier event of its row does.
    fn was_said(&self, state: &RowState, difference: &Difference, event: &Event) -> bool {
        let row = unnumbered(&state.key);
        let keys = (1..=state.count).map(|count| match count {
            1 => row.to_owned(),
            count => numbered(row, count),
        });
        let mut records = keys.filter_map(|key| self.state.imported(&key));
        records.any(|seq| {
            let first = self.state.held(seq).map(|held| held.recorded());
            let about = Subject::Record(seq);
            let corrections = self.state.trail_of(&about, |kind| kind == Kind::Corrected);
            let mut corrections = corrections.filter_map(|entry| match &entry.event.fact {
                Fact::Corrected(fact) => Some(fact),
                _ => None,
            });
            first.is_some_and(|first| says_the_same(first, event))
                || corrections.any(|fact| {
                    let now = difference.now.get(fact.field.as_str()).iter();
                    now.map(String::as_str)
                        .eq(fact.old.iter().map(|text| text.as_str()))
                })
        })
    }

    /// The event that an earlier table or row of this import gives.
    fn pending(&self, event: &MappedEvent) -> Option<Box<RowState>> {
        let found = self.event_of(&event.line)?;
        Some(Box::new(RowState {
            event: found,
            key: event.key.to_string(),
            count: 1,
            seq: None,
        }))
    }

    /// The event of a line. A record that is not there yet is replaced by record 0.
    fn event_of(&self, line: &Line) -> Option<Event> {
        if let ParsedLine::Event(event) = &line.parsed {
            return Some(event.clone());
        }
        let keyed = |key: &str| self.state.imported(key).or(Some(Seq(0)));
        let next = Seq(self.state.count());
        ReferenceResolver::default()
            .event(line.clone(), keyed, next)
            .ok()
    }

    /// Finds the event recorded under a key, or under the same key with the highest number; none where it was retracted or
    /// redacted, and is not recorded again.
    fn recorded(&self, key: &str) -> Option<Box<RowState>> {
        let mut seq = self.state.imported(key)?;
        let (mut last, mut count) = (key.to_owned(), 1);
        while let Some(further) = self.state.imported(&numbered(key, count + 1)) {
            count += 1;
            (last, seq) = (numbered(key, count), further);
        }
        let entry = self.state.entry(seq)?;
        Some(Box::new(RowState {
            event: entry.event.clone(),
            key: last,
            count,
            seq: Some(seq),
        }))
    }

    /// What says that a record reads as it does: its last correction, or the record itself.
    fn standing(&self, seq: Seq) -> Standing {
        let is_correction = |kind| kind == Kind::Corrected;
        let about = Subject::Record(seq);
        let mut corrections = self.state.trail_of(&about, is_correction);
        let last = corrections.next_back().or_else(|| self.state.entry(seq));
        let citation = last.and_then(|entry| entry.event.envelope.source.first().cloned());
        let source = citation.as_ref();
        let source = source.and_then(|by| self.state.defining(&by.source.0));
        Standing {
            seq: last.map_or(seq, |entry| entry.seq),
            published: source.and_then(|entry| published(&entry.event)),
            table: source
                .and_then(|entry| entry.event.envelope.import_key.as_ref())
                .map(ToString::to_string),
            citation,
        }
    }

    /// Lists the import keys of events that came from earlier versions of a table and are no longer in it.
    pub fn vanished(&self, table: usize) -> Vec<String> {
        let origin = &self.tables[table];
        let mut found = Vec::new();
        for source in self.versions.get(&origin.key).into_iter().flatten() {
            if Some(source) == origin.source.as_ref() || !self.is_earlier(source, origin) {
                continue;
            }
            for entry in self.state.trail(&Subject::Entity(source.clone())) {
                let Some(key) = &entry.event.envelope.import_key else {
                    continue;
                };
                let key = unicode::normal(key.as_str());
                let is_given = |key: &str| self.given.contains_key(&Key::from(key));
                if !key.starts_with(&origin.key) && !is_given(&key) && !is_given(unnumbered(&key)) {
                    found.push(key.into_owned());
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// Whether a version of a table was recorded or published before another.
    fn is_earlier(&self, version: &Slug, origin: &Origin) -> bool {
        let Some(entry) = self.state.defining(version) else {
            return false;
        };
        match (origin.recorded, published(&entry.event), origin.published) {
            (Some(recorded), ..) => entry.seq < recorded,
            (None, Some(other), Some(own)) => !own.certainly_before(other),
            _ => true,
        }
    }
}

/// What a ledger has under an import key, beside a line that has it.
pub fn earlier(state: &State, key: &str, line: &Line) -> Earlier {
    let Some(seq) = state.imported(key) else {
        return Earlier::Nothing;
    };
    let is_same = match &line.parsed {
        ParsedLine::Event(event) => state
            .entry(seq)
            .is_some_and(|entry| says_the_same(&entry.event, event)),
        _ => false,
    };
    match is_same && state.imported(&numbered(key, 2)).is_none() {
        true => Earlier::Same,
        false => Earlier::Other,
    }
}

/// Lists the sources that are versions of tables, by the beginning of their import keys.
fn versions(state: &State) -> HashMap<String, Vec<Slug>> {
    let mut versions: HashMap<String, Vec<Slug>> = HashMap::new();
    for id in state.ids(EntityKind::Source) {
        let entry = state.defining(id);
        let key = entry
            .as_ref()
            .and_then(|entry| entry.event.envelope.import_key.as_ref());
        if let Some((table, _)) = key.and_then(|key| key.as_str().rsplit_once(':')) {
            versions
                .entry(format!("{table}:"))
                .or_default()
                .push(id.clone());
        }
    }
    versions
}

/// The key of a further event of a row; the first event has the row's key.
fn numbered(key: &str, count: usize) -> String {
    format!("{key}#{count}")
}

/// A key without its number.
fn unnumbered(key: &str) -> &str {
    match key.rsplit_once('#') {
        Some((row, number)) if number.bytes().all(|b| b.is_ascii_digit()) => row,
        _ => key,
    }
}

/// The texts of a field, for messages.
fn told(fields: &Fields, name: &str) -> String {
    excerpt(&fields.get(name).join("; "))
}

fn joined(errors: &[impl ToString]) -> String {
    let list: Vec<String> = errors.iter().map(ToString::to_string).collect();
    list.join("; ")
}

/// A line under another import key.
fn with_key(line: &Line, key: &str) -> Result<Line, String> {
    let mut fields = line.fields();
    fields.set("import_key", vec![key.to_owned()]);
    line_of(line.kind, &fields, line)
}

/// The line of fields, with the place and time of another.
fn line_of(kind: Kind, fields: &Fields, like: &Line) -> Result<Line, String> {
    let given: Vec<(&str, &[String])> = fields.iter().collect();
    Line::of_fields(like.number, kind, like.recorded_at, &given).map_err(|errors| joined(&errors))
}

fn correction(
    made: &MappedEvent,
    key: &str,
    field: &str,
    to: Vec<String>,
    reason: &str,
) -> Result<MappedEvent, String> {
    let given = made.line.fields();
    let mut fields = Fields::default();
    fields.set("record", vec![format!("@{key}")]);
    fields.set("field", vec![field.to_owned()]);
    fields.set("to", to);
    fields.set("reason", vec![reason.to_owned()]);
    for name in ["source", "recorded_by"] {
        fields.set(name, given.get(name).to_vec());
    }
    Ok(MappedEvent {
        line: Box::new(line_of(Kind::Corrected, &fields, &made.line)?),
        ..made.clone()
    })
}
