//! The rules of the three events that change earlier records: corrections, retractions and redactions. They stand here
//! because they look at events of all kinds.
//!
//! # What may be redacted
//! A payload that is redacted is destroyed. Replay must then come to the same end without it, and every event
//! that was accepted while it was there must still be acceptable. So what may be redacted are
//! - records of the kinds that no rule looks at, retracted or not: without one of them a later event can only
//!   be freer. Nothing that counts may name it, but its corrections and retraction;
//! - corrections of a redacted record, retracted or not: they change a record that is itself no longer looked
//!   at. A correction of any other record changes what the rules see, so it is never redacted.
//!
//! A record goes before its corrections, and not the other way round: the record alone leaves nothing for them
//! to change, while a correction alone would leave the record as it never read.

use super::known::Known;
use super::recorder::{check_admitted, recorder};
use super::references::check_references;
use super::rejection::{Advice, Rejection, Rule};
use crate::event::{Change, Corrected, Erasable, Event, Fact, Kind, StatusChanged};
use crate::state::{Asked, CurrentRecord, Ids, State, Word};
use crate::value::base::Text;
use crate::value::id::{PartyId, Reference, Seq, Subject};
use crate::value::unicode;

/// Fills in what an event leaves to the ledger: of several debtors those whose performance a status is about; the old value
/// of a correction, also where it is given in another spelling of Unicode than the record has.
pub fn complete(state: &State, event: Event) -> Event {
    let mut event = event;
    if let Fact::StatusChanged(fact) = &mut event.fact
        && fact.debtor.is_empty()
    {
        fact.debtor = concerned(state, fact, &event.envelope.by);
    }
    if let Fact::Corrected(fact) = &mut event.fact
        && let Some(held) = state.held(fact.record)
    {
        let fields = held.entry.event.to_fields();
        let texts = fields.get(fact.field.as_str());
        let same = |(old, text): (&Text, &String)| unicode::same(old.as_str(), text);
        let is_same = fact.old.len() == texts.len() && fact.old.iter().zip(texts).all(same);
        if fact.old.is_empty() || is_same {
            fact.old = texts.iter().filter_map(|text| text.parse().ok()).collect();
        }
    }
    event
}

/// The debtors whose performance a status is about that does not say so; nobody where there is one debtor.
fn concerned(state: &State, fact: &StatusChanged, by: &[PartyId]) -> Vec<PartyId> {
    let Some(standings) = state
        .position(&fact.commitment)
        .map(|position| position.standings())
    else {
        return Vec::new();
    };
    if standings.debtors().len() < 2 {
        return Vec::new();
    }
    let word = Word {
        to: fact.to,
        by: by
            .iter()
            .filter_map(|party| state.number(&party.0))
            .collect(),
        capacity: fact.capacity,
        debtor: Ids::new(),
    };
    let about = standings.about(&word).into_iter();
    about
        .map(|debtor| PartyId(state.slug(debtor).clone()))
        .collect()
}

/// What holds of a record when it comes, after a correction, and after a correction's retraction.
pub(super) fn check_sound(asked: Asked<'_>, seq: Seq, event: &Event) -> Result<(), Rejection> {
    let state = asked.state;
    check_references(asked, event)?;
    event.fact.check_record(&asked, seq)?;
    let name = event.envelope.recorded_by.as_ref();
    match name.and_then(|name| recorder(state, name.as_str())) {
        Some(recorder) => check_admitted(state, seq, &recorder),
        None => Ok(()),
    }
}

/// The rules about what an event does to an earlier record.
pub(super) fn check_amending(state: &State, event: &Event) -> Result<(), Rejection> {
    match &event.fact {
        Fact::Corrected(fact) => check_correction(state, fact),
        Fact::Retracted(fact) => check_retraction(state, fact.record),
        Fact::Redacted(fact) => check_redaction(state, fact.record),
        _ => Ok(()),
    }
}

