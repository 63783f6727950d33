//! The rules: what may be said next. A pure function over the state, which every append and every
//! verification asks.
//!
//! A rule is either about the record (what is named must exist, an id is given once), and then holds
//! without exception, or about the world (a breach follows a claim), and then an event that breaks it can
//! be recorded as irregular, with the reason, and is flagged wherever it shows.
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

use crate::event::*;
use crate::state::{CurrentRecord, EntityKind, Id, Position, State};
use crate::value::base::words;
use crate::value::commitment::{
    Asserter, Capacity, Contest, Standing, transition, transitions_from,
};
use crate::value::id::RecorderId;
use crate::value::id::{CommitmentId, PartyId, Reference, Seq, Slug, Subject};
use crate::value::when::When;

words! {
    /// The rules, by name.
    Rule "RULE" {
        /// Fields are complete and fit together.
        Complete = "complete",
        /// A ledger is opened once, by its first record.
        OpenedOnce = "opened-once",
        /// What is named exists, and is of the right kind.
        Known = "known",
        /// An id is given once.
        UniqueId = "unique-id",
        /// An import key is used once.
        UniqueImportKey = "unique-import-key",
        /// A mutual commitment names both sides.
        BothSides = "both-sides",
        /// A correction changes a field that can be corrected, from the value it has to one that it may have.
        Correctable = "correctable",
        /// A retraction or redaction leaves nothing hanging.
        NothingDepends = "nothing-depends",
        /// A recorder's key is revoked once.
        RecorderAdmitted = "recorder-admitted",
        /// A party acknowledges with a key that the ledger knows, and what can be acknowledged.
        PartyKey = "party-key",
        /// An event is recorded as irregular only if it breaks a rule.
        IrregularOnly = "irregular-only",
        /// A standing moves as the table of transitions says.
        StandingMove = "standing-move",
        /// A move is asserted by those whose word it takes.
        StandingAsserter = "standing-asserter",
        /// An agreement's status moves in order.
        AgreementMove = "agreement-move",
        /// A contest moves in order.
        ContestMove = "contest-move",
        /// Only who took part can withdraw.
        Withdrawal = "withdrawal",
        /// Only recurring commitments have occurrences.
        Recurring = "recurring",
        /// Nothing moves before the agreement was concluded.
        NotBeforeAgreement = "not-before-agreement",
    }
}

impl Rule {
    /// Whether an event that breaks it may be recorded as irregular.
    pub fn is_waivable(self) -> bool {
        use Rule::*;
        matches!(
            self,
            StandingMove
                | StandingAsserter
                | AgreementMove
                | ContestMove
                | Withdrawal
                | Recurring
                | NotBeforeAgreement
        )
    }
}

/// Why an event is refused: the rule, what stands now, and what would be allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (rule {rule})")]
pub struct Rejection {
    /// The rule that it breaks.
    pub rule: Rule,
    /// What is wrong, with what stands now.
    pub message: String,
    /// What would be allowed.
    pub allowed: Vec<String>,
}

impl Rejection {
    fn new(rule: Rule, message: impl Into<String>) -> Self {
        Self {
            rule,
            message: message.into(),
            allowed: Vec::new(),
        }
    }

    fn allowing(mut self, allowed: impl IntoIterator<Item = String>) -> Self {
        self.allowed.extend(allowed);
        self
    }
}

/// Fills in what an event leaves to the ledger: the old value of a correction.
pub fn complete(state: &State, event: Event) -> Event {
    let mut event = event;
    if let Fact::Corrected(fact) = &mut event.fact
        && fact.old.is_empty()
        && let Some(held) = state.held(fact.record)
    {
        let fields = held.entry.event.to_fields();
        let texts = fields.get(fact.field.as_str()).iter();
        fact.old = texts.filter_map(|text| text.parse().ok()).collect();
    }
    event
}

