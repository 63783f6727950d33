//! What a table says, compared with what was recorded before under the same import keys: only what is new or changed
//! becomes a step.

use std::collections::{HashMap, HashSet};

use super::make::{Made, Place, built};
use super::rules::{EventRule, OnChange, Rules};
use servanda_core::event::{Fields, Kind};
use servanda_core::state::{EntityKind, State};
use servanda_core::value::id::{Slug, Subject};

/// Fields that say where an event was read and how it came here, and not what happened.
const PROVENANCE: &[&str] = &["source", "import_key", "recorded_by", "irregular"];

/// An event to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The place of its rule in the rules, where it has one.
    pub rule: Option<usize>,
    /// What it is.
    pub kind: Kind,
    /// Its fields; `@KEY` names the record with that import key.
    pub fields: Fields,
    /// Where it comes from.
    pub place: Place,
    /// When it was recorded in the table's own account.
    pub recorded_at: Option<String>,
}

/// What became of what a table says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events under new keys.
    pub new: usize,
    /// What was recorded before and is the same.
    pub unchanged: usize,
    /// Corrections of what was recorded before.
    pub corrections: usize,
    /// Further events, where something new happened.
    pub further: usize,
    /// Changes that the rules pass over.
    pub kept: usize,
}

/// What is recorded under an import key.
#[derive(Debug, Clone)]
struct RowState {
    kind: Kind,
    fields: Fields,
    /// The key of the last event of its row: the row's own, or with a number.
    key: String,
    /// How many events its row has become.
    count: usize,
    /// Whether it was retracted or redacted: then it stays so.
    is_gone: bool,
}

/// The ledger as it will be after the steps so far.
pub struct Known<'r> {
    state: &'r State,
    versions: HashMap<String, Vec<Slug>>,
    states: HashMap<String, RowState>,
    /// The keys that the tables gave.
    given: HashSet<String>,
    /// What became of them.
    pub tally: Tally,
}

impl<'r> Known<'r> {
    /// What a state knows.
    pub fn new(state: &'r State) -> Self {
        Self {
            state,
            versions: versions(state),
            states: HashMap::new(),
            given: HashSet::new(),
            tally: Tally::default(),
        }
    }

    /// The steps from what is known to what a table says.
    ///
    /// # Errors
    /// Where what was recorded cannot become what the table says.
    pub fn take(&mut self, rules: &Rules, made: Made) -> Result<Vec<Step>, String> {
        let key = made.key().to_owned();
        let mut fields = built(made.kind, &made.fields, |key| {
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
            return Ok(vec![step(made)]);
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
            let mut further = step(made);
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

    /// What the state has under a key, and under the same key with a number.
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

    /// The import keys of what was recorded from earlier versions of a table and is no longer in it. `table` is what
    /// the keys of its sources begin with.
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

/// The sources that are versions of tables, by what the import keys of one table's sources begin with.
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

/// How a row's events are told apart: the first has the row's key.
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

/// What differs, and what that means.
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
        if old == new {
            continue;
        }
        match rule.map_or(OnChange::default(), |rule| rule.on_change(name)) {
            OnChange::Keep => changes.kept += 1,
            what => {
                changes.fields.push(name);
                // What was empty is filled in, and what was deleted is taken back: neither is a new fact.
                changes.is_new_fact |=
                    what == OnChange::Append && !old.is_empty() && !new.is_empty();
            }
        }
    }
    changes
}

/// Adds to what is gathered what was gathered before: part of a table takes nothing back, and the order of rows
/// means nothing.
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

fn step(made: Made) -> Step {
    Step {
        rule: made.rule,
        kind: made.kind,
        fields: made.fields,
        place: made.place,
        recorded_at: made.recorded_at,
    }
}

fn correction(made: &Made, key: &str, field: &str, to: Vec<String>) -> Step {
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
    Step {
        rule: None,
        kind: Kind::Corrected,
        fields,
        place: made.place.clone(),
        recorded_at: made.recorded_at.clone(),
    }
}
