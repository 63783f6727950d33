//! The cells of values, the same in every report: dates with their doubts, words with their tone, flags, names.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, SecondsFormat};

use servanda_core::event::{Event, Fact, LedgerOpened};
use servanda_core::rules::Known;
use servanda_core::state::{Assessment, CurrentRecord, Id, State};
use servanda_core::value::agreement::AgreementStatus;
use servanda_core::value::base::{Leaf, Text};
use servanda_core::value::commitment::{Contest, Level, Standing};
use servanda_core::value::id::{PartyId, Seq, Subject};
use servanda_core::value::when::{Deadline, Instant, When};
use servanda_core::view::sentences::Sentences;
use servanda_core::view::{Agreement, Commitment, Due, StatusChange, View};

use super::cell::{Cell, Tone};
use super::succession;

/// When something happened: the date it names, else its agreement's for a commitment; and whether the
/// recorder inferred it.
pub fn occasion(view: &View<'_>, seq: Seq) -> Option<(When, bool)> {
    let inherited = view.agreement_stamp(seq).filter(|stamp| stamp.is_dated());
    let stamp = inherited.or(view.state.date(seq))?;
    stamp.on.map(|on| (on, stamp.infers_on))
}

/// Whether an event says that its recorder inferred a field.
pub fn infers(event: &Event, field: &str) -> bool {
    let mut inferred = event.envelope.inferred.iter();
    inferred.any(|name| name.as_str() == field)
}

/// When something happened, as text: `2023-05-11`, `2023-05-11 (inferred)`.
pub fn occasion_text(view: &View<'_>, seq: Seq) -> Option<String> {
    let (on, inferred) = occasion(view, seq)?;
    Some(if inferred {
        format!("{on} (inferred)")
    } else {
        on.to_string()
    })
}

/// When something happened, or nothing.
pub fn on(view: &View<'_>, seq: Seq) -> Cell {
    Cell::maybe(occasion_text(view, seq))
}

/// When something happened; where that is not known, when it was recorded, marked as such.
pub fn since(view: &View<'_>, seq: Seq) -> Cell {
    Cell::maybe(since_text(view, seq))
}

fn since_text(view: &View<'_>, seq: Seq) -> Option<String> {
    let recorded = || {
        let stamp = view.state.date(seq)?;
        Some(format!("{} (recorded)", stamp.recorded))
    };
    occasion_text(view, seq).or_else(recorded)
}

/// When a change of an agreement's status took effect, as [`since`] has it.
pub fn effect_text(view: &View<'_>, seq: Seq) -> String {
    let effective = match view.state.entry(seq).map(|entry| &entry.event.fact) {
        Some(Fact::AgreementStatusChanged(fact)) => fact.effective,
        _ => None,
    };
    let effective = effective.filter(|on| on.latest().is_some());
    let effective = effective.map(|on| on.to_string());
    effective
        .or_else(|| since_text(view, seq))
        .unwrap_or_default()
}

/// When the ledger took something in, to the second.
pub fn recorded(at: Instant) -> Cell {
    let time = chrono::DateTime::from_timestamp_micros(at.0);
    let seconds = time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
    Cell::Text(seconds.unwrap_or_else(|| at.to_string()))
}

/// The number of days, which `Days` does not give.
pub fn whole(days: Days) -> i64 {
    let start = NaiveDate::default();
    let end = start.checked_add_days(days);
    end.map_or(i64::MAX, |end| (end - start).num_days())
}

/// The number of a record.
pub fn record(seq: Seq) -> Cell {
    Cell::Number(i64::try_from(seq.0).unwrap_or(i64::MAX))
}

/// A standing.
pub fn standing(standing: Standing) -> Cell {
    let tone = match standing {
        Standing::Fulfilled => Tone::Good,
        Standing::Breached => Tone::Bad,
        Standing::Claimed | Standing::Partial | Standing::Suspended => Tone::Attention,
        other if other.is_live() => Tone::Plain,
        _ => Tone::Faint,
    };
    Cell::Word(standing.to_string(), tone)
}

/// Where the debtors stand, `colombia fulfilled` each, if they stand at different points; else nothing.
pub fn differences(state: &State, each: &[(Id, Standing)]) -> Vec<String> {
    let mut standings = each.iter().map(|(_, standing)| *standing);
    let first = standings.next();
    if standings.all(|other| Some(other) == first) {
        return Vec::new();
    }
    let text = |(debtor, standing): &(Id, Standing)| format!("{} {standing}", state.slug(*debtor));
    each.iter().map(text).collect()
}