/// The record that another mends, if it counts. None where its payload is gone under a redaction that is
/// yet to come: a replay then takes what was accepted while the payload was there.
fn target(state: &State, seq: Seq, rule: Rule) -> Result<Option<&CurrentRecord>, Rejection> {
    match state.held(seq) {
        Some(held) if held.is_standing() => Ok(Some(held)),
        None if !is_redacted(state, seq) => Ok(None),
        _ => Err(Rejection::new(
            rule,
            format!("record {seq} was retracted or redacted already"),
        )),
    }
}

fn check_correction(state: &State, fact: &Corrected) -> Result<(), Rejection> {
    let seq = fact.record;
    let refuse = |message: String| Err(Rejection::new(Rule::Correctable, message));
    let Some(held) = target(state, seq, Rule::Correctable)? else {
        return Ok(());
    };
    let target = &held.entry.event;
    let kind = target.kind();
    if !kind.spec().is_correctable() {
        return refuse(format!(
            "record {seq} is a {kind}, which is never corrected"
        ));
    }
    let Some(spec) = kind.field(fact.field.as_str()) else {
        let known = Advice::words(kind.fields().map(|spec| spec.name));
        let message = format!(
            "record {seq} is a {kind}, which has no field {}",
            fact.field
        );
        return Err(Rejection::new(Rule::Correctable, message).allowing(known));
    };
    if !spec.is_correctable() {
        return refuse(format!(
            "the {} of record {seq} stays what it is; retract the record and record it anew",
            spec.name
        ));
    }
    let present = target.to_fields().get(spec.name).to_vec();
    let texts = |list: &[Text]| -> Vec<String> { list.iter().map(ToString::to_string).collect() };
    if texts(&fact.old) != present {
        return refuse(format!(
            "{} of record {seq} is `{}` now, not `{}`",
            spec.name,
            present.join("; "),
            texts(&fact.old).join("; ")
        ));
    }
    if spec.name == "irregular" && (present.is_empty() || fact.to.is_empty()) {
        return refuse(format!(
            "whether record {seq} is irregular was settled when it was recorded; only its reason is corrected"
        ));
    }
    match target.with_field(spec.name, texts(&fact.to)) {
        Err(errors) => {
            let list: Vec<String> = errors.iter().map(ToString::to_string).collect();
            refuse(list.join("; "))
        }
        // Compared as events: one value may be written in two ways.
        Ok(corrected) if corrected == *target => {
            refuse(format!("{} of record {seq} says so already", spec.name))
        }
        Ok(corrected) => {
            let named = state.named(&corrected);
            check_sound(Asked::new(state, &named), seq, &corrected)
        }
    }
}

fn check_retraction(state: &State, seq: Seq) -> Result<(), Rejection> {
    let refuse = |message: String| Err(Rejection::new(Rule::NothingDepends, message));
    let Some(held) = target(state, seq, Rule::NothingDepends)? else {
        // It was retracted while its payload was there, and is redacted later.
        return Ok(());
    };
    let kind = held.entry.event.kind();
    if !kind.spec().is_retractable() {
        return refuse(format!(
            "record {seq} is a {kind}, which is never retracted"
        ));
    }
    check_independent(state, seq, held.entry.event.defines())?;
    match state.without(seq) {
        None => Ok(()),
        Some((corrected, restored)) => {
            let named = state.named(&restored);
            check_sound(Asked::new(state, &named), corrected, &restored).map_err(|rejection| {
                let message = format!(
                    "without it record {corrected} would not hold: {}",
                    rejection.message
                );
                Rejection::new(Rule::NothingDepends, message)
                    .allowing([Advice::Do("correct that record instead".to_owned())])
            })
        }
    }
}

