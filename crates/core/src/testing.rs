//! For tests alone: events from texts, arbitrary events, and whole histories that the rules accept.
//!
//! Arbitrary events and histories are filled in from the table of fields, so a field added to an event is
//! covered from the day it is there.

// A panic is how tests report.
#![allow(clippy::panic, clippy::should_implement_trait)]

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::select;

use crate::event::{Change, Entry, Event, FieldSpec, Fields, Kind};
use crate::rules::{self, Known};
use crate::signatures::{Required, acknowledged};
use crate::state::{EntityKind, State};
use crate::value::agreement::{Relation, Role};
use crate::value::base::{Leaf, Shape};
use crate::value::commitment::{Asserter, Standing, transitions_from};
use crate::value::id::{PartyId, Seq};
use crate::value::when::Instant;
use crate::view::View;

/// An event from texts; a field named twice has two values.
pub fn event(kind: Kind, texts: &[(&str, &str)]) -> Event {
    match Event::build(kind, &fields(texts)) {
        Ok(event) => event,
        Err(errors) => panic!("{kind} {texts:?}: {errors:?}"),
    }
}

/// Fields from texts; a field named twice has two values.
pub fn fields(texts: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::default();
    for (name, text) in texts {
        let mut all = fields.get(name).to_vec();
        all.push((*text).to_owned());
        fields.set(name, all);
    }
    fields
}

/// When the ledgers of tests take in their first record: 2023-11-14.
pub const FIRST_RECORDED_AT: Instant = Instant(1_700_000_000_000_000);

/// Events as a ledger would hold them: numbered from 0, one each hour from [`FIRST_RECORDED_AT`].
pub fn entries(events: &[Event]) -> Vec<Entry> {
    const HOUR_MICROS: i64 = 3_600_000_000;
    (0..)
        .zip(events)
        .map(|(seq, event)| Entry {
            seq: Seq(seq),
            recorded_at: Instant(FIRST_RECORDED_AT.0 + seq as i64 * HOUR_MICROS),
            event: event.clone(),
        })
        .collect()
}

/// The state of events, taken in as [`entries`] gives them.
pub fn state(events: &[Event]) -> State {
    let mut state = State::default();
    for entry in entries(events) {
        state.apply(&entry);
    }
    state
}

/// Any well-formed event of any kind. It need not be acceptable anywhere: what it names may not exist.
pub fn events() -> impl Strategy<Value = Event> {
    select(Kind::ALL).prop_flat_map(events_of)
}

/// Any well-formed event of a kind.
pub fn events_of(kind: Kind) -> BoxedStrategy<Event> {
    let fields: Vec<_> = kind.fields().map(|spec| field_texts(kind, spec)).collect();
    fields
        .prop_map(move |all| {
            let mut fields = Fields::default();
            for (spec, texts) in kind.fields().zip(all) {
                fields.set(spec.name, texts);
            }
            match Event::build(kind, &fields) {
                Ok(event) => event,
                Err(errors) => panic!("{fields:?}: {errors:?}"),
            }
        })
        .boxed()
}

/// Any texts of a field that are well formed in it.
fn field_texts(kind: Kind, spec: &'static FieldSpec) -> BoxedStrategy<Vec<String>> {
    let text = leaf_text(kind, spec);
    let least = usize::from(kind.requires(spec));
    match spec.shape {
        Shape::One => prop::collection::vec(text, 1).boxed(),
        Shape::Optional => prop::collection::vec(text, least..=1).boxed(),
        Shape::Many => prop::collection::vec(text, least..=3).boxed(),
        Shape::Flag => prop::collection::vec(Just("true".to_owned()), 0..=1).boxed(),
    }
}

