//! What a reader must know to read a report rightly: what was inferred, is undated, breaks a rule, or may
//! have happened but does not count.

use std::collections::BTreeSet;

use servanda_core::event::{Entry, Fact, Kind};
use servanda_core::rules::Known;
use servanda_core::state::RecordDate;
use servanda_core::value::id::{Seq, Slug, Subject};
use servanda_core::value::when::When;
use servanda_core::view::View;

use super::bounded::Bounded;
use super::cells;
use super::commitments::Commitments;
use super::part::Part;
use super::question::Question;

/// The notes on commitments and agreements, gathered from one commitment after the other.
#[derive(Default)]
pub struct Caveats {
    undated: usize,
    lasting: usize,
    /// The records that made the commitments what they are and have something to tell.
    records: Vec<Seq>,
    open_deadlines: Bounded,
    waiting: Bounded,
    unsettled: Bounded,
}

impl Caveats {
    /// Takes in what the next commitment adds.
    pub fn add(&mut self, part: &Part) {
        self.undated += usize::from(part.is_undated);
        self.lasting += usize::from(part.is_lasting);
        for seq in &part.records {
            // Many commitments have their date from the same agreement.
            if self.records.last() != Some(seq) {
                self.records.push(*seq);
            }
        }
        let add = |to: &mut Bounded, text: &Option<String>| {
            if let Some(text) = text {
                to.add(|| text.clone());
            }
        };
        add(&mut self.open_deadlines, &part.open_deadline);
        add(&mut self.waiting, &part.waits);
        add(&mut self.unsettled, &part.unsettled);
    }

    /// The notes, once every one of the commitments was added.
    pub fn notes(
        self,
        view: &View<'_>,
        commitments: &Commitments<'_>,
        agreements: &[&Slug],
    ) -> Vec<String> {
        let mut records = self.records;
        for agreement in agreements {
            let of_it = |kind: Kind| {
                use Kind::{AgreementRecorded, AgreementStatusChanged, ParticipationRecorded};
                matches!(
                    kind,
                    AgreementRecorded | AgreementStatusChanged | ParticipationRecorded
                )
            };
            let recorded = view.state.entity(agreement).map(|(_, seq)| seq);
            let trail = view.trail_records(&Subject::Entity((*agreement).clone()));
            let own = trail.filter(|(seq, kind)| {
                of_it(*kind) && (*kind != Kind::AgreementRecorded || Some(*seq) == recorded)
            });
            records.extend(own.map(|(seq, _)| seq));
        }
        records.sort_unstable();
        records.dedup();
        let all = commitments.len();
        let mut notes = Vec::new();
        notes
            .extend(of_all(self.undated, all).map(|are| {
                format!("{are} undated: never overdue, and in no rate of the due ones")
            }));
        notes.extend(of_all(self.lasting, all).map(|are| {
            format!("{are} to be kept at all times or again and again: in no rate of the due ones")
        }));
        notes.extend(inferred(view, &records));
        notes.extend(irregular(view, &records));
        notes.extend(without_date(view, &records));
        notes.extend(open_dates(view, commitments, agreements));
        let deadlines = "deadlines of which only the last possible day counts";
        notes.extend(self.open_deadlines.lines(deadlines));
        notes.extend(self.waiting.joined(", ").map(|waiting| {
            format!("no deadline before an event: {waiting}: in no rate of the due ones")
        }));
        notes.extend(self.unsettled.joined(", ").map(|unsettled| {
            format!(
                "live, though the agreement has ended or is suspended, and nothing says whether it is still owed: \
                 {unsettled}"
            )
        }));
        notes.extend(to_come(view, agreements));
        notes
    }
}

/// The changes of the status of agreements that were made and have not taken effect.
fn to_come(view: &View<'_>, agreements: &[&Slug]) -> Vec<String> {
    let mut told = Bounded::default();
    for id in agreements {
        let Some(number) = view.state.number(id) else {
            continue;
        };
        let changes = view.status_changes(number);
        told.extend(
            cells::to_come(view, &changes).map(|change| format!("{id}: {change}, not yet")),
        );
    }
    told.lines("changes of agreements that have not taken effect")
}

/// The notes on some commitments and agreements, if they are shown.
pub fn notes(
    view: &View<'_>,
    question: &Question,
    commitments: &Commitments<'_>,
    agreements: &[&Slug],
) -> Vec<String> {
    if question.first_table_only {
        return Vec::new();
    }
    let mut caveats = Caveats::default();
    let parts = commitments.in_parallel(|view, commitment| Part::new(view, &commitment));
    parts.for_each(|part| caveats.add(&part));
    caveats.notes(view, commitments, agreements)
}

/// Those of the records whose dates are such.
fn records_with(
    view: &View<'_>,
    records: &[Seq],
    wanted: impl Fn(&RecordDate) -> bool,
) -> impl Iterator<Item = Seq> {
    let state = view.state;
    let wanted = move |seq: &Seq| state.date(*seq).is_some_and(&wanted);
    records.iter().copied().filter(wanted)
}