/// Whether an event may come next.
///
/// # Errors
/// The first rule that it breaks, unless that rule is waivable and the event is marked irregular.
pub fn check(state: &State, event: &Event) -> Result<(), Rejection> {
    let irregular = event.envelope.irregular.is_some();
    check_record(state, event)?;
    match check_world(state, event) {
        Err(_) if irregular => Ok(()),
        Err(rejection) => Err(rejection),
        Ok(()) if irregular => Err(Rejection::new(
            Rule::IrregularOnly,
            "the event is marked irregular but breaks no rule",
        )
        .allowing(["record it without `irregular`".to_owned()])),
        Ok(()) => Ok(()),
    }
}

/// The rules about the record.
fn check_record(state: &State, event: &Event) -> Result<(), Rejection> {
    let problems = event.problems();
    if !problems.is_empty() {
        let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Err(Rejection::new(Rule::Complete, list.join("; ")));
    }
    check_opening(state, event)?;
    check_names(state, event)?;
    check_sound(state, Seq(state.count()), event)?;
    match &event.fact {
        Fact::Corrected(fact) => check_correction(state, fact),
        Fact::Retracted(fact) => check_retraction(state, fact.record),
        Fact::Redacted(fact) => check_redaction(state, fact.record),
        _ => Ok(()),
    }
}

/// What holds of a record when it comes, after a correction, and after a correction's retraction.
fn check_sound(state: &State, seq: Seq, event: &Event) -> Result<(), Rejection> {
    check_references(state, event)?;
    match &event.fact {
        Fact::PartyRegistered(PartyRegistered {
            id,
            parent: Some(parent),
            ..
        }) if state.acts_for(parent, id) => {
            let message = format!("parent: {parent} is itself part of {id}, or its successor");
            Err(Rejection::new(Rule::Correctable, message))
        }
        Fact::CommitmentRecorded(fact) if fact.mutual && fact.creditor.is_empty() => {
            Err(Rejection::new(
                Rule::BothSides,
                "a mutual commitment names debtors and creditors, the two sides",
            ))
        }
        Fact::RecorderRevoked(fact) => check_admitted(state, seq, &fact.recorder),
        Fact::RecorderRotated(fact) => check_admitted(state, seq, &fact.recorder),
        Fact::Acknowledged(fact) => check_acknowledgement(state, fact),
        _ => Ok(()),
    }?;
    match recorder(state, event) {
        Some(recorder) => check_admitted(state, seq, &recorder),
        None => Ok(()),
    }
}

/// The recorder with a key who, as the event says, recorded it.
pub fn recorder(state: &State, event: &Event) -> Option<RecorderId> {
    let name = event.envelope.recorded_by.as_ref()?;
    if !state.has_any(EntityKind::Recorder) {
        return None;
    }
    let id: RecorderId = name.as_str().parse().ok()?;
    let (kind, _) = state.entity(&id.0)?;
    (kind == EntityKind::Recorder).then_some(id)
}

/// A recorder whose key was revoked does nothing any more.
fn check_admitted(state: &State, seq: Seq, recorder: &RecorderId) -> Result<(), Rejection> {
    if state.revoked(recorder).is_some_and(|by| by < seq) {
        let message = format!("the key of {recorder} is revoked");
        return Err(Rejection::new(Rule::RecorderAdmitted, message));
    }
    Ok(())
}

/// What a party can acknowledge, and with what.
fn check_acknowledgement(state: &State, fact: &Acknowledged) -> Result<(), Rejection> {
    const ACKNOWLEDGED: &[Kind] = &[
        Kind::AgreementRecorded,
        Kind::ParticipationRecorded,
        Kind::CommitmentRecorded,
        Kind::CommitmentAmended,
        Kind::StatusChanged,
    ];
    if let Some(kind) = state.standing_kind(fact.record)
        && !ACKNOWLEDGED.contains(&kind)
    {
        let message = format!(
            "record {} is a {kind}, which nobody acknowledges",
            fact.record
        );
        let words = ACKNOWLEDGED.iter().map(|kind| kind.word().to_owned());
        return Err(Rejection::new(Rule::PartyKey, message).allowing(words));
    }
    if state.has_key(&fact.party) {
        return Ok(());
    }
    let message = format!("no key of {} is known", fact.party);
    Err(Rejection::new(Rule::PartyKey, message).allowing([format!(
        "servanda record party-key {} --key VKEY",
        fact.party
    )]))
}