/// Where a commitment stands, and where its debtors do if they differ: `active; differs: colombia fulfilled, venezuela
/// active`.
pub fn standing_text(state: &State, whole: Standing, each: &[(Id, Standing)]) -> String {
    match differences(state, each).as_slice() {
        [] => whole.to_string(),
        each => format!("{whole}; differs: {}", each.join(", ")),
    }
}

/// A contest.
pub fn contest(contest: Contest) -> Cell {
    let tone = match contest {
        Contest::None => Tone::Faint,
        Contest::Claimed => Tone::Attention,
        Contest::Disputed => Tone::Bad,
        Contest::Settled => Tone::Plain,
    };
    Cell::Word(contest.to_string(), tone)
}

/// What the calendar says of a commitment, in a word; `lapsed` of one that a debtor would owe, were its agreement not
/// ended or suspended.
pub fn due_of(view: &View<'_>, commitment: &Commitment<'_>, soon: Days) -> Cell {
    let calendar = view.due(commitment, soon);
    let is_owed = commitment.any(Standing::can_be_overdue);
    if is_owed && lapsed_since(view, commitment).is_some() {
        return Cell::Word(LAPSED.to_owned(), Tone::Attention);
    }
    if calendar == Due::NotOwed && commitment.any(|standing| standing == Standing::Breached) {
        return Cell::Word(Standing::Breached.to_string(), Tone::Bad);
    }
    due(calendar, commitment.terms.deadline.as_ref())
}

/// The word for what would be owed, were its agreement not ended or suspended.
pub const LAPSED: &str = "lapsed";

/// What the calendar says, in a word.
pub fn due(due: Due, deadline: Option<&Deadline>) -> Cell {
    let (word, tone) = match due {
        Due::Overdue { .. } => ("overdue", Tone::Bad),
        Due::Contested { .. } => ("contested", Tone::Bad),
        Due::Soon { .. } => ("soon", Tone::Attention),
        Due::Later => ("later", Tone::Plain),
        Due::Waiting => ("waiting", Tone::Plain),
        Due::Undated => ("undated", Tone::Plain),
        Due::Standing if matches!(deadline, Some(Deadline::Recurring(_))) => {
            ("recurring", Tone::Plain)
        }
        Due::Standing => ("continuing", Tone::Plain),
        Due::NotOwed => ("not owed", Tone::Faint),
    };
    Cell::Word(word.to_owned(), tone)
}

/// The latest finding of each assessor on each of its scales: assessor, scale, level; in this order.
fn findings<'r>(
    view: &View<'r>,
    commitment: &Commitment<'r>,
) -> Vec<(Cow<'r, str>, &'r Text, &'r Level)> {
    let state = view.state;
    let assessor = |finding: &Assessment| match &*finding.by {
        [one] => Cow::Borrowed(state.slug(*one).as_str()),
        several => {
            let ids = several.iter();
            let ids: Vec<&str> = ids.map(|id| state.slug(*id).as_str()).collect();
            Cow::Owned(ids.join(", "))
        }
    };
    let found = commitment.assessments.iter().map(|(seq, finding)| {
        let found = (assessor(finding), &finding.scale, &finding.level);
        (found, *seq)
    });
    let mut found: Vec<_> = found.collect();
    // Of each assessor and scale the newest comes first, and stays.
    let at = |seq: Seq| (view.last_possible_day(seq), seq);
    found.sort_unstable_by(|(one, seq), (other, other_seq)| {
        let key = (&one.0, one.1).cmp(&(&other.0, other.1));
        key.then_with(|| at(*other_seq).cmp(&at(*seq)))
    });
    found.dedup_by(|(older, _), (newer, _)| older.0 == newer.0 && older.1 == newer.1);
    found.into_iter().map(|(found, _)| found).collect()
}

/// Whether some assessor, when it last looked, found nothing to judge by.
pub fn lacks_evidence<'r>(view: &View<'r>, commitment: &Commitment<'r>) -> bool {
    let is_lacking = |level: &Level| *level == Level::NoEvidence;
    let mut ever = commitment.assessments.iter();
    ever.any(|(_, finding)| is_lacking(&finding.level))
        && findings(view, commitment)
            .into_iter()
            .any(|(_, _, level)| is_lacking(level))
}