/// `4 of 7 commitments are`; none for none.
fn of_all(count: usize, all: usize) -> Option<String> {
    let verb = if count == 1 { "is" } else { "are" };
    (count > 0).then(|| format!("{count} of {all} commitments {verb}"))
}

/// What recorders inferred, by record.
fn inferred(view: &View<'_>, records: &[Seq]) -> Option<String> {
    let mut told = Bounded::default();
    for seq in records_with(view, records, |date| date.infers) {
        told.add_some(|| {
            let entry = view.state.entry(seq)?;
            let fields = cells::texts(&entry.event.envelope.inferred).into_iter();
            let fields: Vec<String> = fields.map(|field| with_value(entry, field)).collect();
            Some(format!("{} of {}", fields.join(", "), named(entry)))
        });
    }
    let told = told.joined("; ")?;
    Some(format!("inferred by the recorder: {told}"))
}

/// A date that was inferred is short enough to be told.
fn with_value(entry: &Entry, field: String) -> String {
    match entry.event.envelope.on {
        Some(on) if field == "on" => format!("on ({on})"),
        _ => field,
    }
}

/// A record, and what it is about, in words.
fn named(entry: &Entry) -> String {
    let about = cells::about(&entry.event).join(", ");
    format!("record {} ({} {about})", entry.seq, entry.event.kind())
}

fn irregular(view: &View<'_>, records: &[Seq]) -> Vec<String> {
    let mut told = Bounded::default();
    for seq in records_with(view, records, |date| date.irregular) {
        told.add_some(|| {
            let entry = view.state.entry(seq)?;
            let reason = entry.event.envelope.irregular.as_ref()?;
            Some(format!("irregular: {}: {reason}", named(entry)))
        });
    }
    told.lines("irregular records")
}

/// What counts from the day it was recorded, because nobody knows when it happened.
fn without_date(view: &View<'_>, records: &[Seq]) -> Option<String> {
    let unknown = |seq: &&Seq| {
        let on = cells::occasion(view, **seq).map(|(on, _)| on);
        on.and_then(When::latest).is_none()
    };
    let mut told = Bounded::default();
    let mut count = 0;
    for seq in records.iter().filter(unknown) {
        count += 1;
        told.add(|| seq.to_string());
    }
    let told = told.joined(", ")?;
    Some(match count {
        1 => {
            format!("record {told} has no date to count from, and counts from the day of recording")
        }
        _ => format!(
            "records {told} have no date to count from, and count from the day of recording"
        ),
    })
}

/// What may have happened by the day of the view, but not certainly, and so does not count yet.
fn open_dates(view: &View<'_>, commitments: &Commitments<'_>, agreements: &[&Slug]) -> Vec<String> {
    // Most of a history may lie ahead of the day, so that looking each up must be quick.
    let agreements: BTreeSet<&Slug> = agreements.iter().copied().collect();
    let concerns = |entry: &Entry| match &entry.event.fact {
        Fact::CommitmentRecorded(fact) => agreements.contains(&fact.agreement.0),
        Fact::StatusChanged(fact) => commitments.contains(&fact.commitment),
        Fact::ContestMoved(fact) => commitments.contains(&fact.commitment),
        Fact::Assessed(fact) => commitments.contains(&fact.commitment),
        Fact::CommitmentAmended(fact) => commitments.contains(&fact.commitment),
        Fact::AgreementStatusChanged(fact) => agreements.contains(&fact.agreement.0),
        Fact::ParticipationRecorded(fact) => agreements.contains(&fact.agreement.0),
        // Nothing but the day of the view keeps an agreement out of it.
        Fact::AgreementRecorded(_) => true,
        _ => false,
    };
    let mut told = Bounded::default();
    for seq in view.yet_to_happen() {
        if !view.state.kind(seq).is_some_and(may_be_open) {
            continue;
        }
        let occasion = cells::occasion(view, seq).map(|(on, _)| on);
        let began = |on: &When| on.earliest().is_some_and(|first| first <= view.as_of);
        if let Some(on) = occasion.filter(began)
            && let Some(entry) = view.state.entry(seq).filter(|entry| concerns(entry))
        {
            told.add(|| {
                format!(
                    "{} happened {on}, perhaps after {}: it does not count yet",
                    named(entry),
                    view.as_of
                )
            });
        }
    }
    told.lines("records that may have happened and do not count yet")
}

/// The kinds that make commitments and agreements what they are.
fn may_be_open(kind: Kind) -> bool {
    use Kind::*;
    matches!(
        kind,
        CommitmentRecorded
            | StatusChanged
            | ContestMoved
            | Assessed
            | CommitmentAmended
            | AgreementStatusChanged
            | ParticipationRecorded
            | AgreementRecorded
    )
}
