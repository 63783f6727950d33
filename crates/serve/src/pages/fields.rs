//! The fields of a form, made of the declaration of an event.

use maud::{Markup, html};

use servanda_core::event::{Change, FieldSpec, Fields, Kind};
use servanda_core::rules::Known as _;
use servanda_core::state::{EntityKind, State};
use servanda_core::value::base::{Digest, Leaf, Shape, Text};
use servanda_core::value::commitment::transitions_from;
use servanda_core::value::id::{AgreementId, CommitmentId, PartyId, RecorderId, Seq, SourceId};
use servanda_core::value::source::Citation;
use servanda_core::value::when::{Deadline, When};
use servanda_core::view::sentences::Sentences;

use crate::words::{asserter, capital, spaced};

/// The most entities that a field offers. Of more, people type the name.
const OFFERED: usize = 400;

/// Characters of a name that is offered.
const NAME: usize = 80;

/// The fields of the envelope that each form shows at once.
const SHOWN: &[&str] = &["on", "by", "source", "note"];

/// Most fields of its own of which a form shows all.
const FEW: usize = 6;

/// What the name of a field that takes a file begins with; the field of its digest follows.
pub const DOCUMENT: &str = "document-of-";

/// A word that may be chosen, and what it means.
pub struct Choice {
    /// The word.
    pub word: String,
    /// What it means here; empty where the word says it.
    pub meaning: String,
}

/// The field that says what a kind of event moves, and the field that is moved: only moves that are allowed now are
/// offered.
pub fn moves(kind: Kind) -> Option<(&'static str, &'static str)> {
    match kind {
        Kind::StatusChanged | Kind::ContestMoved => Some(("commitment", "to")),
        Kind::AgreementStatusChanged => Some(("agreement", "to")),
        _ => None,
    }
}

/// The moves that are allowed now; none where what is moved is not known.
pub fn allowed(state: &State, kind: Kind, fields: &Fields) -> Option<Vec<Choice>> {
    let (moved, _) = moves(kind)?;
    let id = fields.get(moved).first()?;
    let words = |words: Vec<String>| {
        let choice = |word| Choice {
            word,
            meaning: String::new(),
        };
        words.into_iter().map(choice).collect()
    };
    match kind {
        Kind::StatusChanged => {
            let position = state.position(&id.parse::<CommitmentId>().ok()?)?;
            let moves = transitions_from(position.standing()).map(|row| {
                let by: Vec<String> = row.by.iter().map(|one| asserter(*one)).collect();
                Choice {
                    word: row.to.to_string(),
                    meaning: format!("{}; by the word of {}", row.cause, by.join(" or ")),
                }
            });
            Some(moves.collect())
        }
        Kind::ContestMoved => {
            let position = state.position(&id.parse::<CommitmentId>().ok()?)?;
            let next = position.contest().next().iter().map(ToString::to_string);
            Some(words(next.collect()))
        }
        _ => {
            let status = state.agreement_status(&id.parse::<AgreementId>().ok()?, None)?;
            Some(words(
                status.next().iter().map(ToString::to_string).collect(),
            ))
        }
    }
}

/// The kind of entity that a field names.
fn entity_kind(spec: &FieldSpec) -> Option<EntityKind> {
    let labels = [
        (PartyId::LABEL, EntityKind::Party),
        (SourceId::LABEL, EntityKind::Source),
        (Citation::LABEL, EntityKind::Source),
        (AgreementId::LABEL, EntityKind::Agreement),
        (CommitmentId::LABEL, EntityKind::Commitment),
        (RecorderId::LABEL, EntityKind::Recorder),
    ];
    let found = labels.iter().find(|(label, _)| *label == spec.label);
    found.filter(|_| !spec.defines()).map(|(_, kind)| *kind)
}

/// The fields of a form.
pub struct FormFields<'a> {
    /// The state whose names are offered.
    pub state: &'a State,
    /// The kind of event.
    pub kind: Kind,
    /// What was typed.
    pub fields: &'a Fields,
    /// What is wrong with a field.
    pub wrong: &'a dyn Fn(&str) -> Vec<String>,
    /// The field that is to have another line.
    pub more: Option<&'a str>,
    /// Whom the events of this session are recorded by, where that cannot be chosen.
    pub recorded_by: Option<&'a str>,
}