/// Any text that is well formed in a field.
fn leaf_text(kind: Kind, spec: &'static FieldSpec) -> BoxedStrategy<String> {
    let slug = || "[A-Za-z][A-Za-z0-9._-]{0,63}|[0-9]{1,9}[a-z._-]";
    let number = any::<u64>().prop_map(|seq| seq.to_string());
    let language = || "[a-z]{2,3}(-[A-Za-z0-9]{2,8})?";
    match spec.label {
        _ if !spec.words.is_empty() => select(spec.words).prop_map(str::to_owned).boxed(),
        "PARTY" | "SOURCE" | "AGREEMENT" | "COMMITMENT" | "RECORDER" => slug().boxed(),
        "RECORD" => number.boxed(),
        "ID|RECORD" => prop_oneof![slug(), number].boxed(),
        "TEXT" if spec.name == "origin" => "[a-z.]{1,20}(/[a-z]{1,9})?".boxed(),
        "TEXT" => texts().boxed(),
        "LANG" => language().boxed(),
        "DIGEST" => "[0-9a-f]{64}".boxed(),
        "WHEN" => whens().boxed(),
        "WHEN|SPAN after EVENT|RRULE:...|recurring|continuing|unspecified" => prop_oneof![
            4 => whens(),
            1 => Just("recurring".to_owned()),
            1 => Just("continuing".to_owned()),
            2 => "RRULE:FREQ=(DAILY|YEARLY);INTERVAL=[1-9]{1,2}(;BYDAY=-1MO,[1-4]TU)?",
            2 => (
                "[2-9][0-9]{0,3} (day|week|month|year)s",
                prop_oneof![
                    slug().prop_map(|id| format!("entry-into-force of {id}")),
                    slug().prop_map(|id| format!("conclusion of {id}")),
                    slug().prop_map(|id| format!("{id} fulfilled")),
                ],
            )
                .prop_map(|(span, event)| format!("{span} after {event}")),
        ]
        .boxed(),
        "NAME[@LANG]" => prop_oneof![
            texts(),
            (texts(), language()).prop_map(|(text, language)| format!("{text}@{language}")),
        ]
        .boxed(),
        "SCHEME:VALUE" => ("[a-z0-9-]{1,32}", texts())
            .prop_map(|(scheme, value)| format!("{scheme}:{value}"))
            .boxed(),
        "SOURCE[: PLACE]" => (slug(), prop::option::of(texts()))
            .prop_map(|(source, place)| match place {
                None => source,
                Some(place) => format!("{source}: {}", place.trim()),
            })
            .boxed(),
        "ROLE:PARTY" => (select(Role::WORDS), slug())
            .prop_map(|(role, party)| format!("{role}:{party}"))
            .boxed(),
        "RELATION:AGREEMENT" => (select(Relation::WORDS), slug())
            .prop_map(|(relation, agreement)| format!("{relation}:{agreement}"))
            .boxed(),
        "LEVEL|no-evidence" => prop_oneof![Just("no-evidence".to_owned()), texts()].boxed(),
        "FIELD" if spec.name == "inferred" => {
            let names: Vec<&str> = kind.fields().map(|spec| spec.name).collect();
            select(names).prop_map(str::to_owned).boxed()
        }
        "FIELD" => "[a-z_]{1,32}".boxed(),
        other => panic!("{}: no strategy for values of {other}", spec.name),
    }
}

/// Any text, in many scripts; short enough for an import key.
pub fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(WORDS).prop_map(str::to_owned),
        3 => "[ -~]{1,40}",
        // Whatever Unicode has, but for its control characters.
        2 => "\\PC{1,40}",
        1 => "[a-z\u{5d0}-\u{5ea}\u{4e00}-\u{4fff}]{1,20}[\n\t ][a-z\u{1f600}-\u{1f64f}]{1,20}",
    ]
    .prop_filter("blank, or has a control character", |text| {
        text.parse::<crate::value::base::Text>().is_ok()
    })
}

/// Any `When`, written.
fn whens() -> impl Strategy<Value = String> {
    let date = || "(000[1-9]|[12][0-9]{3}|9999)(-(0[1-9]|1[0-2])(-(0[1-9]|1[0-9]|2[0-8]))?)?";
    prop_oneof![
        6 => date(),
        2 => (date(), date()).prop_map(|(from, to)| {
            let range = format!("{from}/{to}");
            match range.parse::<crate::value::when::When>() {
                Ok(_) => range,
                Err(_) => format!("{to}/{from}"),
            }
        }),
        1 => date().prop_map(|date| format!("before {date}")),
        1 => date().prop_map(|date| format!("after {date}")),
        1 => Just("unknown".to_owned()),
        1 => Just("unspecified".to_owned()),
        1 => Just("not-applicable".to_owned()),
    ]
}