/// These findings as texts. Never one figure: assessors differ.
pub fn assessments<'r>(view: &View<'r>, commitment: &Commitment<'r>) -> Vec<String> {
    let findings = findings(view, commitment).into_iter();
    let text = |(assessor, scale, level): (Cow<'_, str>, &Text, &Level)| {
        [scale.as_str(), "=", level.as_str(), " by ", &assessor].concat()
    };
    findings.map(text).collect()
}

/// Which of the parties of an agreement acknowledged its record with their own keys.
pub fn agreement_acknowledged(view: &View<'_>, agreement: &Agreement<'_>) -> Cell {
    let parties = &agreement.fact.party;
    let signers = view.acknowledged_by(agreement.recorded.seq);
    match parties.len() {
        _ if signers.is_empty() => Cell::None,
        2 if all_stand_by(view, parties, &signers) => Cell::text("both"),
        _ if all_stand_by(view, parties, &signers) => Cell::text("all"),
        _ => Cell::Text(format!("{} only", joined(&signers))),
    }
}

/// Which sides of a commitment acknowledged the record that brought it where it stands.
///
/// A side acknowledged it once all of its parties did. Other cases are shown by the ids of the parties: a part of a side,
/// one side of a mutual commitment, somebody else.
pub fn commitment_acknowledged(view: &View<'_>, commitment: &Commitment<'_>) -> Cell {
    let signers = view.acknowledged_by(commitment.last_move());
    if signers.is_empty() {
        return Cell::None;
    }
    let (debtors, creditors) = (&commitment.terms.debtor, &commitment.terms.creditor);
    let nobody_else_than = |side: &[PartyId]| {
        let mut signers = signers.iter();
        signers.all(|signer| acts_for_one_of(view, signer, side))
    };
    let (by_debtors, by_creditors) = (
        all_stand_by(view, debtors, &signers),
        all_stand_by(view, creditors, &signers),
    );
    if by_debtors && by_creditors {
        Cell::text("both sides")
    } else if by_debtors && nobody_else_than(debtors) && !commitment.terms.mutual {
        Cell::text("debtor only")
    } else if by_creditors && nobody_else_than(creditors) && !commitment.terms.mutual {
        Cell::text("creditor only")
    } else {
        Cell::Text(joined(&signers))
    }
}

/// Whether for each of these parties, of which there are some, one of the signers acts.
fn all_stand_by(view: &View<'_>, parties: &[PartyId], signers: &[&PartyId]) -> bool {
    let stands = |party| {
        let mut signers = signers.iter();
        signers.any(|signer| view.state.acts_for(signer, party))
    };
    !parties.is_empty() && parties.iter().all(stands)
}

fn acts_for_one_of(view: &View<'_>, signer: &PartyId, parties: &[PartyId]) -> bool {
    let mut parties = parties.iter();
    parties.any(|party| view.state.acts_for(signer, party))
}

fn joined(parties: &[&PartyId]) -> String {
    let ids: Vec<&str> = parties.iter().map(|party| party.as_str()).collect();
    ids.join(", ")
}

/// The name of each party that is shown, read once: a party may have a long history.
pub fn party_names(view: &View<'_>) -> BTreeMap<PartyId, String> {
    let named = view.parties().into_iter();
    let named =
        named.filter_map(|party| Some((party.id.clone(), party.names.first()?.to_string())));
    named.collect()
}

/// Who asserts an event.
pub fn by(event: &Event) -> Vec<String> {
    texts(&event.envelope.by)
}

/// Where an event was read.
pub fn sources(event: &Event) -> Vec<String> {
    texts(&event.envelope.source)
}

/// Values as texts.
pub fn texts<T: Leaf>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// The text in place of withheld content.
pub const WITHHELD: &str = "(withheld)";

/// What a record says, unless that is withheld.
pub fn sentence(sentences: &Sentences<'_>, held: &CurrentRecord) -> Cell {
    match held.redacted {
        Some(_) => Cell::text(WITHHELD),
        None => Cell::Text(sentences.of(&held.entry)),
    }
}

