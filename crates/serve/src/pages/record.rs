//! Recording by form: which kind, the form, a preview, and then it is saved.

use maud::{Markup, html};

use servanda_core::event::{Change, Event, Fields, Kind};
use servanda_core::state::{EntityKind, State};
use servanda_core::value::id::Seq;
use servanda_core::view::sentences::Sentences;
use servanda_http::Reply;
use servanda_ledger::documents::DocumentError;

use super::batch::{self, Ground};
use super::fields::{DOCUMENT, FormFields, is_many, moves, next_id, offered};
use super::form::{Step, fields, has_form, question};
use super::layout::{Page, wrongs};
use super::preview::preview;
use super::saving::{hidden, once, record_once};
use super::signing;
use crate::access::{Needs, Role};
use crate::context::{Typed, TypedWrong};
use crate::exchange::{Answered, Exchange, Route};
use crate::problem::Problem;
use crate::shared::Snapshot;
use crate::words::{capital, spaced};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::page(
        Needs::Record,
        "GET",
        "/record",
        "The kinds of events that can be recorded",
        kinds,
    ),
    Route::page(
        Needs::Record,
        "GET",
        "/record/{kind}",
        "The form of a kind of event",
        form,
    ),
    Route::page(
        Needs::Record,
        "POST",
        "/record/{kind}",
        "Shows what a form would record, or records it",
        take,
    ),
];

/// The kinds in the order in which a ledger needs them.
const GROUPS: &[(&str, &[Kind])] = &[
    (
        "What was agreed",
        &[
            Kind::SourceRegistered,
            Kind::PartyRegistered,
            Kind::AgreementRecorded,
            Kind::CommitmentRecorded,
            Kind::MeetingHeld,
        ],
    ),
    (
        "What became of it",
        &[
            Kind::StatusChanged,
            Kind::ContestMoved,
            Kind::ProgressReported,
            Kind::OccurrenceHeld,
            Kind::Assessed,
            Kind::EvidenceAttached,
            Kind::StatementRecorded,
            Kind::AgreementStatusChanged,
            Kind::ParticipationRecorded,
            Kind::CommitmentAmended,
        ],
    ),
    ("Who is who", &[Kind::PartyRenamed, Kind::PartySucceeded]),
    (
        "About the ledger itself",
        &[
            Kind::Noted,
            Kind::Corrected,
            Kind::Retracted,
            Kind::RecorderAdmitted,
            Kind::RecorderRotated,
            Kind::RecorderRevoked,
            Kind::PartyKeyDeclared,
            Kind::Acknowledged,
        ],
    ),
];

fn kinds(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let snapshot = exchange.snapshot();
    let is_grouped = |kind: &Kind| GROUPS.iter().any(|(_, kinds)| kinds.contains(kind));
    let others = Kind::ALL
        .iter()
        .filter(|kind| has_form(**kind) && !is_grouped(kind));
    let others: Vec<Kind> = others.copied().collect();
    let content = html! {
        h1 { "What happened?" }
        (batch::waiting(exchange, &snapshot))
        @for (title, kinds) in GROUPS { (group(title, kinds)) }
        @if !others.is_empty() { (group("More", &others)) }
    };
    show(exchange, reply, &snapshot, "Record", content, 200)
}

/// Links to the forms of some kinds.
fn group(title: &str, kinds: &[Kind]) -> Markup {
    html! {
        section {
            h2 { (title) }
            ul.kinds {
                @for kind in kinds {
                    li { a href={ "/record/" (kind.word()) } { (question(*kind)) } " " span.quiet { (kind.word()) } }
                }
            }
        }
    }
}

/// Answers with a page of a form.
pub fn show(
    exchange: &Exchange<'_>,
    reply: &mut Reply,
    snapshot: &Snapshot,
    title: &str,
    content: Markup,
    status: u16,
) -> Answered {
    let page = Page {
        title,
        content,
        clocks: None,
    };
    page.send(exchange, reply, snapshot, status)
}

/// The kind in the path, if it has a form.
fn kind(exchange: &Exchange<'_>) -> Result<Kind, Problem> {
    let kind: Option<Kind> = exchange.segment().parse().ok();
    let kind = kind.filter(|kind| has_form(*kind));
    kind.ok_or_else(|| Problem::not_found(format!("there is no form for {}", exchange.segment())))
}