impl FormFields<'_> {
    /// All fields: those that most events of the kind have, and the others folded away.
    pub fn all(&self) -> Markup {
        let is_hidden = |spec: &FieldSpec| spec.name == "recorded_by" && self.recorded_by.is_some();
        // What the ledger fills in itself is not asked for, but of parties: of several one may be meant.
        let own = self.kind.own_fields().iter();
        let own: Vec<FieldSpec> = own
            .filter(|spec| !spec.is_filled() || entity_kind(spec).is_some())
            .map(|spec| self.meant(spec))
            .collect();
        let (own, rare): (Vec<_>, Vec<_>) =
            own.into_iter().partition(|spec| self.is_shown(spec, true));
        let rest = self.kind.fields().skip(self.kind.own_fields().len());
        let (rest, other): (Vec<_>, Vec<_>) = rest
            .filter(|spec| !is_hidden(spec))
            .partition(|spec| self.is_shown(spec, false));
        html! {
            @for spec in &own { (self.field(spec)) }
            @if !rare.is_empty() {
                details { summary { "More about what happened" } @for spec in &rare { (self.field(spec)) } }
            }
            @if !own.is_empty() { hr; }
            @for spec in rest { (self.field(spec)) }
            details { summary { "More about the record" } @for spec in other { (self.field(spec)) } }
            @if let Some(name) = self.recorded_by { p.quiet { "Recorded by " b { (name) } "." } }
            (self.offers())
        }
    }

    /// Whether a field is not folded away.
    fn is_shown(&self, spec: &FieldSpec, is_own: bool) -> bool {
        let is_usual = match is_own {
            true => spec.is_offered() || self.kind.own_fields().len() <= FEW || is_document(spec),
            false => SHOWN.contains(&spec.name),
        };
        is_usual
            || self.kind.requires(spec)
            || spec.defines()
            || !self.fields.get(spec.name).is_empty()
            || self.more == Some(spec.name)
            || !(self.wrong)(spec.name).is_empty()
    }

    /// Whether a field takes a document.
    pub fn takes_document(&self) -> bool {
        let mut own = self.kind.own_fields().iter();
        own.any(|spec| is_document(&self.meant(spec)))
    }

    /// A field; in place of what a correction says, a field like the one that it corrects.
    fn meant(&self, spec: &FieldSpec) -> FieldSpec {
        let corrected = || {
            let record = self.fields.get("record").first()?.parse::<Seq>().ok()?;
            let kind = self.state.kind(record)?;
            kind.field(self.fields.get("field").first()?)
        };
        let is_value = self.kind.spec().change == Some(Change::Corrects) && spec.name == "to";
        match corrected().filter(|_| is_value) {
            Some(corrected) => {
                let mut meant = *corrected;
                meant.name = spec.name;
                meant
            }
            None => *spec,
        }
    }

    fn field(&self, spec: &FieldSpec) -> Markup {
        let wrong = (self.wrong)(spec.name);
        let is_needed = self.kind.requires(spec);
        let label = label(spec);
        let id = format!("f-{}", spec.name);
        let help = format!("{id}-help");
        let is_group = spec.shape == Shape::Many || self.choices(spec).is_some();
        let legend = html! { (label) @if is_needed { " " span.needed { "(needed)" } } };
        let about = html! {
            p.help id=(help) { (spec.help().replace('`', "")) "." @if let Some(hint) = hint(spec) { " " (hint) } (add_new(spec)) }
            @for wrong in &wrong { p.wrong id={ (id) "-wrong" } { (capital(wrong)) "." } }
        };
        html! {
            div.field.is-wrong[!wrong.is_empty()] {
                @if spec.shape == Shape::Flag {
                    label.check { input id=(id) type="checkbox" name=(spec.name) value="true" checked[!self.fields.get(spec.name).is_empty()] aria-describedby=(help); " " (legend) }
                    (about)
                } @else if is_group {
                    fieldset id=(id) aria-describedby=(help) { legend { (legend) } (about) (self.group(spec, &id)) }
                } @else {
                    label for=(id) { (legend) }
                    (about)
                    (self.one(spec, &id, self.fields.get(spec.name).first().map(String::as_str), &label))
                }
            }
        }
    }

    /// The moves that are offered in place of all words of a field; none for other fields, and where the event is to be
    /// irregular anyway.
    fn choices(&self, spec: &FieldSpec) -> Option<Vec<Choice>> {
        let (_, to) = moves(self.kind)?;
        let is_regular = self.fields.get("irregular").is_empty();
        let allowed = || allowed(self.state, self.kind, self.fields);
        (to == spec.name && is_regular).then(allowed)?
    }

    /// What is chosen or filled in below one legend.
    fn group(&self, spec: &FieldSpec, id: &str) -> Markup {
        let Some(choices) = self.choices(spec) else {
            return self.several(spec, id);
        };
        let given = self.fields.get(spec.name).first();
        html! {
            div.choices {
                @for choice in &choices {
                    label.check { input type="radio" name=(spec.name) value=(choice.word) checked[given == Some(&choice.word)]; " " b { (choice.word) } @if !choice.meaning.is_empty() { " " span.quiet { "(" (choice.meaning) ")" } } }
                }
                @if choices.is_empty() { p.quiet { "Nothing can follow: it has ended." } }
            }
        }
    }

    /// The values of a field that takes several, and an empty one.
    fn several(&self, spec: &FieldSpec, id: &str) -> Markup {
        let given = self.fields.get(spec.name);
        if !spec.words.is_empty() {
            return html! {
                div.checks {
                    @for word in spec.words {
                        label.check { input type="checkbox" name=(spec.name) value=(word) checked[given.iter().any(|given| given == word)]; " " (word) }
                    }
                }
            };
        }
        let blanks = if self.more == Some(spec.name) || given.is_empty() {
            1
        } else {
            0
        };
        let label = label(spec);
        html! {
            @for (at, value) in given.iter().map(|given| Some(given.as_str())).chain(std::iter::repeat_n(None, blanks)).enumerate() {
                (self.one(spec, &format!("{id}-{at}"), value, &format!("{label} {}", at + 1)))
            }
            button.link name="more" value=(spec.name) formnovalidate { "Add another" }
        }
    }

    fn one(&self, spec: &FieldSpec, id: &str, value: Option<&str>, label: &str) -> Markup {
        let help = format!("f-{}-help", spec.name);
        if !spec.words.is_empty() {
            return html! {
                select id=(id) name=(spec.name) aria-describedby=(help) {
                    option value="" { "–" }
                    @for word in spec.words { option value=(word) selected[value == Some(*word)] { (word) } }
                }
            };
        }
        if spec.label == Text::LABEL {
            return html! { textarea id=(id) name=(spec.name) rows="2" dir="auto" aria-label=(label) aria-describedby=(help) { (value.unwrap_or("")) } };
        }
        if is_document(spec) {
            return html! {
                input id=(id) type="text" name=(spec.name) value=[value] autocomplete="off" spellcheck="false" aria-label=(label) aria-describedby=(help);
                label.file for={ (id) "-file" } { "Or the document itself, which is kept beside the ledger" }
                input id={ (id) "-file" } type="file" name={ (DOCUMENT) (spec.name) };
            };
        }
        let list = entity_kind(spec).map(|kind| format!("offer-{}", kind.word()));
        html! { input id=(id) type="text" name=(spec.name) dir="auto" value=[value] list=[list] autocomplete="off" aria-label=(label) aria-describedby=(help); }
    }

    /// The names that the fields of this kind offer.
    fn offers(&self) -> Markup {
        let mut kinds: Vec<EntityKind> = self.kind.fields().filter_map(entity_kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        html! {
            @for kind in kinds {
                datalist id={ "offer-" (kind.word()) } {
                    @for (id, name) in some_offered(self.state, kind) { option value=(id) { (name) } }
                }
            }
        }
    }
}