/// What an event is about: what it defines, else what its fact names. Who was present is not.
pub fn about(event: &Event) -> Vec<String> {
    if let Some(defined) = event.defines() {
        return vec![defined.subject().to_string()];
    }
    let mut all = Vec::new();
    for (field, reference) in event.fact.references() {
        let text = match reference.subject() {
            Subject::Record(seq) => format!("record {seq}"),
            Subject::Entity(id) => id.to_string(),
        };
        if field != "present" && !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// What the ledger's first record says: its origin and purpose.
pub fn opening(state: &State) -> Option<&LedgerOpened> {
    match &state.entry(Seq(0))?.event.fact {
        Fact::LedgerOpened(opening) => Some(opening),
        _ => None,
    }
}

/// The flag of a record whose recorded time is asserted.
pub fn asserted(state: &State, seq: Seq) -> Option<String> {
    (seq.0 < state.asserted()).then(|| "recorded time asserted".to_owned())
}

/// The flags of a record: it is irregular, was inferred in part, corrected, retracted or redacted.
pub fn flags(state: &State, seq: Seq) -> Vec<String> {
    let mut flags = Vec::new();
    let Some(stamp) = state.date(seq) else {
        return flags;
    };
    if stamp.irregular {
        flags.push("irregular".to_owned());
    }
    if stamp.infers
        && let Some(held) = state.held(seq)
    {
        let inferred = texts(&held.entry.event.envelope.inferred).join(", ");
        flags.push(format!("inferred {inferred}"));
    }
    flags.extend(record_status(state, seq));
    flags
}

/// What later records did to a record.
fn record_status(state: &State, seq: Seq) -> impl Iterator<Item = String> {
    let counts = |seq: &Seq| state.standing_kind(*seq).is_some();
    let corrections = state.corrections(seq).filter(counts);
    let corrected = corrections.map(|seq| format!("corrected by {seq}"));
    let retracted = state.retracted_by(seq);
    let retracted = retracted.map(|seq| format!("retracted by {seq}"));
    let redacted = state.redacted_by(seq);
    let redacted = redacted.map(|seq| format!("redacted by {seq}"));
    corrected.chain(retracted).chain(redacted)
}

/// The flags of a commitment: those of every record that made it what it is, with the record's number
/// where that is not the first one.
pub fn commitment_flags<'r>(view: &View<'r>, commitment: &Commitment<'r>) -> Vec<String> {
    let state = view.state;
    let may_be_flagged = |seq| state.is_noteworthy(seq) || state.is_mended(seq);
    let mut all = Vec::new();
    for seq in view.own_trail_of(commitment, may_be_flagged) {
        for flag in flags(view.state, seq) {
            let flag = if seq == commitment.recorded.seq {
                flag
            } else {
                format!("{flag} (record {seq})")
            };
            all.push(flag);
        }
    }
    all.extend(unsettled(view, commitment).map(|status| {
        let agreement = &commitment.terms.agreement;
        format!("agreement {agreement} {status}")
    }));
    all.extend(succession::flags(view, commitment));
    all
}

/// The status of a commitment's agreement, where that has ended or is suspended and the commitment is live all the same:
/// nothing says what became of it.
pub fn unsettled(view: &View<'_>, commitment: &Commitment<'_>) -> Option<AgreementStatus> {
    if !commitment.standing.is_live() {
        return None;
    }
    let status = view.agreement_status(&commitment.terms.agreement)?;
    let lapsed = match status {
        AgreementStatus::Suspended => commitment.standing != Standing::Suspended,
        status => status.has_ended(),
    };
    lapsed.then_some(status)
}

/// Since when a commitment's agreement has ended or is suspended, where it had not fallen due before that. Nothing says
/// whether it is to be kept after that day, so it is neither owed nor due then. What fell due before, it still is.
pub fn lapsed_since(view: &View<'_>, commitment: &Commitment<'_>) -> Option<NaiveDate> {
    let since = view.lapsed_since(commitment.agreement()?)?;
    let due = view.due_date(commitment);
    due.is_none_or(|due| due >= since).then_some(since)
}

/// The flags of an agreement: those of its record, and what is to come of its status.
pub fn agreement_flags(view: &View<'_>, agreement: &Agreement<'_>) -> Vec<String> {
    let mut all = flags(view.state, agreement.recorded.seq);
    all.extend(to_come(view, &agreement.changes));
    all
}

/// The changes of an agreement's status that were made and have not taken effect.
pub fn to_come(view: &View<'_>, changes: &[StatusChange]) -> impl Iterator<Item = String> {
    let later = changes.iter().filter(|change| change.day > view.as_of);
    later.filter_map(|change| Some(format!("{} from {}", change.to, change.effective?)))
}

/// Whether nothing says by when it is to be kept, so that it is in no rate of what is due.
pub fn is_undated(commitment: &Commitment<'_>) -> bool {
    let deadline = commitment.terms.deadline.as_ref();
    deadline.is_none_or(Deadline::is_undated)
}
