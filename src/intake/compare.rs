//! The events of a table, compared with those recorded before under the same import keys. Only new and changed events
//! are appended.

use std::collections::{HashMap, HashSet};

use super::mapper::{MappedEvent, build_event};
use super::rules::{EventRule, OnChange, Rules};
use servanda_core::event::{Fields, Kind};
use servanda_core::state::{EntityKind, State};
use servanda_core::value::id::{Slug, Subject};

/// Fields that say where an event was read and how it came here. Their changes are not compared.
const PROVENANCE: &[&str] = &["source", "import_key", "recorded_by", "irregular"];

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

/// The event recorded under an import key.
#[derive(Debug, Clone)]
struct RowState {
    kind: Kind,
    fields: Fields,
    /// The key of the last event of its row: the row's own, or with a number.
    key: String,
    /// The number of events of its row.
    count: usize,
    /// Whether it was retracted or redacted; it is then never changed.
    is_gone: bool,
}

/// The ledger as it will be after the events so far.
pub struct Known<'r> {
    state: &'r State,
    versions: HashMap<String, Vec<Slug>>,
    states: HashMap<String, RowState>,
    /// The keys that the tables gave.
    given: HashSet<String>,
    /// The counts so far.
    pub tally: Tally,
}

impl<'r> Known<'r> {
    /// Starts from the state of a ledger.
    pub fn new(state: &'r State) -> Self {
        Self {
            state,
            versions: versions(state),
            states: HashMap::new(),
            given: HashSet::new(),
            tally: Tally::default(),
        }
    }

    /// Compares an event with the one recorded under its key, and returns the events to append.
    ///
    /// # Errors
    /// When the recorded event has another kind.
    pub fn take(&mut self, rules: &Rules, made: MappedEvent) -> Result<Vec<MappedEvent>, String> {
        let key = made.key().to_owned();
        let mut fields = build_event(made.kind, &made.fields, |key| {
            self.state.imported(key).map(|seq| seq.0)
        })
        .map(|event| event.to_fields())
        .unwrap_or_else(|_| made.fields.clone());
        self.given.insert(key.clone());
        if !self.states.contains_key(&key)
            && let Some(state) = self.recorded(&key)
        {
            self.states.insert(key.clone(), state);
        }
        let Some(state) = self.states.get_mut(&key) else {
            self.tally.new += 1;
            let state = RowState {
                kind: made.kind,
                fields,
                key: key.clone(),
                count: 1,
                is_gone: false,
            };
            self.states.insert(key, state);
            return Ok(vec![made]);
        };
        if state.is_gone || made.rule.is_none() {
            self.tally.unchanged += 1;
            return Ok(Vec::new());
        }
        if state.kind != made.kind {
            return Err(format!(
                "`{key}` was recorded as a {}, and would be a {} now",
                state.kind, made.kind
            ));
        }
        let rule = made.rule.map(|rule| &rules.events[rule]);
        gather(rule, &state.fields, &mut fields);
        let changed = changes(rule, &state.fields, &fields, made.kind);
        self.tally.kept += changed.kept;
        if changed.fields.is_empty() {
            self.tally.unchanged += usize::from(changed.kept == 0);
            return Ok(Vec::new());
        }
        if changed.is_new_fact {
            self.tally.further += 1;
            state.count += 1;
            state.key = numbered(&key, state.count);
            state.fields = fields;
            let mut further = made;
            further.fields.set("import_key", vec![state.key.clone()]);
            return Ok(vec![further]);
        }
        self.tally.corrections += changed.fields.len();
        let mut steps = Vec::with_capacity(changed.fields.len());
        for field in changed.fields {
            let to = fields.get(field).to_vec();
            state.fields.set(field, to.clone());
            steps.push(correction(&made, &state.key, field, to));
        }
        Ok(steps)
    }

    /// Finds the event recorded under a key, or under the same key with the highest number.
    fn recorded(&self, key: &str) -> Option<RowState> {
        let mut last = (key.to_owned(), self.state.imported(key)?);
        let mut count = 1;
        while let Some(seq) = self.state.imported(&numbered(key, count + 1)) {
            count += 1;
            last = (numbered(key, count), seq);
        }
        let (key, seq) = last;
        let entry = self.state.entry(seq);
        Some(RowState {
            kind: entry.map_or(Kind::Noted, |entry| entry.event.kind()),
            fields: entry.map_or_else(Fields::default, |entry| entry.event.to_fields()),
            key,
            count,
            is_gone: entry.is_none(),
        })
    }

    /// Lists the import keys of events that came from earlier versions of a table and are no longer in it. `table` is
    /// the beginning of its sources' keys.
    pub fn vanished(&self, table: &str) -> Vec<String> {
        let mut found = Vec::new();
        for source in self.versions.get(table).into_iter().flatten() {
            for entry in self.state.trail(&Subject::Entity(source.clone())) {
                let Some(key) = &entry.event.envelope.import_key else {
                    continue;
                };
                let key = key.as_str();
                let is_source = key.starts_with(table);
                if !is_source && !self.given.contains(key) && !self.given.contains(unnumbered(key))
                {
                    found.push(key.to_owned());
                }
            }
        }
        found.sort();
        found.dedup();
        found
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

/// The difference between two events.
struct Changes {
    fields: Vec<&'static str>,
    is_new_fact: bool,
    kept: usize,
}

fn changes(rule: Option<&EventRule>, before: &Fields, now: &Fields, kind: Kind) -> Changes {
    let mut changes = Changes {
        fields: Vec::new(),
        is_new_fact: false,
        kept: 0,
    };
    for spec in kind
        .fields()
        .filter(|spec| !PROVENANCE.contains(&spec.name))
    {
        let name = spec.name;
        let (old, new) = (before.get(name), now.get(name));
        if old == new || (spec.is_filled() && new.is_empty()) {
            continue;
        }
        match rule.map_or(OnChange::default(), |rule| rule.on_change(name)) {
            OnChange::Keep => changes.kept += 1,
            what => {
                changes.fields.push(name);
                // A value that is filled in or deleted corrects the old event; it is no new fact.
                changes.is_new_fact |=
                    what == OnChange::Append && !old.is_empty() && !new.is_empty();
            }
        }
    }
    changes
}

/// Adds the values gathered before to those gathered now: a part of a table removes nothing, and the order of rows has
/// no meaning.
fn gather(rule: Option<&EventRule>, before: &Fields, now: &mut Fields) {
    for name in rule.map_or(&[][..], |rule| &rule.gather) {
        let mut all = before.get(name).to_vec();
        let more = now
            .get(name)
            .iter()
            .filter(|text| !before.get(name).contains(text));
        all.extend(more.cloned());
        now.set(name, all);
    }
}

fn correction(made: &MappedEvent, key: &str, field: &str, to: Vec<String>) -> MappedEvent {
    let mut fields = Fields::default();
    let mut set = |name: &str, texts: Vec<String>| fields.set(name, texts);
    set("record", vec![format!("@{key}")]);
    set("field", vec![field.to_owned()]);
    set("to", to);
    set(
        "reason",
        vec!["A newer version of the table says so".into()],
    );
    set("source", made.fields.get("source").to_vec());
    MappedEvent {
        rule: None,
        kind: Kind::Corrected,
        fields,
        place: made.place.clone(),
        recorded_at: made.recorded_at.clone(),
    }
}