/// Whom the events of whoever asks are recorded by, where that cannot be chosen.
pub fn recorded_by<'e>(exchange: &'e Exchange<'_>) -> Option<&'e str> {
    let who = exchange.who.as_ref()?;
    match (&who.records_as, who.role) {
        (Some(name), _) => Some(name),
        (None, Role::Admin) => None,
        (None, _) => Some(&who.name),
    }
}

fn form(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let kind = kind(exchange)?;
    let ground = Ground::of(exchange)?;
    let mut fields = fields(kind, &exchange.query, recorded_by(exchange));
    prefill(ground.state(), kind, &mut fields);
    let missing = missing_target(kind, &fields);
    let content = match missing {
        Some("field") => pick_field(ground.state(), kind, &fields),
        Some(target) => pick(ground.state(), kind, target, &fields),
        None => filled(exchange, &ground, kind, &fields, None, &Wrongs::default()),
    };
    show(
        exchange,
        reply,
        &ground.snapshot,
        question(kind),
        content,
        200,
    )
}

/// The field without which the rest of a form cannot be made.
fn missing_target(kind: Kind, fields: &Fields) -> Option<&'static str> {
    let is_missing = |field: &&str| fields.get(field).is_empty();
    if kind == Kind::Acknowledged {
        return signing::DECISIVE.into_iter().find(is_missing);
    }
    let target = match kind.spec().change {
        Some(Change::Corrects) if !fields.get("record").is_empty() => "field",
        Some(_) => "record",
        None => moves(kind)?.0,
    };
    Some(target).filter(is_missing)
}

/// Fills in what a correction is about: the value as it reads now; and the next id in a row of ids.
fn prefill(state: &State, kind: Kind, fields: &mut Fields) {
    let own_id = kind.own_fields().iter().find(|spec| spec.defines());
    if let Some(spec) = own_id.filter(|spec| fields.get(spec.name).is_empty()) {
        fields.set(spec.name, next_id(state, kind).into_iter().collect());
    }
    if kind.spec().change != Some(Change::Corrects) || !fields.get("to").is_empty() {
        return;
    }
    let seq = fields
        .get("record")
        .first()
        .and_then(|text| text.parse::<Seq>().ok());
    let held = seq.and_then(|seq| state.held(seq));
    if let (Some(held), Some(field)) = (held, fields.get("field").first()) {
        let now = held.entry.event.to_fields().get(field).to_vec();
        fields.set("to", now);
    }
}

/// The page that asks first what the event is about.
fn pick(state: &State, kind: Kind, target: &'static str, given: &Fields) -> Markup {
    let spec = kind.field(target);
    let entity = match target {
        "commitment" => Some(EntityKind::Commitment),
        "agreement" => Some(EntityKind::Agreement),
        "party" => Some(EntityKind::Party),
        _ => None,
    };
    html! {
        h1 { (question(kind)) }
        form.stacked method="get" action={ "/record/" (kind.word()) } {
            @for (name, texts) in given.iter().filter(|(name, _)| *name != "recorded_by") {
                @for text in texts { input type="hidden" name=(name) value=(text); }
            }
            label for="target" { (capital(&spaced(target))) }
            @if let Some(spec) = spec { p.help { (spec.help()) "." } }
            @match entity {
                Some(entity) if is_many(state, entity) => {
                    input #target type="text" name=(target) required autocomplete="off";
                    p.help { "By its id. " a href={ (list_of(entity)) } { "The list" } " has a search." }
                }
                Some(entity) => {
                    select #target name=(target) required {
                        option value="" { "–" }
                        @for (id, name) in offered(state, entity) { option value=(id) { (id) ": " (name) } }
                    }
                }
                None => { input #target type="number" name=(target) min="0" required; p.help { a href="/log" { "The log" } " has the numbers of the records; each record's page has a link to this form." } }
            }
            button { "Go on" }
        }
    }
}

/// The path of the list of entities of a kind.
fn list_of(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Party => "/parties",
        EntityKind::Agreement => "/agreements",
        _ => "/commitments",
    }
}

