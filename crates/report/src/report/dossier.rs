//! The dossier of anything: all that is known of a commitment, agreement, party, source, recorder or record,
//! and from which record each part of it is known.

use std::collections::{BTreeMap, BTreeSet};

use servanda_core::event::{Entry, Event, Fact};
use servanda_core::state::{CurrentRecord, EntityKind, State};
use servanda_core::value::agreement::Relation;
use servanda_core::value::base::Text;
use servanda_core::value::commitment::Standing;
use servanda_core::value::id::{AgreementId, CommitmentId, PartyId, Seq, Slug, SourceId, Subject};
use servanda_core::view::{Agreement, Commitment, Party, Source, View};

use super::rates::Heard;
use super::{Cell, Document, Question, Report, Table, Takes, caveats, cells, tables};

/// The report `dossier`.
#[derive(Debug, Clone, Copy)]
pub struct DossierReport;

impl Report for DossierReport {
    fn name(&self) -> &'static str {
        "dossier"
    }

    fn about(&self) -> &'static str {
        "All that is known of one party, source, agreement, commitment or record, as `show` has it"
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Subject]
    }

    fn narrows(&self) -> bool {
        false
    }

    fn document(&self, view: &View<'_>, question: &Question) -> Document {
        let subject = question.subject.as_ref();
        let found = subject.and_then(|subject| dossier(view, subject, question));
        found.unwrap_or_else(|| {
            let title = subject.map_or("Nothing".to_owned(), ToString::to_string);
            let mut document = Document::new(self.name(), title, view, question);
            document
                .notes
                .push(format!("there is no such thing as of {}", view.as_of));
            document
        })
    }
}

/// The dossier of something; none where the view has no such thing.
///
/// Records are shown whatever became of them, and whenever they happen; entities as of the view's day.
pub fn dossier(view: &View<'_>, subject: &Subject, question: &Question) -> Option<Document> {
    let of = Dossier { view, question };
    let id = match subject {
        Subject::Record(seq) => return of.record(*seq),
        Subject::Entity(id) => id,
    };
    match view.state.entity(id)?.0 {
        EntityKind::Commitment => {
            let commitment = view.commitment(&CommitmentId(id.clone()))?;
            Some(of.commitment(commitment))
        }
        EntityKind::Agreement => Some(of.agreement(view.agreement(&AgreementId(id.clone()))?)),
        EntityKind::Party => Some(of.party(&view.party(&PartyId(id.clone()))?)),
        EntityKind::Source => Some(of.source(&view.source(&SourceId(id.clone()))?)),
        EntityKind::Recorder => of.recorder(id),
    }
}

/// What every dossier is drawn from.
struct Dossier<'v, 'r> {
    view: &'v View<'r>,
    question: &'v Question,
}

