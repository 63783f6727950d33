//! What stands of an entity at some record: its fields, and where it came to stand.

use std::collections::{BTreeMap, BTreeSet};

use servanda_core::event::{Event, Fact};
use servanda_core::state::State;
use servanda_core::value::id::{AgreementId, CommitmentId, PartyId, Seq, Slug, Subject};
use servanda_core::view::View;

use crate::report::cells;

/// What stands of an entity: the names of its fields and axes, each with its texts.
pub type Terms = BTreeMap<&'static str, Vec<String>>;

/// A field or axis that changed, with its texts before and after.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The field or axis.
    pub name: &'static str,
    /// Its texts before.
    pub before: Vec<String>,
    /// Its texts after.
    pub after: Vec<String>,
}

/// What a record did to an entity.
pub enum Touch {
    /// It is there from now on, and stands so.
    Appeared(Slug, Vec<String>),
    /// These fields or axes of it changed.
    Changed(Slug, Vec<Difference>),
}

/// The fields and axes in which two states differ.
pub fn differences(before: &Terms, after: &Terms) -> Vec<Difference> {
    let names: BTreeSet<&'static str> = before.keys().chain(after.keys()).copied().collect();
    let texts = |terms: &Terms, name| terms.get(name).cloned().unwrap_or_default();
    let pairs = names.into_iter().map(|name| Difference {
        name,
        before: texts(before, name),
        after: texts(after, name),
    });
    pairs.filter(|each| each.before != each.after).collect()
}

/// What stands of an entity, whenever it happens; nothing where there is no such entity.
pub fn terms(state: &State, id: &Slug) -> Terms {
    #[cfg(test)]
    super::steps::count(state.trail_records(&Subject::Entity(id.clone())).count() + 1);
    let view = View::whole(state);
    if let Some(commitment) = view.commitment(&CommitmentId(id.clone())) {
        let standing = cells::standing_text(state, commitment.standing, &commitment.standings);
        let terms = Event::from(Fact::from(commitment.terms.into_owned()));
        let mut terms = fields(&terms);
        terms.insert("standing", vec![standing]);
        terms.insert("contest", vec![commitment.contest.to_string()]);
        return terms;
    }
    if let Some(agreement) = view.agreement(&AgreementId(id.clone())) {
        let mut terms = fields(&Event::from(Fact::from(agreement.fact.clone())));
        terms.insert("status", vec![agreement.status.to_string()]);
        return terms;
    }
    if let Some(party) = view.party(&PartyId(id.clone())) {
        let mut terms = fields(&Event::from(Fact::from(party.fact.clone())));
        terms.insert("name", cells::texts(party.names));
        let successors: Vec<String> = party.successors.iter().map(ToString::to_string).collect();
        if !successors.is_empty() {
            terms.insert("successor", successors);
        }
        return terms;
    }
    Terms::new()
}

fn fields(event: &Event) -> Terms {
    let fields = event.to_fields();
    let named = event.kind().own_fields().iter().map(|spec| spec.name);
    named
        .map(|name| (name, fields.get(name).to_vec()))
        .filter(|(_, texts)| !texts.is_empty())
        .collect()
}

/// The entities that a record may change, each once: the one it is about, or those that the record it mends was
/// about before and is about now. What else it names stays as it was, and may have a long history to go through.
pub fn touched(past: &State, seq: Seq, event: &Event) -> BTreeSet<Slug> {
    let about = match &event.fact {
        Fact::CommitmentAmended(fact) => &fact.commitment.0,
        Fact::StatusChanged(fact) => &fact.commitment.0,
        Fact::ContestMoved(fact) => &fact.commitment.0,
        Fact::AgreementStatusChanged(fact) => &fact.agreement.0,
        Fact::PartyRenamed(fact) => &fact.party.0,
        Fact::PartySucceeded(fact) => &fact.party.0,
        Fact::Corrected(fact) => {
            let Some(mended) = earlier(past, seq, fact.record) else {
                return BTreeSet::new();
            };
            let to = fact.to.iter().map(ToString::to_string).collect();
            let now = mended.with_field(fact.field.as_str(), to).ok();
            let both = [Some(mended.clone()), now].into_iter().flatten();
            return both
                .flat_map(|event| touched(past, fact.record, &event))
                .collect();
        }
        Fact::Retracted(fact) => return touched_by_loss(past, seq, fact.record),
        Fact::Redacted(fact) => return touched_by_loss(past, seq, fact.record),
        _ => {
            let defined = event.defines().map(|reference| reference.subject());
            return match defined {
                Some(Subject::Entity(id)) => BTreeSet::from([id]),
                _ => BTreeSet::new(),
            };
        }
    };
    BTreeSet::from([about.clone()])
}

/// The entities that may change when a record no longer counts. Where that is a correction, the record that it
/// mended may be about another one again.
fn touched_by_loss(past: &State, seq: Seq, lost: Seq) -> BTreeSet<Slug> {
    let Some(event) = earlier(past, seq, lost) else {
        return BTreeSet::new();
    };
    let mut all = touched(past, lost, event);
    if let Some((mended, without)) = past.without(lost).filter(|(mended, _)| *mended < lost) {
        all.extend(touched(past, mended, &without));
    }
    if let Fact::Corrected(fact) = &event.fact
        && let Some(now) = earlier(past, lost, fact.record)
    {
        all.extend(touched(past, fact.record, now));
    }
    all
}

/// A record as it reads. In a sound ledger what is mended lies before what mends it; in any other this must still
/// come to an end.
fn earlier(past: &State, seq: Seq, record: Seq) -> Option<&Event> {
    let held = past.held(record).filter(|_| record < seq);
    held.map(|held| &held.entry.event)
}
