//! Lists: parties, sources, agreements, commitments.

use servanda_core::event::Kind;
use servanda_core::rules::Known;
use servanda_core::state::EntityKind;
use servanda_core::value::id::{PartyId, Seq, SourceId, Subject};
use servanda_core::view::View;

use super::cell::Cell;
use super::document::{Document, Report, Table};
use super::question::Question;
use super::{cells, natural, rows, select, tables};

/// The list of parties.
#[derive(Debug, Clone, Copy)]
pub struct Parties;

impl Report for Parties {
    fn name(&self) -> &'static str {
        "parties"
    }

    fn about(&self) -> &'static str {
        "Every party, by id"
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let columns = &[
            "id",
            "name",
            "kind",
            "other_names",
            "identifiers",
            "parent",
            "succeeded_by",
            "record",
        ];
        let parties = select::parties(view, question).into_iter();
        let ids = parties.cloned().map(PartyId).collect();
        let rows = rows::of(view, ids, |scope, id| {
            let party = scope.view.party(id)?;
            Some(vec![
                Cell::text(party.id),
                Cell::maybe(party.names.first()),
                Cell::text(party.fact.kind),
                Cell::list(party.names.iter().skip(1)),
                Cell::list(&party.fact.identifier),
                Cell::maybe(party.fact.parent.as_ref()),
                Cell::list(&party.successors),
                cells::record(party.recorded.seq),
            ])
        });
        let table = Table::new("parties", "Parties", columns);
        list(self, table.or("no parties").with(rows), view, question)
    }
}

/// The list of sources.
#[derive(Debug, Clone, Copy)]
pub struct Sources;

impl Report for Sources {
    fn name(&self) -> &'static str {
        "sources"
    }

    fn about(&self) -> &'static str {
        "Every source, by id"
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let columns = &[
            "id",
            "title",
            "kind",
            "issuer",
            "published",
            "language",
            "known_through",
            "cited",
            "record",
        ];
        let asked = question.source.clone();
        let ids = view.state.ids(EntityKind::Source).cloned().map(SourceId);
        let ids = ids.filter(|id| asked.as_ref().is_none_or(|asked| asked == id));
        let there = ids.filter(|id| {
            let recorded = view.state.entity(&id.0);
            recorded.is_some_and(|(_, seq)| view.has_happened(seq))
        });
        let mut there: Vec<SourceId> = there.collect();
        there.sort_by(|one, other| natural::order(one.as_str(), other.as_str()));
        let rows = rows::of(view, there, |scope, id| {
            let source = scope.view.source(id)?;
            Some(vec![
                Cell::text(source.id),
                Cell::text(&source.fact.title),
                Cell::text(source.fact.kind),
                Cell::maybe(source.fact.issuer.as_ref()),
                Cell::maybe(source.fact.published),
                Cell::maybe(source.fact.language.as_ref()),
                Cell::maybe(source.fact.derived_from.as_ref()),
                Cell::count(citing(&scope.view, id)),
                cells::record(source.recorded.seq),
            ])
        });
        let table = Table::new("sources", "Sources", columns);
        list(self, table.or("no sources").with(rows), view, question)
    }
}

/// The number of records that cite a source. Whatever names one cites it, but for sources that are known through it.
fn citing(view: &View<'_>, id: &SourceId) -> usize {
    let trail = view.trail_records(&Subject::Entity(id.0.clone()));
    let cites = |seq: Seq| {
        let entry = view.state.entry(seq);
        entry.is_some_and(|entry| {
            let mut places = entry.event.envelope.source.iter();
            places.any(|citation| citation.source == *id)
        })
    };
    let cited = trail.filter(|(seq, kind)| *kind != Kind::SourceRegistered || cites(*seq));
    cited.count()
}

/// The list of agreements.
#[derive(Debug, Clone, Copy)]
pub struct Agreements;

impl Report for Agreements {
    fn name(&self) -> &'static str {
        "agreements"
    }

    fn about(&self) -> &'static str {
        "Every agreement, by id"
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let agreements = select::agreements(view, question);
        list(self, tables::agreements(view, &agreements), view, question)
    }
}

/// The list of commitments.
#[derive(Debug, Clone, Copy)]
pub struct Commitments;

impl Report for Commitments {
    fn name(&self) -> &'static str {
        "commitments"
    }

    fn about(&self) -> &'static str {
        "Every commitment, by id"
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let commitments = select::commitments(view, question);
        let table = tables::commitments("commitments", "Commitments", &commitments, question);
        list(self, table, view, question)
    }
}

/// A document of one table.
fn list<'r>(
    report: &dyn Report,
    table: Table<'r>,
    view: &View<'r>,
    question: &Question,
) -> Document<'r> {
    let mut table = table;
    let mut document = Document::new(report.name(), table.title.clone(), view, question);
    document.notes.extend(table.cut(question.limit));
    document.tables.push(table);
    document
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use servanda_core::value::party::PartyKind;

    #[test]
    fn lists_are_narrowed_by_the_question() {
        let history = communique();
        let ids = |report: &dyn Report, question: &Question| {
            let list = history.ask(report, "2024-01-01", question);
            column(&list, report.name(), "id")
        };
        let all = Question::default();
        assert_eq!(ids(&Parties, &all).len(), 4);
        assert_eq!(ids(&Sources, &all), ["S1", "S2"]);
        assert_eq!(ids(&Agreements, &all), ["A1"]);
        assert_eq!(ids(&Commitments, &all), ["C1", "C2", "C3", "C4"]);
        let persons = Question {
            party_kind: Some(PartyKind::Person),
            ..Question::default()
        };
        assert_eq!(ids(&Parties, &persons), ["velasquez"]);
        let colombia = Question {
            party: Some("colombia".parse().unwrap()),
            limit: Some(2),
            ..Question::default()
        };
        assert_eq!(ids(&Parties, &colombia), ["colombia", "mindef-co"]);
        assert_eq!(ids(&Commitments, &colombia), ["C1", "C2"]);
    }

    #[test]
    fn names_follow_the_day() {
        let mut history = communique();
        history.say("rename | party=velasquez | name=Iván Velásquez Gómez | on=2023-09-01");
        let name = |day| {
            let list = history.ask(&Parties, day, &Question::default());
            column(&list, "parties", "name").remove(2)
        };
        assert_eq!(name("2023-08-31"), "Iván Velásquez");
        assert_eq!(name("2023-09-01"), "Iván Velásquez Gómez");
    }

    #[test]
    fn a_source_is_cited_by_records_not_by_itself() {
        let list = communique().ask(&Sources, "2024-01-01", &Question::default());
        let wanted = ["id", "cited", "known_through"];
        assert_eq!(
            columns(&list, "sources", &wanted),
            [["S1", "7", ""], ["S2", "0", "S1"]]
        );
    }
}
