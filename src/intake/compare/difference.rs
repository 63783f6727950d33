//! The difference between two events under one import key.

use crate::intake::rules::{EventRule, OnChange};
use servanda_core::event::{Event, Fields};
use servanda_core::value::unicode;

/// Fields that say where an event was read and how it came here. Their changes are not compared.
const PROVENANCE: &[&str] = &["source", "import_key", "recorded_by", "irregular"];

/// Whether an event says the same of the world as one before it.
pub(super) fn says_the_same(one: &Event, other: &Event) -> bool {
    let (a, b) = (&one.envelope, &other.envelope);
    let is_same_once_filled_in = || {
        let mut fact = other.fact.clone();
        one.fact.fill_in(&mut fact);
        one.fact == fact
    };
    (one.fact == other.fact || is_same_once_filled_in())
        && (a.on, &a.by, &a.note, a.confidence) == (b.on, &b.by, &b.note, b.confidence)
        && a.inferred == b.inferred
}

/// The difference between two events.
pub(super) struct Difference {
    pub before: Fields,
    pub now: Fields,
    pub fields: Vec<&'static str>,
    /// Whether it is more than gathered values, which only add to those before.
    pub is_disputed: bool,
    pub is_new_fact: bool,
    pub kept: usize,
}

impl Difference {
    pub fn new(rule: &EventRule, before: &Event, now: &Event) -> Self {
        let kind = now.kind();
        let mut found = Self {
            before: before.to_fields(),
            now: now.to_fields(),
            fields: Vec::new(),
            is_disputed: false,
            is_new_fact: false,
            kept: 0,
        };
        gather(rule, &found.before, &mut found.now);
        let specs = kind
            .fields()
            .filter(|spec| !PROVENANCE.contains(&spec.name));
        for spec in specs {
            let name = spec.name;
            let (old, new) = (found.before.get(name), found.now.get(name));
            if spec.is_filled() && new.is_empty() {
                continue;
            }
            // An older program may have recorded another spelling in Unicode.
            let same = |(old, new): (&String, &String)| unicode::same(old, new);
            if old.len() == new.len() && old.iter().zip(new).all(same) {
                continue;
            }
            match rule.on_change(name) {
                OnChange::Keep => found.kept += 1,
                what => {
                    // A value that is filled in or deleted corrects the old event; it is no new fact.
                    found.is_new_fact |=
                        what == OnChange::Append && !old.is_empty() && !new.is_empty();
                    found.is_disputed |= rule.gather.iter().all(|gathered| gathered != name);
                    found.fields.push(name);
                }
            }
        }
        found
    }
}

/// Adds the values gathered before to those gathered now: a part of a table removes nothing, and the order of rows has
/// no meaning.
fn gather(rule: &EventRule, before: &Fields, now: &mut Fields) {
    for name in &rule.gather {
        let mut all = before.get(name).to_vec();
        let more = now
            .get(name)
            .iter()
            .filter(|text| !before.get(name).contains(text));
        all.extend(more.cloned());
        now.set(name, all);
    }
}