/// The page that asks which field of a record a correction is about, each with what it says now.
fn pick_field(state: &State, kind: Kind, fields: &Fields) -> Markup {
    let record = fields.get("record").first();
    let entry = record
        .and_then(|text| text.parse::<Seq>().ok())
        .and_then(|seq| state.entry(seq));
    html! {
        h1 { "Which field is wrong?" }
        @if let Some(entry) = entry {
            @let now = entry.event.to_fields();
            blockquote { p dir="auto" { "Record " (entry.seq) ": " (Sentences::new(state).of(entry)) "." } }
            form.stacked method="get" action={ "/record/" (kind.word()) } {
                input type="hidden" name="record" value=(entry.seq);
                fieldset.choices {
                    legend.unseen { "Field" }
                    @for spec in entry.event.kind().fields().filter(|spec| spec.is_correctable()) {
                        @let texts = now.get(spec.name).join(", ");
                        label.check { input type="radio" name="field" value=(spec.name) required; " " b { (spaced(spec.name)) } ": " span dir="auto" { (if texts.is_empty() { "–" } else { &texts }) } }
                    }
                }
                button { "Go on" }
            }
        } @else {
            p.lead { "There is no such record." }
        }
    }
}

/// What is wrong with a form.
#[derive(Default)]
struct Wrongs {
    fields: Vec<TypedWrong>,
    problem: Option<Problem>,
}

/// The form, with what was typed.
fn filled(
    exchange: &Exchange<'_>,
    ground: &Ground,
    kind: Kind,
    fields: &Fields,
    more: Option<&str>,
    wrong: &Wrongs,
) -> Markup {
    let of = |name: &str| -> Vec<String> {
        let of = wrong.fields.iter().filter(|wrong| wrong.field == name);
        of.map(|wrong| wrong.message.clone()).collect()
    };
    let form = FormFields {
        state: ground.state(),
        kind,
        fields,
        wrong: &of,
        more,
        recorded_by: recorded_by(exchange),
    };
    let is_waivable = wrong
        .problem
        .iter()
        .flat_map(|problem| &problem.errors)
        .any(|wrong| wrong.is_waivable);
    let of_none = wrong
        .fields
        .iter()
        .filter(|wrong| kind.field(&wrong.field).is_none());
    let is_fresh = exchange.request.method == "GET";
    let enctype = form.takes_document().then_some("multipart/form-data");
    html! {
        h1 { (question(kind)) }
        p.quiet { (kind.spec().about()) }
        (batch::waiting(exchange, &ground.snapshot))
        @if !wrong.fields.is_empty() || wrong.problem.is_some() {
            div.summary role="alert" {
                h2 { "This cannot be recorded as it is" }
                ul.wrong {
                    @for wrong in &wrong.fields { @if kind.field(&wrong.field).is_some() { li { a href={ "#f-" (wrong.field) } { (capital(&spaced(&wrong.field))) } ": " (wrong.message) } } }
                    @for wrong in of_none { li { (wrong.message) } }
                }
                @if let Some(problem) = &wrong.problem {
                    @if problem.errors.is_empty() { p.wrong { (capital(&problem.message)) "." } }
                    (wrongs(&problem.errors))
                    @if is_waivable { p { "If it was reported all the same, say why under " a href="#f-irregular" { "Irregular" } ": then it is recorded, and flagged wherever it shows." } }
                }
            }
        }
        (corrects(ground.state(), kind, fields))
        (signing::shown(exchange, &ground.snapshot, kind, fields))
        form.stacked method="post" action={ "/record/" (kind.word()) } enctype=[enctype] data-draft=(kind.word()) data-fresh[is_fresh] {
            (hidden(exchange))
            (form.all())
            p.buttons { button name="step" value="preview" { "Go on" } " " span.quiet { "Nothing is recorded yet." } }
        }
    }
}

/// What the record says that a correction or retraction is about.
fn corrects(state: &State, kind: Kind, fields: &Fields) -> Markup {
    let seq = fields
        .get("record")
        .first()
        .and_then(|text| text.parse::<Seq>().ok());
    let entry = seq
        .filter(|_| kind.spec().change.is_some())
        .and_then(|seq| state.entry(seq));
    html! {
        @if let Some(entry) = entry {
            blockquote { p { "Record " (entry.seq) ": " (Sentences::new(state).of(entry)) "." } }
            @if kind.spec().change == Some(Change::Corrects) {
                p { a href={ "/record/" (kind.word()) "?record=" (entry.seq) } { "Another field of it" } }
            }
        }
    }
}