/// The entities that a field offers, each with what it is called.
pub fn offered(state: &State, kind: EntityKind) -> Vec<(String, String)> {
    let sentences = Sentences::new(state);
    let name = |id: &servanda_core::value::id::Slug| {
        let fields = state.defining(id).map(|entry| entry.event.to_fields());
        let fields = fields.unwrap_or_default();
        let mut texts = ["title", "text", "name"]
            .iter()
            .flat_map(|field| fields.get(field));
        let party = || sentences.names(&PartyId(id.clone())).into_iter().next();
        let name = if kind == EntityKind::Party {
            party()
        } else {
            texts.next().cloned()
        };
        name.unwrap_or_default()
            .chars()
            .take(NAME)
            .collect::<String>()
    };
    let ids = state.ids(kind).take(OFFERED);
    ids.map(|id| (id.to_string(), name(id))).collect()
}

/// As [`offered`]; none where there are too many to be read for a form.
fn some_offered(state: &State, kind: EntityKind) -> Vec<(String, String)> {
    match is_many(state, kind) {
        true => Vec::new(),
        false => offered(state, kind),
    }
}

/// Whether there are more than a form offers.
pub fn is_many(state: &State, kind: EntityKind) -> bool {
    state.count_of(kind) > OFFERED
}

/// The id that follows in a row of ids such as C1 and C2; none for parties, which have names, and where there are many.
pub fn next_id(state: &State, kind: Kind) -> Option<String> {
    let (entity, first) = match kind {
        Kind::SourceRegistered => (EntityKind::Source, "S1"),
        Kind::AgreementRecorded => (EntityKind::Agreement, "A1"),
        Kind::CommitmentRecorded => (EntityKind::Commitment, "C1"),
        _ => return None,
    };
    if is_many(state, entity) {
        return None;
    }
    let of_row = |id: &servanda_core::value::id::Slug| {
        let text = id.to_string();
        let letters = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let number: u32 = text[letters.len()..].parse().ok()?;
        let is_plain = !text[letters.len()..].starts_with('0');
        is_plain.then(|| (number, letters.to_owned()))
    };
    let last = state.ids(entity).filter_map(of_row).max();
    let next = last.map(|(number, letters)| format!("{letters}{}", number.saturating_add(1)));
    let next = next.unwrap_or_else(|| first.to_owned());
    let is_free = next.parse().is_ok_and(|id| state.entity(&id).is_none());
    is_free.then_some(next)
}