impl<'r> Dossier<'_, 'r> {
    fn document(&self, title: String, tables: Vec<Table>) -> Document {
        let mut document = Document::new("dossier", title, self.view, self.question);
        document.tables = tables;
        document
    }

    fn commitment(&self, commitment: Commitment<'r>) -> Document {
        let view = self.view;
        let related = self.related(&commitment.id.0);
        let terms = Event::from(Fact::from(commitment.terms.clone().into_owned()));
        let set_by = |field: &str| {
            let base = commitment.set_by.get(field).copied();
            last_setter(view.state, base.unwrap_or(commitment.recorded.seq), field)
        };
        let rest = |entry: &&&Entry| !own_tables_show(entry, commitment.id);
        let mut tables = vec![
            self.commitment_state(&commitment),
            self.fields("terms", "Terms", &terms, set_by),
            self.moves(&commitment),
            self.evidence(&related),
            self.assessments(&commitment),
            self.contest(&commitment),
            self.records(
                "events",
                "What else was recorded",
                related.iter().filter(rest).copied(),
            ),
            self.sources(&related),
            self.repeats(&commitment),
        ];
        tables.extend(self.acknowledgements(related.iter().copied()));
        let title = format!("Commitment {}: {}", commitment.id, commitment.terms.text);
        let mut document = self.document(title, tables);
        document
            .notes
            .extend(caveats::notes(view, &[commitment], &[]));
        document
    }

    fn commitment_state(&self, commitment: &Commitment<'_>) -> Table {
        let (view, question) = (self.view, self.question);
        let heard = Heard::of(view, commitment, question.silent);
        let agreement = view.agreement(&commitment.terms.agreement);
        let agreement = agreement.map(|each| format!("{}: {}", each.id, each.fact.title));
        let agreed = cells::since(view, commitment.recorded.seq);
        let due = view.due(commitment, question.soon);
        pairs(
            "state",
            "Where it stands",
            vec![
                ("standing", cells::standing(commitment.standing)),
                ("contest", cells::contest(commitment.contest)),
                (
                    "assessment",
                    Cell::List(cells::assessments(view, commitment)),
                ),
                ("due", cells::due(due, commitment.terms.deadline.as_ref())),
                ("agreement", Cell::maybe(agreement)),
                ("agreed_on", agreed),
                ("last_heard", Cell::text(heard.last)),
                ("silent", Cell::Flag(heard.silent)),
                ("verified", Cell::Flag(commitment.is_verified())),
                (
                    "flags",
                    Cell::List(cells::commitment_flags(view, commitment)),
                ),
            ],
        )
    }

    /// How it came to stand where it stands, from the record that made it on.
    fn moves(&self, commitment: &Commitment<'_>) -> Table {
        let columns = &[
            "record", "on", "from", "to", "by", "capacity", "sources", "flags",
        ];
        let mut table = Table::new("moves", "How it came there", columns);
        let mut from = Cell::None;
        for entry in [commitment.recorded]
            .into_iter()
            .chain(commitment.move_entries())
        {
            let (to, capacity) = match &entry.event.fact {
                Fact::StatusChanged(fact) => (fact.to, fact.capacity),
                Fact::CommitmentRecorded(fact) => (fact.standing.unwrap_or(Standing::Agreed), None),
                _ => continue,
            };
            let to = cells::standing(to);
            let mut row = self.when(entry);
            row.extend([from, to.clone()]);
            row.push(Cell::List(cells::by(&entry.event)));
            row.push(Cell::maybe(capacity));
            row.extend(self.origin(entry));
            table.rows.push(row);
            from = to;
        }
        table
    }

    fn evidence(&self, related: &[&Entry]) -> Table {
        let columns = &[
            "record",
            "on",
            "bearing",
            "about",
            "text",
            "confidence",
            "sources",
            "flags",
        ];
        let mut table = Table::new("evidence", "Evidence for and against", columns).or("none");
        for entry in related {
            if let Fact::EvidenceAttached(fact) = &entry.event.fact {
                let mut row = self.when(entry);
                row.push(Cell::text(fact.bearing));
                row.push(Cell::List(cells::about(&entry.event)));
                row.push(Cell::maybe(fact.text.as_ref()));
                row.push(Cell::maybe(entry.event.envelope.confidence));
                row.extend(self.origin(entry));
                table.rows.push(row);
            }
        }
        table
    }

    fn assessments(&self, commitment: &Commitment<'_>) -> Table {
        let columns = &["record", "on", "by", "scale", "level", "sources", "flags"];
        let mut table = Table::new("assessments", "Assessments", columns).or("nobody assessed it");
        let state = self.view.state;
        let all = commitment.assessments.iter();
        for entry in all.filter_map(|(seq, _)| state.entry(*seq)) {
            if let Fact::Assessed(fact) = &entry.event.fact {
                let mut row = self.when(entry);
                row.push(Cell::List(cells::by(&entry.event)));
                row.extend([Cell::text(&fact.scale), Cell::text(&fact.level)]);
                row.extend(self.origin(entry));
                table.rows.push(row);
            }
        }
        table
    }

    /// What each side says.
    fn contest(&self, commitment: &Commitment<'_>) -> Table {
        let columns = &["record", "on", "to", "by", "text", "sources", "flags"];
        let mut table = Table::new("contest", "Contest", columns).or("nobody argues about it");
        let state = self.view.state;
        let all = commitment.contests.iter();
        for entry in all.filter_map(|seq| state.entry(*seq)) {
            if let Fact::ContestMoved(fact) = &entry.event.fact {
                let mut row = self.when(entry);
                row.push(cells::contest(fact.to));
                row.push(Cell::List(cells::by(&entry.event)));
                row.push(Cell::maybe(fact.text.as_ref()));
                row.extend(self.origin(entry));
                table.rows.push(row);
            }
        }
        table
    }

    /// What it promises again, and what promises it again.
    fn repeats(&self, commitment: &Commitment<'_>) -> Table {
        let mut table = links_table("repeats", "Promised before and after");
        let headline = |subject: &Subject| {
            let entry = match subject {
                Subject::Entity(id) => self.view.state.defining(id),
                Subject::Record(seq) => self.view.state.entry(*seq),
            };
            entry.map(|entry| entry.event.headline())
        };
        for subject in &commitment.terms.repeats {
            table.rows.push(link("repeats", subject, headline(subject)));
        }
        let own = Subject::Entity(commitment.id.0.clone());
        for entry in self.view.trail(&own) {
            if let Fact::CommitmentRecorded(fact) = &entry.event.fact
                && fact.repeats.contains(&own)
            {
                table
                    .rows
                    .push(link("repeated by", &fact.id, Some(&fact.text)));
            }
        }
        table
    }

    fn agreement(&self, agreement: Agreement<'r>) -> Document {
        let view = self.view;
        let related = self.related(&agreement.id.0);
        let of_it = |each: &Commitment<'_>| each.terms.agreement == *agreement.id;
        let naming = view.commitments_naming([&agreement.id.0]);
        let commitments: Vec<_> = naming.into_iter().filter(of_it).collect();
        let recorded = agreement.recorded.seq;
        let shown: BTreeSet<Seq> = agreement
            .participation
            .iter()
            .chain([&agreement.recorded])
            .map(|entry| entry.seq)
            .chain(commitments.iter().map(|each| each.recorded.seq))
            .collect();
        let rest = |entry: &&&Entry| {
            !shown.contains(&entry.seq) && !matches!(entry.event.fact, Fact::Acknowledged(_))
        };
        let mut tables = vec![
            self.fields("terms", "Terms", &agreement.recorded.event, |field| {
                last_setter(view.state, recorded, field)
            }),
            self.agreement_state(&agreement),
            self.participation(&agreement),
            self.links(&agreement),
            tables::commitments(
                view,
                "commitments",
                "Commitments",
                &commitments,
                self.question,
            ),
            self.evidence(&related),
            self.records(
                "events",
                "What else was recorded",
                related.iter().filter(rest).copied(),
            ),
            self.sources(&related),
        ];
        tables.extend(self.acknowledgements(related.iter().copied()));
        let title = format!("Agreement {}: {}", agreement.id, agreement.fact.title);
        let mut document = self.document(title, tables);
        document
            .notes
            .extend(caveats::notes(view, &commitments, &[agreement]));
        document
    }

    fn agreement_state(&self, agreement: &Agreement<'_>) -> Table {
        let since = agreement
            .moves
            .last()
            .copied()
            .unwrap_or(agreement.recorded);
        pairs(
            "state",
            "Where it stands",
            vec![
                ("status", Cell::text(agreement.status)),
                ("since", cells::since(self.view, since.seq)),
                ("concluded_on", cells::on(self.view, agreement.recorded.seq)),
                (
                    "flags",
                    Cell::List(cells::flags(self.view.state, agreement.recorded.seq)),
                ),
            ],
        )
    }

    fn participation(&self, agreement: &Agreement<'_>) -> Table {
        let columns = &[
            "record",
            "on",
            "party",
            "action",
            "effective",
            "text",
            "sources",
            "flags",
        ];
        let mut table = Table::new("participation", "What the parties did about it", columns)
            .or("nothing recorded");
        for entry in &agreement.participation {
            if let Fact::ParticipationRecorded(fact) = &entry.event.fact {
                let mut row = self.when(entry);
                row.extend([Cell::text(&fact.party), Cell::text(fact.action)]);
                row.extend([Cell::maybe(fact.effective), Cell::maybe(fact.text.as_ref())]);
                row.extend(self.origin(entry));
                table.rows.push(row);
            }
        }
        table
    }

    /// How it relates to others, and they to it.
    fn links(&self, agreement: &Agreement<'_>) -> Table {
        let mut table = links_table("links", "Other agreements");
        let title = |id: &AgreementId| self.view.agreement(id).map(|other| &other.fact.title);
        for each in &agreement.fact.link {
            table.rows.push(link(
                each.relation.word(),
                &each.agreement,
                title(&each.agreement),
            ));
        }
        for other in self.view.agreements_naming([&agreement.id.0]) {
            for each in other
                .fact
                .link
                .iter()
                .filter(|link| link.agreement == *agreement.id)
            {
                let relation = passive(each.relation);
                table
                    .rows
                    .push(link(relation, other.id, Some(&other.fact.title)));
            }
        }
        table
    }

    fn party(&self, party: &Party<'r>) -> Document {
        let (view, question) = (self.view, self.question);
        let related = self.related(&party.id.0);
        let recorded = party.recorded.seq;
        let commitments = view.commitments_naming([&party.id.0]);
        let of = |wanted: &dyn Fn(&Commitment<'r>) -> bool| -> Vec<Commitment<'r>> {
            commitments
                .iter()
                .filter(|each| wanted(each))
                .cloned()
                .collect()
        };
        let owes = of(&|each| each.debtors().contains(&party.id));
        let owed = of(&|each| each.creditors().contains(&party.id));
        let mut agreements = view.agreements_naming([&party.id.0]);
        agreements.retain(|agreement| agreement.fact.party.contains(party.id));
        let promised = |entry: &&&Entry| {
            !matches!(
                entry.event.fact,
                Fact::CommitmentRecorded(_) | Fact::AgreementRecorded(_)
            )
        };
        let rest = related
            .iter()
            .filter(promised)
            .filter(|entry| entry.seq != recorded);
        let tables = vec![
            self.fields("terms", "As registered", &party.recorded.event, |field| {
                last_setter(view.state, recorded, field)
            }),
            self.names(party),
            self.kin(party),
            tables::commitments(view, "owes", "What it owes", &owes, question),
            tables::commitments(view, "is_owed", "What it is owed", &owed, question),
            tables::agreements(view, &agreements),
            self.records("events", "What else was recorded", rest.copied()),
            self.sources(&related),
        ];
        let name = party.names.first().map(|name| name.text.to_string());
        self.document(
            format!("Party {}: {}", party.id, name.unwrap_or_default()),
            tables,
        )
    }

    fn names(&self, party: &Party<'_>) -> Table {
        let mut table = Table::new("names", "Names on that day", &["name", "language"]);
        let rows = party.names.iter();
        let rows =
            rows.map(|name| vec![Cell::text(&name.text), Cell::maybe(name.language.as_ref())]);
        table.rows = rows.collect();
        table
    }

    /// What it is part of, its parts, whom it succeeded and who succeeded it.
    fn kin(&self, party: &Party<'_>) -> Table {
        let mut table = links_table("kin", "Other parties");
        let name = |other: &PartyId| {
            let other = self.view.party(other)?;
            other.names.first().map(|name| name.text.clone())
        };
        if let Some(parent) = &party.fact.parent {
            table.rows.push(link("part of", parent, name(parent)));
        }
        for other in self.view.parties_naming(&party.id.0) {
            if other.fact.parent.as_ref() == Some(party.id) {
                table.rows.push(link("has part", other.id, name(other.id)));
            }
            if other.successors.contains(&party.id) {
                table.rows.push(link("succeeds", other.id, name(other.id)));
            }
        }
        for successor in &party.successors {
            table
                .rows
                .push(link("succeeded by", *successor, name(successor)));
        }
        table
    }

    fn source(&self, source: &Source<'r>) -> Document {
        let state = self.view.state;
        let recorded = source.recorded.seq;
        let mut links = links_table("derivation", "Known through");
        let title = |id: &SourceId| self.view.source(id).map(|other| &other.fact.title);
        if let Some(id) = &source.fact.derived_from {
            links.rows.push(link("derived from", id, title(id)));
        }
        for other in self.view.sources_naming(&source.id.0) {
            if other.fact.derived_from.as_ref() == Some(source.id) {
                links
                    .rows
                    .push(link("source of", other.id, Some(&other.fact.title)));
            }
        }
        let tables = vec![
            self.fields("terms", "As registered", &source.recorded.event, |field| {
                last_setter(state, recorded, field)
            }),
            links,
            self.cited(source),
        ];
        self.document(
            format!("Source {}: {}", source.id, source.fact.title),
            tables,
        )
    }

    /// What was read in a source, place by place; what names no place comes first.
    fn cited(&self, source: &Source<'_>) -> Table {
        let columns = &["place", "record", "on", "event", "about", "text", "flags"];
        let mut table = Table::new("cited", "What was read in it", columns).or("nothing");
        let mut places: BTreeMap<(Option<&Text>, Seq), &Entry> = BTreeMap::new();
        for entry in self.view.trail(&entity(&source.id.0)) {
            for citation in &entry.event.envelope.source {
                if citation.source == *source.id {
                    places.insert((citation.place.as_ref(), entry.seq), entry);
                }
            }
        }
        for ((place, _), entry) in places {
            let mut row = vec![Cell::maybe(place)];
            row.extend(self.when(entry));
            row.push(Cell::text(entry.event.kind()));
            row.push(Cell::List(cells::about(&entry.event)));
            row.push(Cell::Text(entry.event.headline()));
            row.push(Cell::List(cells::flags(self.view.state, entry.seq)));
            table.rows.push(row);
        }
        table
    }

    fn recorder(&self, id: &Slug) -> Option<Document> {
        let state = self.view.state;
        let recorded = state.defining(id)?;
        let tables = vec![
            self.fields("terms", "As admitted", &recorded.event, |field| {
                last_setter(state, recorded.seq, field)
            }),
            self.records("events", "What was recorded", self.view.trail(&entity(id))),
        ];
        Some(self.document(format!("Recorder {id}"), tables))
    }

    fn record(&self, seq: Seq) -> Option<Document> {
        let state = self.view.state;
        if seq.0 >= state.count() {
            return None;
        }
        let held = state.held(seq);
        let mut tables = vec![self.record_state(seq, held)];
        if let Some(held) = held.filter(|held| held.redacted.is_none()) {
            tables.push(record_fields(state, held));
        }
        let about = Subject::Record(seq);
        tables.push(self.records("referred_to_by", "What refers to it", state.trail(&about)));
        tables.extend(self.acknowledgements(state.trail(&about)));
        let title = match held {
            Some(held) => format!("Record {seq}: {}", held.entry.event.kind()),
            None => format!("Record {seq}"),
        };
        Some(self.document(title, tables))
    }

    fn record_state(&self, seq: Seq, held: Option<&CurrentRecord>) -> Table {
        let state = self.view.state;
        let mut rows = vec![("record", cells::record(seq))];
        if let Some(held) = held {
            let happened = self.view.has_happened(seq);
            rows.push(("recorded", cells::recorded(held.entry.recorded_at)));
            rows.push(("event", Cell::text(held.entry.event.kind())));
            rows.push(("text", cells::headline(held)));
            rows.push(("counts", Cell::Flag(held.is_standing() && happened)));
            let mut flags = cells::flags(state, seq);
            flags.extend(cells::claimed(state, seq));
            rows.push(("flags", Cell::List(flags)));
        } else {
            rows.push(("text", Cell::text(cells::WITHHELD)));
            rows.push(("counts", Cell::Flag(false)));
        }
        for entry in state.trail(&Subject::Record(seq)) {
            match &entry.event.fact {
                Fact::Retracted(fact) => {
                    rows.push(("retracted_because", Cell::text(&fact.reason)));
                }
                Fact::Redacted(fact) => {
                    rows.push(("redacted_because", Cell::text(&fact.reason)));
                    rows.push(("redacted_by_authority_of", Cell::text(&fact.authority)));
                }
                _ => {}
            }
        }
        pairs("state", "The record", rows)
    }

    /// The records about an entity that had happened, and those about its records, in the order of the chain.
    fn related(&self, id: &Slug) -> Vec<&'r Entry> {
        let mut all: BTreeMap<Seq, &'r Entry> = BTreeMap::new();
        let mut open: Vec<Subject> = vec![entity(id)];
        // A record about another comes after it, so this ends.
        while let Some(subject) = open.pop() {
            for entry in self.view.trail(&subject) {
                let about_another = matches!(entry.event.defines(), Some(ref other) if other.subject() != entity(id));
                if all.insert(entry.seq, entry).is_none() && !about_another {
                    open.push(Subject::Record(entry.seq));
                }
            }
        }
        all.into_values().collect()
    }

    /// Records as they come, whatever their kind.
    fn records<'e>(
        &self,
        name: &'static str,
        title: &str,
        entries: impl Iterator<Item = &'e Entry>,
    ) -> Table {
        let columns = &["record", "on", "event", "text", "by", "sources", "flags"];
        let mut table = Table::new(name, title, columns).or("nothing");
        for entry in entries {
            let mut row = self.when(entry);
            row.push(Cell::text(entry.event.kind()));
            row.push(Cell::Text(entry.event.headline()));
            row.push(Cell::List(cells::by(&entry.event)));
            row.extend(self.origin(entry));
            table.rows.push(row);
        }
        table
    }

    /// Which parties acknowledged which records with their own keys; no table where nobody did.
    fn acknowledgements<'e>(&self, entries: impl Iterator<Item = &'e Entry>) -> Option<Table> {
        let columns = &["record", "on", "party", "of_record", "event", "flags"];
        let mut table = Table::new("acknowledgements", "Who acknowledged it", columns);
        for entry in entries {
            if let Fact::Acknowledged(fact) = &entry.event.fact {
                let of = self.view.state.entry(fact.record);
                let mut row = self.when(entry);
                row.extend([Cell::text(&fact.party), cells::record(fact.record)]);
                row.push(Cell::maybe(of.map(|of| of.event.kind())));
                row.push(Cell::List(cells::flags(self.view.state, entry.seq)));
                table.rows.push(row);
            }
        }
        (!table.rows.is_empty()).then_some(table)
    }

    /// Every place in every source that is cited for something; two places in one source are two.
    fn sources(&self, entries: &[&Entry]) -> Table {
        let columns = &["source", "place", "title", "records"];
        let mut table = Table::new("sources", "Sources", columns).or("none cited");
        let mut places: BTreeMap<(&SourceId, Option<&Text>), Vec<Seq>> = BTreeMap::new();
        for entry in entries {
            for citation in &entry.event.envelope.source {
                let place = (&citation.source, citation.place.as_ref());
                places.entry(place).or_default().push(entry.seq);
            }
        }
        for ((source, place), records) in places {
            let title = self.view.source(source).map(|source| &source.fact.title);
            table.rows.push(vec![
                Cell::text(source),
                Cell::maybe(place),
                Cell::maybe(title),
                Cell::list(records),
            ]);
        }
        table
    }

    /// The fields of an event's fact, each with the record that set it.
    fn fields(
        &self,
        name: &'static str,
        title: &str,
        event: &Event,
        set_by: impl Fn(&str) -> Seq,
    ) -> Table {
        let mut table = Table::new(name, title, &["field", "value", "record", "flags"]);
        let fields = event.to_fields();
        for spec in event.kind().own_fields() {
            let texts = fields.get(spec.name);
            if texts.is_empty() {
                continue;
            }
            let setter = set_by(spec.name);
            let setting = self.view.state.entry(setter);
            let inferred = setting.is_some_and(|entry| cells::infers(&entry.event, spec.name));
            table.rows.push(vec![
                Cell::text(spec.name),
                value(texts),
                cells::record(setter),
                Cell::list(inferred.then_some("inferred")),
            ]);
        }
        table
    }

    /// The cells with which the row of a record begins.
    fn when(&self, entry: &Entry) -> Vec<Cell> {
        vec![cells::record(entry.seq), cells::on(self.view, entry.seq)]
    }

    /// The cells with which the row of a record ends.
    fn origin(&self, entry: &Entry) -> [Cell; 2] {
        [
            Cell::List(cells::sources(&entry.event)),
            Cell::List(cells::flags(self.view.state, entry.seq)),
        ]
    }
}