fn take(exchange: &Exchange<'_>, reply: &mut Reply) -> Answered {
    let kind = kind(exchange)?;
    let ground = Ground::of(exchange)?;
    let mut fields = fields(kind, &exchange.query, recorded_by(exchange));
    let mut wrong = Wrongs {
        fields: take_documents(exchange, &mut fields)?,
        problem: None,
    };
    let step = Step::of(&exchange.query);
    let again = |reply: &mut Reply, more: Option<&str>, wrong: &Wrongs| {
        let content = filled(exchange, &ground, kind, &fields, more, wrong);
        let is_wrong = !wrong.fields.is_empty() || wrong.problem.is_some();
        let status = if is_wrong { 422 } else { 200 };
        let title = question(kind);
        show(exchange, reply, &ground.snapshot, title, content, status)
    };
    match &step {
        Step::Edit => return again(reply, None, &wrong),
        Step::More(field) => return again(reply, Some(field), &wrong),
        Step::Preview | Step::Save | Step::Hold => {}
    }
    let desk = &exchange.context.options.desk;
    let typed = match desk.read(ground.state(), kind, &fields) {
        Ok(typed) if wrong.fields.is_empty() => typed,
        read => {
            wrong.fields.extend(read.err().into_iter().flatten());
            return again(reply, None, &wrong);
        }
    };
    let done = match step {
        Step::Save => save(exchange, reply, typed.event.clone()),
        Step::Hold => batch::hold(exchange, reply, typed.event.clone()),
        _ => previewed(exchange, reply, &ground, kind, &typed),
    };
    match done {
        Err(problem) if problem.status == 422 => {
            let wrong = Wrongs {
                fields: Vec::new(),
                problem: Some(problem),
            };
            again(reply, None, &wrong)
        }
        done => done,
    }
}

/// The page that shows what would be recorded, with the form hidden in it.
fn previewed(
    exchange: &Exchange<'_>,
    reply: &mut Reply,
    ground: &Ground,
    kind: Kind,
    typed: &Typed,
) -> Answered {
    let shown = preview(exchange.context, ground, &typed.event)?;
    let once = once()?;
    let given = typed.event.to_fields();
    let others = ground.held.len();
    let content = html! {
        h1 { "Is this right?" }
        (shown.shown(&typed.said))
        form method="post" action={ "/record/" (kind.word()) } data-saves=(kind.word()) {
            (hidden(exchange))
            input type="hidden" name="once" value=(once);
            @for (name, texts) in given.iter() { @for text in texts { input type="hidden" name=(name) value=(text); } }
            p.buttons {
                button name="step" value="save" { @if others == 0 { "Record it" } @else { "Record it with the " (others) " before" } } " "
                button.second name="step" value="hold" { "Keep it, and add another to record with it" } " "
                button.second name="step" value="edit" { "Change it" }
            }
            p.quiet { "What is recorded stays: it can be corrected or taken back by another record, and not erased." }
        }
    };
    let snapshot = &ground.snapshot;
    show(exchange, reply, snapshot, "Is this right?", content, 200)
}

/// Keeps the documents that came with a form, and puts their digests into the fields that they are for. Gives what is wrong
/// with those.
fn take_documents(
    exchange: &Exchange<'_>,
    fields: &mut Fields,
) -> Result<Vec<TypedWrong>, Problem> {
    let mut wrong = Vec::new();
    for file in &exchange.files {
        let Some(name) = file.field.strip_prefix(DOCUMENT) else {
            continue;
        };
        let kept = exchange.documents()?.keep(&file.bytes);
        let message = match kept {
            Ok(digest) => {
                let given = fields.get(name).first().cloned();
                fields.set(name, vec![digest.to_string()]);
                given
                    .filter(|given| *given != digest.to_string())
                    .map(|given| {
                        format!("the document has another digest than {given}, which stood here: this is its own")
                    })
            }
            Err(DocumentError::TooLong) => Some(DocumentError::TooLong.to_string()),
            Err(error) => return Err(error.into()),
        };
        let field = name.to_owned();
        wrong.extend(message.map(|message| TypedWrong { field, message }));
    }
    Ok(wrong)
}

/// Records an event with those that wait for it, and leads to its page; the same form sent twice records once.
fn save(exchange: &Exchange<'_>, reply: &mut Reply, event: Event) -> Answered {
    let mut events = exchange.context.sessions.held(exchange.csrf());
    events.push(event);
    record_once(exchange, reply, events)
}
