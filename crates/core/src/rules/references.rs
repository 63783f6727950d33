//! What an event names exists, and what it names anew is free.

use smallvec::SmallVec;

use super::known::Known;
use super::rejection::{Advice, Rejection, Rule};
use crate::event::{Event, FieldSpec};
use crate::state::{Asked, EntityKind, State};
use crate::value::base::{Leaf, Shape};
use crate::value::id::{PartyId, Reference, Seq, Slug};

/// What an event names exists and is of the right kind.
pub(super) fn check_references(asked: Asked<'_>, event: &Event) -> Result<(), Rejection> {
    let state = asked.state;
    let mut unknown = Vec::new();
    let mut spelled = None;
    event.each_reference(|field, reference| {
        let complaint = match (reference, reference.slug()) {
            // A record whose payload is gone is still there.
            (Reference::Record(seq), _) if seq.0 >= state.count() => {
                Some(format!("{field}: there is no record {seq}"))
            }
            (_, Some(id)) => match (asked.entity(id), EntityKind::of(&reference)) {
                (None, wanted) => {
                    let word = wanted.map_or("entity", EntityKind::word);
                    spelled = spelled.or_else(|| state.other_case(id));
                    Some(format!("{field}: no {word} is called {id}"))
                }
                (Some((found, seq)), Some(wanted)) if found != wanted => Some(format!(
                    "{field}: {id} is no {}, it names the {} of record {seq}",
                    wanted.word(),
                    found.word()
                )),
                _ => None,
            },
            _ => None,
        };
        unknown.extend(complaint);
    });
    if unknown.is_empty() {
        return Ok(());
    }
    let advice = match spelled {
        Some(other) => format!("{other}, which differs in upper and lower case only"),
        None => "register it first, or correct the name".to_owned(),
    };
    Err(Rejection::new(Rule::Known, unknown.join("; ")).allowing([Advice::Do(advice)]))
}

/// Whether the id that an event gives differs from all others in more than upper and lower case. This is asked before an
/// append and not by `verify`, because a ledger may have such ids.
///
/// # Errors
/// [`Rule::UniqueId`], with the id that it may be meant to be.
pub fn check_spelling(state: &State, event: &Event) -> Result<(), Rejection> {
    let id = event.defines().and_then(Reference::slug);
    let Some((id, other)) = id.and_then(|id| Some((id, state.other_case(id)?))) else {
        return Ok(());
    };
    let (kind, seq) = state
        .entity(other)
        .map_or(("id", Seq(0)), |(kind, seq)| (kind.word(), seq));
    let message = format!(
        "id: {id} differs from {other}, the {kind} of record {seq}, in upper and lower case only"
    );
    let named = Advice::Do(format!("name {other} instead"));
    let another = Advice::Do("another id".to_owned());
    Err(Rejection::new(Rule::UniqueId, message).allowing([named, another, Advice::BothCases]))
}

/// No list of an event names a party twice; of a corrected event, the list that was corrected.
pub(super) fn check_named_once(event: &Event, changed: Option<&str>) -> Result<(), Rejection> {
    let is_list = |name: &str| {
        let spec = event.kind().field(name);
        let is_list = |spec: &FieldSpec| spec.shape == Shape::Many && spec.label == PartyId::LABEL;
        changed.is_none_or(|changed| changed == name) && spec.is_some_and(is_list)
    };
    let mut parties = 0;
    event.each_reference(|_, reference| {
        parties += usize::from(matches!(reference, Reference::Party(_)));
    });
    if parties < 2 {
        return Ok(());
    }
    let mut named: SmallVec<[(&'static str, &Slug); 8]> = SmallVec::with_capacity(parties);
    event.each_reference(|field, reference| {
        if let Reference::Party(PartyId(id)) = reference {
            named.push((field, id));
        }
    });
    named.sort_unstable();
    for pair in named.windows(2) {
        let (field, id) = pair[0];
        if pair[0] == pair[1] && is_list(field) {
            let message = format!("{field}: {id} is named twice");
            let advice = Advice::Do("name it once".to_owned());
            return Err(Rejection::new(Rule::NamedOnce, message).allowing([advice]));
        }
    }
    Ok(())
}

/// The id that an event gives is free, and so is its import key.
pub(super) fn check_names(asked: Asked<'_>, event: &Event) -> Result<(), Rejection> {
    if let Some(id) = event.defines().and_then(Reference::slug)
        && let Some((kind, seq)) = asked.entity(id)
    {
        let message = format!("id: {id} already names the {} of record {seq}", kind.word());
        return Err(Rejection::new(Rule::UniqueId, message).allowing([
            Advice::Do("another id".to_owned()),
            Advice::Do(format!("a correction of record {seq}")),
        ]));
    }
    if let Some(key) = &event.envelope.import_key
        && let Some(seq) = asked.state.imported_exactly(key.as_str())
    {
        let message = format!("import_key: `{key}` went into record {seq} already");
        return Err(Rejection::new(Rule::UniqueImportKey, message));
    }
    Ok(())
}