/// Kinds that hold keys or signatures: what was signed with them stands or falls with them, so they are
/// neither corrected nor retracted.
const BOUND_TO_KEYS: &[Kind] = &[
    Kind::RecorderAdmitted,
    Kind::RecorderRotated,
    Kind::RecorderRevoked,
    Kind::PartyKeyDeclared,
];

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

fn check_opening(state: &State, event: &Event) -> Result<(), Rejection> {
    let opens = event.kind() == Kind::LedgerOpened;
    match (opens, state.count() == 0) {
        (true, true) | (false, false) => Ok(()),
        (true, false) => Err(Rejection::new(
            Rule::OpenedOnce,
            "the ledger is open already: only its first record opens it",
        )),
        (false, true) => Err(Rejection::new(
            Rule::OpenedOnce,
            "the ledger is not open yet: its first record opens it",
        )),
    }
}

fn check_references(state: &State, event: &Event) -> Result<(), Rejection> {
    let mut unknown = Vec::new();
    event.each_reference(|field, reference| {
        let complaint = match (reference, reference.slug()) {
            // A record whose payload is gone is still there.
            (Reference::Record(seq), _) if seq.0 >= state.count() => {
                Some(format!("{field}: there is no record {seq}"))
            }
            (_, Some(id)) => match (state.entity(id), EntityKind::of(&reference)) {
                (None, wanted) => {
                    let word = wanted.map_or("entity", EntityKind::word);
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
    Err(Rejection::new(Rule::Known, unknown.join("; "))
        .allowing(["register it first, or correct the name".to_owned()]))
}

fn check_names(state: &State, event: &Event) -> Result<(), Rejection> {
    if let Some(id) = event.defines().and_then(Reference::slug)
        && let Some((kind, seq)) = state.entity(id)
    {
        let message = format!("id: {id} already names the {} of record {seq}", kind.word());
        return Err(Rejection::new(Rule::UniqueId, message).allowing([
            "another id".to_owned(),
            format!("a correction of record {seq}"),
        ]));
    }
    if let Some(key) = &event.envelope.import_key
        && let Some(seq) = state.imported(key.as_str())
    {
        let message = format!("import_key: `{key}` went into record {seq} already");
        return Err(Rejection::new(Rule::UniqueImportKey, message));
    }
    Ok(())
}

fn check_correction(state: &State, fact: &Corrected) -> Result<(), Rejection> {
    let seq = fact.record;
    let refuse = |message: String| Err(Rejection::new(Rule::Correctable, message));
    let Some(held) = target(state, seq, Rule::Correctable)? else {
        return Ok(());
    };
    let target = &held.entry.event;
    let kind = target.kind();
    if matches!(
        kind,
        Kind::LedgerOpened
            | Kind::Corrected
            | Kind::Retracted
            | Kind::Redacted
            | Kind::Acknowledged
    ) || BOUND_TO_KEYS.contains(&kind)
    {
        return refuse(format!(
            "record {seq} is a {kind}, which is never corrected"
        ));
    }
    let Some(spec) = kind.field(fact.field.as_str()) else {
        let known: Vec<String> = kind.fields().map(|spec| spec.name.to_owned()).collect();
        let message = format!(
            "record {seq} is a {kind}, which has no field {}",
            fact.field
        );
        return Err(Rejection::new(Rule::Correctable, message).allowing(known));
    };
    if spec.defines() || spec.name == "import_key" {
        return refuse(format!(
            "the {} of record {seq} stays what it is; retract the record and record it anew",
            spec.name
        ));
    }
    let present = target.to_fields().get(spec.name).to_vec();
    let texts = |list: &[crate::value::base::Text]| -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    };
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
        Ok(corrected) => check_sound(state, seq, &corrected),
    }
}

fn check_retraction(state: &State, seq: Seq) -> Result<(), Rejection> {
    let refuse = |message: String| Err(Rejection::new(Rule::NothingDepends, message));
    let Some(held) = target(state, seq, Rule::NothingDepends)? else {
        // It was retracted while its payload was there, and is redacted later.
        return Ok(());
    };
    let kind = held.entry.event.kind();
    if matches!(kind, Kind::LedgerOpened | Kind::Retracted | Kind::Redacted)
        || BOUND_TO_KEYS.contains(&kind)
    {
        return refuse(format!(
            "record {seq} is a {kind}, which is never retracted"
        ));
    }
    check_independent(state, seq, held.entry.event.defines())?;
    match state.without(seq) {
        None => Ok(()),
        Some((corrected, restored)) => {
            check_sound(state, corrected, &restored).map_err(|rejection| {
                let message = format!(
                    "without it record {corrected} would not hold: {}",
                    rejection.message
                );
                Rejection::new(Rule::NothingDepends, message)
                    .allowing(["correct that record instead".to_owned()])
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
        "retract those first".to_owned(),
        "correct the record".to_owned(),
    ]))
}

/// The records that name what a record defined, or the record itself (but for what mends it).
fn dependants(state: &State, seq: Seq, defined: Option<Reference<'_>>) -> Vec<Seq> {
    let entity = defined.map(|reference| reference.subject());
    let record = Subject::Record(seq);
    let about_record = state
        .trail_records(&record)
        .filter(|(_, kind)| !matches!(kind, Kind::Corrected | Kind::Retracted));
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
                .allowing([format!(
                    "redact record {record}, and its corrections with it"
                )]));
            }
            fact if !may_be_redacted(fact.kind()) => {
                let kind = fact.kind();
                let erasable = |kind: &&Kind| kind.spec().form.erasable == Erasable::Always;
                let words = Kind::ALL.iter().filter(erasable);
                let words = words.map(|kind| kind.word().to_owned());
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
        .any(|(_, kind)| kind == Kind::Redacted)
}

/// The rules about the world.
fn check_world(state: &State, event: &Event) -> Result<(), Rejection> {
    let on = event.envelope.on;
    match &event.fact {
        Fact::CommitmentRecorded(fact) => check_first_standing(fact),
        Fact::StatusChanged(fact) => {
            // The commitment is there: references were checked.
            let Some(position) = state.position(&fact.commitment) else {
                return Ok(());
            };
            check_date(state, Some(position.agreement()), on)?;
            check_standing(state, position, fact, &event.envelope.by)
        }
        Fact::AgreementStatusChanged(fact) => {
            check_date(state, state.number(&fact.agreement.0), on)?;
            check_agreement(state, fact)
        }
        Fact::ContestMoved(fact) => check_contest(state, &fact.commitment, fact.to),
        Fact::ParticipationRecorded(fact) => check_participation(state, fact),
        Fact::OccurrenceHeld(fact) => check_occurrence(state, &fact.commitment),
        Fact::Corrected(fact) => check_corrected(state, fact),
        _ => Ok(()),
    }
}

/// What can be asked of a corrected record by itself. Whether what came after it would still have been
/// accepted is not: a correction mends the record, and the world was as it was.
fn check_corrected(state: &State, correction: &Corrected) -> Result<(), Rejection> {
    let texts = correction.to.iter().map(ToString::to_string).collect();
    let corrected = state.entry(correction.record).and_then(|entry| {
        entry
            .event
            .with_field(correction.field.as_str(), texts)
            .ok()
    });
    let Some(Event { fact, envelope }) = corrected else {
        return Ok(());
    };
    match (correction.field.as_str(), fact) {
        ("standing", Fact::CommitmentRecorded(fact)) => check_first_standing(&fact),
        ("on", Fact::StatusChanged(fact)) => {
            let position = state.position(&fact.commitment);
            let agreement = position.map(|position| position.agreement());
            check_date(state, agreement, envelope.on)
        }
        ("on", Fact::AgreementStatusChanged(fact)) => {
            check_date(state, state.number(&fact.agreement.0), envelope.on)
        }
        _ => Ok(()),
    }
}

fn check_first_standing(fact: &CommitmentRecorded) -> Result<(), Rejection> {
    match fact.standing {
        None | Some(Standing::Proposed | Standing::Agreed) => Ok(()),
        Some(other) => Err(Rejection::new(
            Rule::StandingMove,
            format!("a commitment begins as proposed or agreed, not {other}"),
        )
        .allowing([Standing::Proposed.to_string(), Standing::Agreed.to_string()])),
    }
}

fn check_date(state: &State, agreement: Option<Id>, on: Option<When>) -> Result<(), Rejection> {
    if let (Some(on), Some(agreement)) = (on, agreement)
        && let Some(agreed) = state.agreed_on(agreement)
        && on.certainly_before(agreed)
    {
        let agreement = state.slug(agreement);
        let message = format!("{on} lies before the agreement {agreement}, concluded {agreed}");
        return Err(Rejection::new(Rule::NotBeforeAgreement, message));
    }
    Ok(())
}

fn check_standing(
    state: &State,
    position: Position<'_>,
    fact: &StatusChanged,
    by: &[PartyId],
) -> Result<(), Rejection> {
    let (id, from, to) = (&fact.commitment, position.standing(), fact.to);
    let Some(row) = transition(from, to) else {
        let onward = transitions_from(from).map(|row| {
            let by: Vec<String> = row.by.iter().map(ToString::to_string).collect();
            format!("{} ({}; by {})", row.to, row.cause, by.join(" or "))
        });
        let message = if from == to {
            format!("{id} is {from} already")
        } else {
            format!("{id} is {from}, and does not go from there to {to}")
        };
        return Err(Rejection::new(Rule::StandingMove, message).allowing(onward));
    };
    let asserters = Asserters {
        state,
        position,
        by: by
            .iter()
            .filter_map(|party| state.number(&party.0))
            .collect(),
        capacity: fact.capacity,
        answers_claim: from == Standing::Claimed || from == Standing::Breached,
    };
    if row.by.iter().any(|asserter| asserters.satisfy(*asserter)) {
        return Ok(());
    }
    let who = if by.is_empty() {
        "nobody asserts it".to_owned()
    } else {
        let names: Vec<&str> = by.iter().map(PartyId::as_str).collect();
        format!("{} cannot assert it", names.join(", "))
    };
    let roles = |parties: Vec<Id>| -> String {
        let slugs = parties.iter().map(|party| state.slug(*party));
        slugs.map(Slug::as_str).collect::<Vec<_>>().join(", ")
    };
    let message = format!(
        "{id} goes from {from} to {to} by the word of others: {who} (debtors: {}; creditors: {})",
        roles(position.debtors()),
        roles(position.creditors())
    );
    Err(Rejection::new(Rule::StandingAsserter, message)
        .allowing(row.by.iter().map(|asserter| format!("--by {asserter}"))))
}

/// Who stands behind a move, measured against who must.
struct Asserters<'a> {
    state: &'a State,
    position: Position<'a>,
    by: Vec<Id>,
    capacity: Option<Capacity>,
    answers_claim: bool,
}

impl Asserters<'_> {
    fn satisfy(&self, asserter: Asserter) -> bool {
        let debtors = self.position.debtors();
        let creditors = self.position.creditors();
        match asserter {
            Asserter::AllDebtors => self.speak_for_all(&debtors),
            Asserter::AllParties => self.speak_for_all(&debtors) && self.speak_for_all(&creditors),
            Asserter::Debtor => self.claims(Capacity::Debtor) && self.speaks_for_one(&debtors),
            Asserter::Creditor => self.claims(Capacity::Creditor) && self.answers(&creditors),
            Asserter::AnyParty => self.speaks_for_one(&debtors) || self.speaks_for_one(&creditors),
            Asserter::Terms => self.capacity == Some(Capacity::Terms),
            Asserter::Arbiter => self.is_outside(Capacity::Arbiter),
            Asserter::Assessor => self.is_outside(Capacity::Assessor),
        }
    }

    /// Whether the capacity given, if one is, is this one.
    fn claims(&self, capacity: Capacity) -> bool {
        self.capacity.is_none_or(|given| given == capacity)
    }

    fn speaks(&self, principal: Id) -> bool {
        self.by
            .iter()
            .any(|actor| self.state.stands_for(*actor, principal))
    }

    fn speaks_for_one(&self, parties: &[Id]) -> bool {
        parties.iter().any(|party| self.speaks(*party))
    }

    fn speak_for_all(&self, parties: &[Id]) -> bool {
        !parties.is_empty() && parties.iter().all(|party| self.speaks(*party))
    }

    /// Whether a creditor speaks: where a claim is answered, one whose own side did not make it.
    fn answers(&self, creditors: &[Id]) -> bool {
        let claimed = |party: Id| {
            let mut claimants = self.position.claimants();
            self.answers_claim && claimants.any(|claimant| self.state.stands_for(claimant, party))
        };
        creditors
            .iter()
            .any(|party| self.speaks(*party) && !claimed(*party))
    }

    /// Whether all who speak do so in this capacity, and none acts for a debtor or creditor.
    fn is_outside(&self, capacity: Capacity) -> bool {
        let sides = [self.position.debtors(), self.position.creditors()].concat();
        self.capacity == Some(capacity) && !self.by.is_empty() && !self.speaks_for_one(&sides)
    }
}

fn check_agreement(state: &State, fact: &AgreementStatusChanged) -> Result<(), Rejection> {
    let Some(status) = state.agreement_status(&fact.agreement) else {
        return Ok(());
    };
    let onward = status.next();
    if onward.contains(&fact.to) {
        return Ok(());
    }
    let message = format!(
        "{} is {}, and does not go from there to {}",
        fact.agreement, status, fact.to
    );
    Err(Rejection::new(Rule::AgreementMove, message)
        .allowing(onward.iter().map(ToString::to_string)))
}

fn check_contest(state: &State, id: &CommitmentId, to: Contest) -> Result<(), Rejection> {
    let Some(position) = state.position(id) else {
        return Ok(());
    };
    let onward = position.contest().next();
    if onward.contains(&to) {
        return Ok(());
    }
    let message = format!(
        "the contest about {id} stands at {}, and does not go from there to {to}",
        position.contest()
    );
    Err(Rejection::new(Rule::ContestMove, message).allowing(onward.iter().map(ToString::to_string)))
}

fn check_participation(state: &State, fact: &ParticipationRecorded) -> Result<(), Rejection> {
    let withdraws = fact.action == crate::value::agreement::Action::Withdrawal;
    if !withdraws || state.takes_part(&fact.agreement, &fact.party) != Some(false) {
        return Ok(());
    }
    let message = format!("{} takes no part in {}", fact.party, fact.agreement);
    Err(Rejection::new(Rule::Withdrawal, message)
        .allowing(["ratification, accession or the like first".to_owned()]))
}

fn check_occurrence(state: &State, id: &CommitmentId) -> Result<(), Rejection> {
    use crate::value::when::Deadline::{Continuing, Recurring};
    let recurs = state
        .position(id)
        .is_none_or(|position| matches!(position.deadline(), Some(Recurring(_) | Continuing)));
    if recurs {
        return Ok(());
    }
    let message = format!("{id} is not recurring, so it has no occurrences");
    Err(Rejection::new(Rule::Recurring, message).allowing(["progress".to_owned()]))
}

#[cfg(test)]
mod tests;