/// Whether a field is the digest of a document.
fn is_document(spec: &FieldSpec) -> bool {
    spec.label == Digest::LABEL
}

/// What a field is called: its name, or what the name means where it is one short word.
fn label(spec: &FieldSpec) -> String {
    match spec.name {
        "on" => "When (on)".to_owned(),
        "by" => "By whose word (by)".to_owned(),
        "to" if !spec.words.is_empty() => "What it is now (to)".to_owned(),
        name => capital(&spaced(name)),
    }
}

/// A link to the form of what a field may name and the ledger does not have yet. It opens beside the form.
fn add_new(spec: &FieldSpec) -> Markup {
    let kind = match entity_kind(spec) {
        Some(EntityKind::Party) => Kind::PartyRegistered,
        Some(EntityKind::Source) => Kind::SourceRegistered,
        Some(EntityKind::Agreement) => Kind::AgreementRecorded,
        Some(EntityKind::Commitment) => Kind::CommitmentRecorded,
        Some(EntityKind::Recorder) | None => return html! {},
    };
    html! { " " a href={ "/record/" (kind.word()) } target="_blank" title="Opens beside this" { "New " (kind.word()) } "." }
}

/// How a value is written, where that is not plain.
fn hint(spec: &FieldSpec) -> Option<&'static str> {
    if spec.label == When::LABEL {
        return Some(
            "Such as 11 May 2023, May 2023 where only the month is known, 2023-04/2023-06 for about May, before 2023, or unknown.",
        );
    }
    if spec.label == Deadline::LABEL {
        return Some(
            "Such as 31 January 2024, in 3 months, every month, every year on 1 May, or unspecified.",
        );
    }
    if spec.defines() {
        return Some("Short, of letters, digits, hyphens and dots; it stays for ever.");
    }
    let is_named = spec.label != Citation::LABEL && entity_kind(spec).is_some();
    is_named.then_some("By its name or its id.")
}