/// Nothing that counts names the record, or what it defined.
fn check_independent(
    state: &State,
    seq: Seq,
    defined: Option<Reference<'_>>,
) -> Result<(), Rejection> {
    let dependants = dependants(state, seq, defined);
    if dependants.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = dependants.iter().take(8).map(ToString::to_string).collect();
    let more = if dependants.len() > list.len() {
        " and more"
    } else {
        ""
    };
    let message = format!(
        "record {seq} is depended on by records {}{more}",
        list.join(", ")
    );
    Err(Rejection::new(Rule::NothingDepends, message).allowing([
        Advice::Do("retract those first".to_owned()),
        Advice::Do("correct the record".to_owned()),
    ]))
}

/// The records that name what a record defined, or the record itself (but for what mends it).
fn dependants(state: &State, seq: Seq, defined: Option<Reference<'_>>) -> Vec<Seq> {
    let entity = defined.map(|reference| reference.subject());
    let record = Subject::Record(seq);
    let about_record = state.trail_records(&record).filter(|(_, kind)| {
        let change = kind.spec().change;
        !matches!(change, Some(Change::Corrects | Change::Retracts))
    });
    let mut all: Vec<Seq> = entity
        .iter()
        .flat_map(|subject| state.trail_records(subject))
        .chain(about_record)
        .map(|(other, _)| other)
        .filter(|other| *other != seq)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether the payload of an event that comes next can be erased later. This is bound into its record's header.
pub fn is_erasable(state: &State, event: &Event) -> bool {
    let target = || event.target().and_then(|target| state.kind(target));
    event.kind().is_erasable(target)
}

/// Whether there can be a redaction of a record of this kind.
pub fn may_be_redacted(kind: Kind) -> bool {
    kind.spec().form.erasable != Erasable::Never
}

/// Replay must come to the same end without the payload; the top of this file says why this is enough.
fn check_redaction(state: &State, seq: Seq) -> Result<(), Rejection> {
    let refuse = |message: String| Err(Rejection::new(Rule::NothingDepends, message));
    if is_redacted(state, seq) {
        return refuse(format!("record {seq} was redacted already"));
    }
    // Of a payload that is gone a replay only knows that it could be redacted.
    if let Some(held) = state.held(seq) {
        match &held.entry.event.fact {
            Fact::Corrected(fact) if !is_redacted(state, fact.record) => {
                let record = fact.record;
                return Err(Rejection::new(
                    Rule::NothingDepends,
                    format!("record {seq} corrects record {record}, which is not redacted"),
                )
                .allowing([Advice::Do(format!(
                    "redact record {record}, and its corrections with it"
                ))]));
            }
            fact if !may_be_redacted(fact.kind()) => {
                let kind = fact.kind();
                let erasable = |kind: &&Kind| kind.spec().form.erasable == Erasable::Always;
                let words = Kind::ALL.iter().filter(erasable);
                let words = Advice::words(words.map(|kind| kind.word()));
                let message =
                    format!("record {seq} is a {kind}: later records rest on what it says");
                return Err(Rejection::new(Rule::NothingDepends, message).allowing(words));
            }
            _ => {}
        }
    }
    check_independent(state, seq, None)
}

/// Whether a redaction names the record.
fn is_redacted(state: &State, seq: Seq) -> bool {
    state
        .trail_records(&Subject::Record(seq))
        .any(|(_, kind)| kind.spec().change == Some(Change::Redacts))
}

/// What can be asked of a corrected record by itself. Whether what came after it would still have been
/// accepted is not: a correction mends the record, and the world was as it was. Of no kind that can be erased is anything
/// asked here, so that the answer is the same when the payload of the corrected record is gone.
pub(super) fn check_corrected(state: &State, correction: &Corrected) -> Result<(), Rejection> {
    let Some(Event { fact, envelope }) = corrected(state, correction) else {
        return Ok(());
    };
    fact.check_corrected(correction.field.as_str(), state, &envelope)
}

/// The event of a record that counts, as it reads after a correction.
pub(super) fn corrected(state: &State, correction: &Corrected) -> Option<Event> {
    let texts = correction.to.iter().map(ToString::to_string).collect();
    let entry = state.entry(correction.record)?;
    let corrected = entry.event.with_field(correction.field.as_str(), texts);
    corrected.ok()
}