fn entity(id: &Slug) -> Subject {
    Subject::Entity(id.clone())
}

/// Names and values, those with a value.
fn pairs(name: &'static str, title: &str, rows: Vec<(&'static str, Cell)>) -> Table {
    let mut table = Table::new(name, title, &["field", "value"]);
    let rows = rows
        .into_iter()
        .map(|(field, value)| vec![Cell::text(field), value]);
    table.rows = rows.collect();
    table
}

fn value(texts: &[String]) -> Cell {
    match texts {
        [] => Cell::None,
        [text] => Cell::text(text),
        several => Cell::List(several.to_vec()),
    }
}

fn links_table(name: &'static str, title: &str) -> Table {
    Table::new(name, title, &["relation", "id", "text"]).or("none")
}

fn link(relation: &str, id: impl ToString, text: Option<impl ToString>) -> Vec<Cell> {
    vec![Cell::text(relation), Cell::text(id), Cell::maybe(text)]
}

/// A relation as the other agreement has it.
fn passive(relation: Relation) -> &'static str {
    use Relation::*;
    match relation {
        Amends => "amended by",
        Supersedes => "superseded by",
        Continues => "continued by",
        Implements => "implemented by",
        Repeats => "repeated by",
    }
}

/// Whether a table of its own shows an entry in the dossier of a commitment.
fn own_tables_show(entry: &Entry, id: &CommitmentId) -> bool {
    match &entry.event.fact {
        Fact::StatusChanged(fact) => fact.commitment == *id,
        Fact::ContestMoved(fact) => fact.commitment == *id,
        Fact::Assessed(fact) => fact.commitment == *id,
        Fact::CommitmentRecorded(fact) => fact.id == *id,
        Fact::EvidenceAttached(_) | Fact::Acknowledged(_) => true,
        _ => false,
    }
}