/// Histories that the rules accept, of a length in a range. Shrinks by leaving off the end.
pub fn histories(len: Range<usize>) -> impl Strategy<Value = Vec<Event>> {
    (any::<u64>().no_shrink(), len).prop_map(|(seed, len)| history(seed, len))
}

/// A history that the rules accept: `len` events, the first of which opens the ledger. The same seed gives
/// the same history, and a shorter one is the beginning of a longer one.
///
/// It has every kind in it once it is long enough: corrections, retractions (also of corrections), ids
/// given anew, irregular events, import keys, redactions of records whose payload a ledger may then drop.
/// No event in it needs a signature.
pub fn history(seed: u64, len: usize) -> Vec<Event> {
    let mut choices = Choices(seed);
    let mut state = State::default();
    let mut history = Vec::with_capacity(len);
    while history.len() < len {
        let Some(event) = accepted(&state, &mut choices) else {
            continue;
        };
        let entry = Entry {
            seq: Seq(state.count()),
            recorded_at: FIRST_RECORDED_AT,
            event: event.clone(),
        };
        state.apply(&entry);
        history.push(event);
    }
    history
}

/// A stream of choices from a seed: splitmix64.
pub struct Choices(pub u64);

impl Choices {
    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of a list; none of an empty one.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        (!list.is_empty()).then(|| &list[self.below(list.len())])
    }
}

/// How often a kind is tried in a history. Most kinds are tried more often than they are accepted.
fn tries(kind: Kind) -> usize {
    let spec = kind.spec();
    match spec.change {
        _ if spec.opens() => 0,
        Some(Change::Corrects) => 5,
        Some(Change::Retracts) => 3,
        Some(Change::Redacts) => 1,
        None if standing_of(kind).is_some_and(FieldSpec::is_required) => 14,
        None if spec.fields.iter().any(FieldSpec::defines) => 4,
        None => 2,
    }
}

/// The field of a kind that is a standing.
fn standing_of(kind: Kind) -> Option<&'static FieldSpec> {
    kind.fields().find(|spec| spec.label == Standing::LABEL)
}

/// Public keys, as a recorder or a party has them.
const KEYS: &[&str] = &[
    "clerk+c3044273+Ae1JKMYo0cLG6ukDOJBZlWEpWSc6XGP5NjbBRhSshzfR",
    "registrar+21cf14fb+AcqTrBcFGHBx1nuDx/8O/oEI6OxFMFdddyaHkzPb2r58",
    "archive+ac4a7d22+AW56HN0psLeP0Tr0xVmP7/TvKpcWbjym8uT7/M2AUFvx",
];

/// Texts of several scripts and shapes.
const WORDS: &[&str] = &[
    "increase the presence on the border",
    "Artículo 4º, «párrafo» 2",
    "会談は三か月ごとに行う",
    "التزام متبادل",
    "обязательство сторон",
    "हर तीन महीने में बैठक",
    "שתי המדינות",
    "two\nlines\tand a tab",
    "🕊 peace, = ; \"quoted\", 'single'",
    "e\u{301} is two characters",
    "=SUM(A1)",
    "x",
];

/// One try at an event that may come next.
fn accepted(state: &State, choices: &mut Choices) -> Option<Event> {
    let event = rules::complete(state, candidate(state, choices)?);
    if needs_signature(state, &event) {
        return None;
    }
    match rules::admit(state, &event) {
        Ok(()) => Some(event),
        Err(rejection) if rejection.rule.is_waivable() && choices.one_in(4) => {
            let reason = vec!["reported so".to_owned()];
            let event = event.with_field("irregular", reason).ok()?;
            rules::admit(state, &event).ok().map(|()| event)
        }
        Err(_) => None,
    }
}

/// Whether a recorder or a party must sign for an event. A history has no private key.
fn needs_signature(state: &State, event: &Event) -> bool {
    let mut required = Required::default();
    let is_readable = required.add(state, event).is_ok();
    !is_readable || !required.is_empty() || acknowledged(event).is_some()
}

/// A kind, each as often as [`tries`] says; the kind that opens a ledger if this is the first record.
fn likely_kind(choices: &mut Choices, is_first: bool) -> Option<Kind> {
    let mut kinds = Kind::ALL.iter().copied();
    if is_first {
        return kinds.find(|kind| kind.spec().opens());
    }
    let mut at = choices.below(kinds.clone().map(tries).sum());
    kinds.find(|kind| {
        let found = at < tries(*kind);
        at = at.saturating_sub(tries(*kind));
        found
    })
}

/// An event that might come next; none where what it would have to name is not there.
fn candidate(state: &State, choices: &mut Choices) -> Option<Event> {
    let kind = likely_kind(choices, state.count() == 0)?;
    let mut fields = Fields::default();
    for spec in kind.fields() {
        let needed = kind.requires(spec);
        let count = match spec.shape {
            _ if matches!(spec.name, "irregular" | "inferred" | "old") => 0,
            Shape::One => 1,
            Shape::Many if needed => 1 + choices.below(2),
            Shape::Many => choices.below(5).saturating_sub(2),
            Shape::Optional | Shape::Flag => usize::from(choices.one_in(3)),
        };
        let texts = (0..count)
            .map(|_| likely_text(state, choices, kind, spec))
            .collect::<Option<Vec<String>>>();
        match texts {
            Some(texts) => fields.set(spec.name, texts),
            None if needed => return None,
            None => {}
        }
    }
    if choices.one_in(6) {
        let given: Vec<String> = fields.iter().map(|(name, _)| name.to_owned()).collect();
        fields.set(
            "inferred",
            choices.pick(&given).cloned().into_iter().collect(),
        );
    }
    match (kind.spec().change, standing_of(kind)) {
        (Some(Change::Corrects), _) => likely_correction(state, choices, &mut fields)?,
        (Some(Change::Redacts), _) => likely_redaction(state, choices, &mut fields),
        (_, Some(standing)) if standing.is_required() => likely_move(state, choices, &mut fields)?,
        // Most commitments begin as the rules want it.
        (_, Some(standing)) if choices.one_in(2) => fields.set(standing.name, Vec::new()),
        _ => {}
    }
    // What does not fit together, such as a correction to nonsense, is no candidate.
    Event::build(kind, &fields).ok()
}