/// The last correction that set a field of a record, or the record itself.
fn last_setter(state: &State, seq: Seq, field: &str) -> Seq {
    let corrections = state.held(seq).map_or(&[][..], |held| &held.corrections);
    let sets = |correction: &&Seq| correction_of(state, **correction, field).is_some();
    corrections.iter().rev().find(sets).copied().unwrap_or(seq)
}

/// The reason of a correction that counts, where it is one of this field.
fn correction_of<'r>(state: &'r State, correction: Seq, field: &str) -> Option<&'r Text> {
    match &state.entry(correction)?.event.fact {
        Fact::Corrected(fact) if fact.field.as_str() == field => Some(&fact.reason),
        _ => None,
    }
}

/// Every field of a record, of its fact and its envelope, as it reads and as it was recorded.
fn record_fields(state: &State, held: &CurrentRecord) -> Table {
    let columns = &["field", "value", "recorded_as", "corrected_by", "reason"];
    let mut table = Table::new("fields", "What it says", columns);
    let (now, then) = (held.entry.event.to_fields(), held.recorded().to_fields());
    for spec in held.entry.event.kind().fields() {
        let (now, then) = (now.get(spec.name), then.get(spec.name));
        let setter = last_setter(state, held.entry.seq, spec.name);
        let corrected = setter != held.entry.seq;
        if now.is_empty() && then.is_empty() {
            continue;
        }
        table.rows.push(vec![
            Cell::text(spec.name),
            value(now),
            if corrected { value(then) } else { Cell::None },
            if corrected {
                cells::record(setter)
            } else {
                Cell::None
            },
            Cell::maybe(correction_of(state, setter, spec.name)),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    const DAY: &str = "2024-06-01";

    #[test]
    fn two_places_in_a_source_are_two() {
        let dossier = communique().dossier("C2", DAY).unwrap();
        assert_eq!(
            columns(&dossier, "sources", &["source", "place", "records"]),
            [["S1", "paragraph 4", "9"], ["S1", "paragraph 9", "9"]]
        );
        let terms = columns(&dossier, "terms", &["field", "value", "record"]);
        assert!(terms.contains(&vec![
            "modality".into(),
            "intention; obligation".into(),
            "9".into()
        ]));
    }

    #[test]
    fn each_term_names_the_record_that_set_it() {
        let mut history = simple(" | deadline=2023-06-30 | purpose=trade | inferred=purpose");
        history.say_all(&[
            "amendment | commitment=C1 | deadline=2023-12-31 | measure=cars a day",
            "correction | record=6 | field=measure | to=lorries a day | reason=misread",
            "correction | record=5 | field=text | to=open both bridges | reason=misread",
        ]);
        let dossier = history.dossier("C1", DAY).unwrap();
        let terms = columns(&dossier, "terms", &["field", "value", "record", "flags"]);
        let term = |name: &str| terms.iter().find(|row| row[0] == name).unwrap()[1..].to_vec();
        assert_eq!(term("text"), ["open both bridges", "8", ""]);
        assert_eq!(term("deadline"), ["2023-12-31", "6", ""]);
        assert_eq!(term("measure"), ["lorries a day", "7", ""]);
        assert_eq!(term("purpose"), ["trade", "5", "inferred"]);
    }

    #[test]
    fn a_commitment_with_all_its_axes() {
        let mut history = simple("");
        history.on("2023-05-05").say_all(&[
            "source | id=S3 | kind=article | title=Later report",
            "status | commitment=C1 | to=active | by=venezuela | on=2023-02-01",
            "contest | commitment=C1 | to=claimed | by=venezuela | text=nothing was done",
            "contest | commitment=C1 | to=disputed | by=colombia | text=all was done",
            "evidence | about=C1 | bearing=supports | source=S3: line 2 | confidence=low",
            "evidence | about=7 | bearing=refutes | source=S3: line 9",
            "commitment | id=C2 | agreement=A1 | text=open it again | debtor=colombia | creditor=venezuela | repeats=C1",
            "assessment | commitment=C1 | scale=pam | level=2 | by=monitor | on=2023-03-01",
        ]);
        let dossier = history.dossier("C1", DAY).unwrap();
        assert_eq!(
            columns(&dossier, "moves", &["record", "from", "to"]),
            [["5", "", "agreed"], ["7", "agreed", "active"]]
        );
        assert_eq!(
            columns(&dossier, "contest", &["by", "text"]),
            [
                ["venezuela", "nothing was done"],
                ["colombia", "all was done"]
            ]
        );
        assert_eq!(
            columns(&dossier, "evidence", &["bearing", "about", "sources"]),
            [
                ["supports", "C1", "S3: line 2"],
                ["refutes", "record 7", "S3: line 9"]
            ]
        );
        assert_eq!(
            columns(&dossier, "repeats", &["relation", "id"]),
            [["repeated by", "C2"]]
        );
        assert_eq!(column(&dossier, "assessments", "level"), ["2"]);
        let repeated = history.dossier("C2", DAY).unwrap();
        assert_eq!(
            columns(&repeated, "repeats", &["relation", "id"]),
            [["repeats", "C1"]]
        );
        // As of a day before the first move.
        let early = history.dossier("C1", "2023-01-15").unwrap();
        assert_eq!(column(&early, "moves", "to"), ["agreed"]);
        assert!(history.dossier("C1", "2022-12-31").is_none());
    }

    #[test]
    fn acknowledgements_are_listed_with_what_they_are_of() {
        let mut history = simple("");
        history.say_all(&[
            "party-key | party=colombia | key=k",
            "party-key | party=venezuela | key=k",
            "participation | agreement=A1 | party=colombia | action=signature | on=2023-01-01",
            "status | commitment=C1 | to=claimed | by=colombia | on=2023-02-01",
        ]);
        let listed = |history: &History, of: &str| {
            let dossier = history.dossier(of, DAY).unwrap();
            let mut tables = dossier.tables.iter();
            if tables.all(|table| table.name != "acknowledgements") {
                return Vec::new();
            }
            let wanted = ["record", "on", "party", "of_record", "event"];
            columns(&dossier, "acknowledgements", &wanted)
        };
        for of in ["A1", "C1", "5", "9"] {
            assert!(listed(&history, of).is_empty(), "{of}");
        }
        for (record, party) in [
            (4, "venezuela"),
            (8, "colombia"),
            (5, "colombia"),
            (9, "venezuela"),
        ] {
            history.say(&format!(
                "acknowledgement | record={record} | party={party} | signature=s | on=2023-03-01"
            ));
        }
        let row = |record: &str, party: &str, of: &str, event: &str| {
            [record, "2023-03-01", party, of, event].map(str::to_owned)
        };
        let on_claim = row("13", "venezuela", "9", "status");
        assert_eq!(
            listed(&history, "A1"),
            [
                row("10", "venezuela", "4", "agreement"),
                row("11", "colombia", "8", "participation")
            ]
        );
        assert_eq!(
            listed(&history, "C1"),
            [row("12", "colombia", "5", "commitment"), on_claim.clone()]
        );
        assert_eq!(listed(&history, "9"), [on_claim]);
        // They are told once.
        for of in ["A1", "C1"] {
            let dossier = history.dossier(of, DAY).unwrap();
            let events = column(&dossier, "events", "event");
            assert!(!events.contains(&"acknowledgement".to_owned()), "{of}");
        }
    }

    #[test]
    fn agreements_are_linked_both_ways() {
        let mut history = communique();
        history.say("agreement | id=A2 | title=Roadmap | party=colombia | party=venezuela | on=2023-11-17 | link=continues:A1");
        history.say(
            "participation | agreement=A2 | party=colombia | action=signature | on=2023-11-17",
        );
        let wanted = ["relation", "id", "text"];
        let first = history.dossier("A1", DAY).unwrap();
        assert_eq!(
            columns(&first, "links", &wanted),
            [["continued by", "A2", "Roadmap"]]
        );
        assert_eq!(
            column(&first, "commitments", "id"),
            ["C1", "C2", "C3", "C4"]
        );
        assert!(column(&first, "events", "event").contains(&"meeting".to_owned()));
        let second = history.dossier("A2", DAY).unwrap();
        assert_eq!(
            columns(&second, "links", &wanted),
            [["continues", "A1", "Outcome of the meeting"]]
        );
        assert_eq!(
            columns(&second, "participation", &["party", "action"]),
            [["colombia", "signature"]]
        );
        // On a day before it, the later agreement is not there.
        let before = history.dossier("A1", "2023-11-16").unwrap();
        assert!(columns(&before, "links", &wanted).is_empty());
    }

    #[test]
    fn parties_know_their_kin() {
        let mut history = communique();
        history.say("party | id=mindef-new | kind=organ | name=New ministry");
        history.say("succession | party=mindef-co | successor=mindef-new | on=2024-01-01");
        let kin = |of: &str| {
            columns(
                &history.dossier(of, DAY).unwrap(),
                "kin",
                &["relation", "id"],
            )
        };
        assert_eq!(kin("colombia"), [["has part", "mindef-co"]]);
        assert_eq!(
            kin("mindef-co"),
            [
                ["part of", "colombia"],
                ["has part", "velasquez"],
                ["succeeded by", "mindef-new"]
            ]
        );
        assert_eq!(kin("mindef-new"), [["succeeds", "mindef-co"]]);
        let colombia = history.dossier("colombia", DAY).unwrap();
        assert_eq!(column(&colombia, "owes", "id"), ["C1", "C2", "C3", "C4"]);
        assert_eq!(
            column(&colombia, "names", "name"),
            ["Colombia", "Kolumbien"]
        );
    }

    #[test]
    fn a_source_lists_what_was_read_in_it_by_place() {
        let dossier = communique().dossier("S1", DAY).unwrap();
        assert_eq!(
            columns(&dossier, "derivation", &["relation", "id"]),
            [["source of", "S2"]]
        );
        let cited = columns(&dossier, "cited", &["place", "record"]);
        assert_eq!(cited.len(), 8);
        assert_eq!(cited[0], ["", "13"]);
        let at = |place: &str| cited.iter().filter(|row| row[0] == place).count();
        assert_eq!((at("paragraph 4"), at("paragraph 9")), (2, 1));
    }

    #[test]
    fn a_record_shows_what_it_said_and_what_it_says() {
        let mut history = simple("");
        history.say("correction | record=5 | field=text | to=open both bridges | reason=misread");
        history.say("correction | record=5 | field=on | to=2023-01-03 | reason=printed later");
        let dossier = history.dossier("5", DAY).unwrap();
        let wanted = ["field", "value", "recorded_as", "corrected_by", "reason"];
        let fields = columns(&dossier, "fields", &wanted);
        let field = |name: &str| fields.iter().find(|row| row[0] == name).unwrap()[1..].to_vec();
        assert_eq!(
            field("text"),
            ["open both bridges", "open the bridge", "6", "misread"]
        );
        assert_eq!(field("on"), ["2023-01-03", "", "7", "printed later"]);
        assert_eq!(field("debtor"), ["colombia", "", "", ""]);
        assert_eq!(column(&dossier, "referred_to_by", "record"), ["6", "7"]);
        assert!(history.dossier("8", DAY).is_none());
        assert!(history.dossier("nobody", DAY).is_none());
    }

    #[test]
    fn a_withheld_record_keeps_its_content_to_itself() {
        let mut history = simple("");
        history.say("statement | text=a name | about=C1");
        history.say("redaction | record=6 | reason=personal data | authority=court order 7");
        let dossier = history.dossier("6", DAY).unwrap();
        assert!(!format!("{dossier:?}").contains("a name"));
        let state = columns(&dossier, "state", &["field", "value"]);
        assert!(state.contains(&vec![
            "redacted_by_authority_of".into(),
            "court order 7".into()
        ]));
        assert!(!format!("{:?}", history.dossier("C1", DAY)).contains("a name"));
    }

    #[test]
    fn a_retracted_record_says_why() {
        let mut history = simple("");
        history.say("progress | text=paint | commitment=C1");
        history.say("retraction | record=6 | reason=of another bridge");
        let state = columns(
            &history.dossier("6", DAY).unwrap(),
            "state",
            &["field", "value"],
        );
        assert!(state.contains(&vec![
            "retracted_because".into(),
            "of another bridge".into()
        ]));
        assert!(state.contains(&vec!["counts".into(), "false".into()]));
    }
}