/// A text for a field which names what is there, where it names anything.
fn likely_text(
    state: &State,
    choices: &mut Choices,
    kind: Kind,
    spec: &FieldSpec,
) -> Option<String> {
    let known = |choices: &mut Choices, kind: EntityKind| -> Option<String> {
        let ids: Vec<String> = state.ids(kind).map(ToString::to_string).collect();
        choices.pick(&ids).cloned()
    };
    let seq = state.count();
    if spec.defines() {
        return Some(new_id(state, choices, kind));
    }
    let record = |choices: &mut Choices| {
        // Recent records are the ones that get mended.
        let back = choices.below(seq.min(12) as usize) as u64;
        (seq - 1 - back).to_string()
    };
    Some(match spec.label {
        _ if !spec.words.is_empty() => (*choices.pick(spec.words)?).to_owned(),
        "PARTY" => known(choices, EntityKind::Party)?,
        "SOURCE" => known(choices, EntityKind::Source)?,
        "AGREEMENT" => known(choices, EntityKind::Agreement)?,
        "COMMITMENT" => known(choices, EntityKind::Commitment)?,
        "RECORDER" => known(choices, EntityKind::Recorder)?,
        "RECORD" => record(choices),
        "ID|RECORD" => match choices.below(3) {
            0 => record(choices),
            1 => known(choices, EntityKind::Party)?,
            _ => known(choices, EntityKind::Commitment)?,
        },
        "TEXT" if spec.name == "import_key" => format!("table-1 row {seq}"),
        "TEXT" if spec.name == "recorded_by" => "the clerk".to_owned(),
        "TEXT" if spec.name == "origin" => "example.org/history".to_owned(),
        "TEXT" if spec.name == "key" => (*choices.pick(KEYS)?).to_owned(),
        "TEXT" => format!("{} {}", choices.pick(WORDS)?, choices.below(1000)),
        "LANG" => (*choices.pick(&["es", "pt-BR", "zh-Hant"])?).to_owned(),
        "DIGEST" => format!("{:016x}", choices.next()).repeat(4),
        "WHEN" => likely_when(choices, seq),
        "WHEN|SPAN after EVENT|RRULE:...|recurring|continuing|unspecified" => {
            let agreement = |choices: &mut Choices| known(choices, EntityKind::Agreement);
            likely_deadline(choices, seq, agreement)?
        }
        "NAME[@LANG]" => format!("{}@es", choices.pick(WORDS)?),
        "SCHEME:VALUE" => format!("iso3166:{}", choices.below(100)),
        "SOURCE[: PLACE]" => {
            let source = known(choices, EntityKind::Source)?;
            format!("{source}: paragraph {}", choices.below(20))
        }
        "RELATION:AGREEMENT" => {
            let relation = choices.pick(Relation::WORDS)?;
            format!("{relation}:{}", known(choices, EntityKind::Agreement)?)
        }
        "ROLE:PARTY" => {
            let role = choices.pick(Role::WORDS)?;
            format!("{role}:{}", known(choices, EntityKind::Party)?)
        }
        "LEVEL|no-evidence" => match choices.below(4) {
            0 => "no-evidence".to_owned(),
            level => level.to_string(),
        },
        "FIELD" => "note".to_owned(),
        other => panic!("{}: no likely value of {other}", spec.name),
    })
}

/// A deadline that is a date, recurs, or counts from what happens to one of the agreements.
fn likely_deadline(
    choices: &mut Choices,
    seq: u64,
    agreement: impl FnOnce(&mut Choices) -> Option<String>,
) -> Option<String> {
    Some(match choices.below(7) {
        0 => "recurring".to_owned(),
        3 => format!("30 days after ratification of {}", agreement(choices)?),
        1 => "continuing".to_owned(),
        2 => "RRULE:FREQ=MONTHLY;INTERVAL=3".to_owned(),
        _ => likely_when(choices, seq + 100),
    })
}

/// A date near that of the record of this number, of any precision, or none.
fn likely_when(choices: &mut Choices, seq: u64) -> String {
    let year = 2020 + seq / 120 % 60 + choices.below(2) as u64;
    let month = 1 + choices.below(12);
    let day = 1 + choices.below(28);
    match choices.below(12) {
        0 => format!("{year}"),
        1 => format!("{year}-{month:02}"),
        2 => format!("{year}-{month:02}/{}", year + 1),
        3 => format!("before {year}-{month:02}"),
        4 => format!("after {year}-{month:02}-{day:02}"),
        5 => "unknown".to_owned(),
        6 => "unspecified".to_owned(),
        _ => format!("{year}-{month:02}-{day:02}"),
    }
}

/// An id that is not taken: a new one, or now and then one whose record was retracted.
fn new_id(state: &State, choices: &mut Choices, kind: Kind) -> String {
    let freed: Vec<String> = state
        .records()
        .flatten()
        .filter(|held| held.retracted.is_some())
        .filter_map(|held| held.entry.event.defines())
        .map(|reference| reference.subject().to_string())
        .collect();
    match choices.pick(&freed) {
        Some(id) if choices.one_in(3) => id.clone(),
        _ => format!("{}-{}", kind.word(), state.count()),
    }
}

/// A move of a commitment along the table, asserted by whom the table wants; now and then any move.
fn likely_move(state: &State, choices: &mut Choices, fields: &mut Fields) -> Option<()> {
    if choices.one_in(8) {
        return Some(());
    }
    let id = fields.get("commitment").first()?.parse().ok()?;
    let commitment = View::whole(state).commitment(&id)?;
    // Not to an end at once, or no commitment would live long enough.
    let each: Vec<(PartyId, Standing)> = commitment
        .each()
        .map(|(debtor, standing)| (debtor.clone(), standing))
        .collect();
    let (debtor, from) = choices.pick(&each)?;
    let named = choices.one_in(2).then(|| debtor.to_string());
    fields.set("debtor", named.into_iter().collect());
    let rows: Vec<_> = transitions_from(*from)
        .filter(|row| row.to.is_live() || row.from.len() < 4 || choices.one_in(6))
        .collect();
    let row = choices.pick(&rows)?;
    let debtors = commitment.debtors();
    let creditors = commitment.creditors();
    let both = [debtors.as_slice(), creditors.as_slice()].concat();
    let parties: Vec<PartyId> = state
        .ids(EntityKind::Party)
        .map(|id| PartyId(id.clone()))
        .collect();
    let one = |choices: &mut Choices, of: &[&PartyId]| -> Vec<PartyId> {
        choices
            .pick(of)
            .map(|id| (*id).clone())
            .into_iter()
            .collect()
    };
    let all = |of: &[&PartyId]| of.iter().map(|id| (*id).clone()).collect();
    let (by, capacity): (Vec<PartyId>, &str) = match choices.pick(row.by)? {
        Asserter::AllDebtors => (all(&debtors), ""),
        Asserter::AllParties => (all(&both), ""),
        Asserter::AnyParty => (one(choices, &both), ""),
        Asserter::Debtor => (vec![debtor.clone()], ""),
        Asserter::Creditor => (one(choices, &creditors), "creditor"),
        Asserter::Terms => (Vec::new(), "terms"),
        Asserter::Arbiter => (
            choices.pick(&parties).cloned().into_iter().collect(),
            "arbiter",
        ),
        Asserter::Assessor => (
            choices.pick(&parties).cloned().into_iter().collect(),
            "assessor",
        ),
    };
    // Who acts for a party will do as well.
    let by = by.into_iter().map(|party| {
        let actor = (0..8)
            .filter_map(|_| choices.pick(&parties))
            .find(|actor| state.acts_for(actor, &party));
        actor.unwrap_or(&party).to_string()
    });
    fields.set("by", by.collect());
    fields.set("to", vec![row.to.to_string()]);
    fields.set(
        "capacity",
        Some(capacity.to_owned())
            .filter(|word| !word.is_empty())
            .into_iter()
            .collect(),
    );
    Some(())
}

/// A redaction of a correction that goes with a record redacted before, or of a record that has corrections,
/// where there is one; else of any recent record.
fn likely_redaction(state: &State, choices: &mut Choices, fields: &mut Fields) {
    let held = || state.records().flatten();
    let unredacted = || held().filter(|held| held.redacted.is_none());
    let rest = unredacted().filter(|held| match held.entry.event.correction() {
        Some(correction) => state
            .held(correction.record)
            .is_some_and(|corrected| corrected.redacted.is_some()),
        None => rules::may_be_redacted(held.entry.event.kind()) && !held.corrections.is_empty(),
    });
    let rest: Vec<String> = rest.map(|held| held.entry.seq.to_string()).collect();
    if let Some(seq) = choices.pick(&rest) {
        fields.set("record", vec![seq.clone()]);
    }
}

/// A correction of some field of a recent record, to a likely value or to none.
fn likely_correction(state: &State, choices: &mut Choices, fields: &mut Fields) -> Option<()> {
    let seq = fields.get("record").first()?.parse().ok()?;
    let target = &state.entry(seq)?.event;
    let specs: Vec<&FieldSpec> = target.kind().fields().collect();
    let spec = choices.pick(&specs)?;
    // Corrections are about facts; how regular a record is was settled when it was taken in.
    if spec.name == "irregular" || !target.kind().spec().is_correctable() {
        return None;
    }
    let count = usize::from(spec.is_required() || !choices.one_in(5));
    let to = (0..count)
        .map(|_| likely_text(state, choices, target.kind(), spec))
        .collect::<Option<Vec<String>>>()?;
    fields.set("field", vec![spec.name.to_owned()]);
    fields.set("to", to);
    Some(())
}

#[cfg(test)]
mod tests;
