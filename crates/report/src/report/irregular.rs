//! What is doubtful: records that break a rule, rest on an inference or a weak source, or are argued about.

use servanda_core::event::Entry;
use servanda_core::state::RecordDate;
use servanda_core::value::commitment::Contest;
use servanda_core::value::id::Seq;
use servanda_core::value::source::Confidence;
use servanda_core::view::{Commitment, View};

use super::answers::are;
use super::cell::{Cell, Tone};
use super::chart::{Bar, Chart, Plot};
use super::commitments::Commitments;
use super::document::{Document, Report, Row, Table};
use super::flow::Flow;
use super::question::{Question, Takes};
use super::rates::Rate;
use super::{cells, rows, select, tables};
use crate::parallel::{self, Scope};
use servanda_core::words::plural;

/// The report `irregular`.
#[derive(Debug, Clone, Copy)]
pub struct Irregular;

impl Report for Irregular {
    fn name(&self) -> &'static str {
        "irregular"
    }

    fn about(&self) -> &'static str {
        "Everything flagged or inferred: irregular events, inferred fields, low confidence, contests"
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Limit]
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let wanted = select::Records::new(view, question);
        let mut table = Table::new("doubts", "Doubtful records", COLUMNS)
            .lead(&["record", "why", "text", "detail"])
            .or("no record is doubtful");
        let (mut all, mut asserted) = (0, 0);
        let mut doubtful = Vec::new();
        let state = view.state;
        for seq in (0..state.count()).map(Seq) {
            let stands = state.standing_kind(seq).is_some();
            if !stands || !wanted.includes(state, seq) || !view.has_happened(seq) {
                continue;
            }
            all += 1;
            asserted += usize::from(cells::asserted(state, seq).is_some());
            if state.date(seq).is_some_and(RecordDate::is_doubtful) {
                doubtful.push(seq);
            }
        }
        let doubted = doubtful.len();
        let doubtful = by_reason(view, &doubtful);
        let counts = doubtful.each_ref().map(Vec::len);
        table.rows = doubts(view, doubtful);
        let commitments = select::commitments(view, question);
        let contested = commitments.filter(is_contested);
        let mut document = Document::new(self.name(), "Doubtful and disputed", view, question);
        document.notes.extend(table.cut(question.limit));
        document.notes.push(
            "a retracted record does not count, and is not listed; corrections are in the certificate".into(),
        );
        document.answer = vec![format!(
            "{} of {all} records {} doubtful, and {} {} argued about.",
            doubted,
            are(doubted),
            plural(contested.len(), "promise"),
            are(contested.len())
        )];
        document.charts.push(chart(&counts));
        let rates = shares(counts, asserted, all, contested.len(), commitments.len());
        document.tables = vec![
            table,
            contests(&contested),
            tables::rates("rates", "How many", &rates),
        ];
        document
    }
}

const COLUMNS: &[&str] = &[
    "why", "record", "on", "event", "about", "text", "detail", "by", "sources",
];

/// Why a record is doubtful.
#[derive(Debug, Clone, Copy)]
enum Why {
    Irregular,
    Inferred,
    LowConfidence,
}

const WHYS: [Why; 3] = [Why::Irregular, Why::Inferred, Why::LowConfidence];

impl Why {
    fn word(self) -> &'static str {
        match self {
            Self::Irregular => "irregular",
            Self::Inferred => "inferred",
            Self::LowConfidence => "low confidence",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Irregular => Tone::Bad,
            Self::Inferred | Self::LowConfidence => Tone::Attention,
        }
    }

    /// Whether a record is doubtful for this reason.
    fn holds(self, entry: &Entry) -> bool {
        let envelope = &entry.event.envelope;
        match self {
            Self::Irregular => envelope.irregular.is_some(),
            Self::Inferred => !envelope.inferred.is_empty(),
            Self::LowConfidence => envelope.confidence == Some(Confidence::Low),
        }
    }

    /// What a record that is doubtful for this reason says of it.
    fn detail(self, entry: &Entry) -> Option<String> {
        let envelope = &entry.event.envelope;
        match self {
            Self::Irregular => envelope.irregular.as_ref().map(ToString::to_string),
            Self::Inferred => Some(inferred(entry)),
            Self::LowConfidence => envelope.note.as_ref().map(ToString::to_string),
        }
    }
}

/// The fields that were inferred, with what was put in them.
fn inferred(entry: &Entry) -> String {
    let fields = entry.event.to_fields();
    let named = entry.event.envelope.inferred.iter().map(|field| {
        let texts = fields.get(field.as_str()).join("; ");
        format!("{field}: {texts}")
    });
    named.collect::<Vec<_>>().join(" | ")
}

/// The records that are doubtful for each reason, of these.
fn by_reason(view: &View<'_>, records: &[Seq]) -> [Vec<Seq>; WHYS.len()] {
    let reasons = parallel::ordered(view, records.len(), |scope, at| {
        let entry = scope.view.state.entry(records[at]);
        WHYS.map(|why| entry.is_some_and(|entry| why.holds(entry)))
    });
    let mut all = std::array::from_fn(|_| Vec::new());
    for (seq, holds) in records.iter().zip(reasons) {
        for (records, holds) in all.iter_mut().zip(holds) {
            records.extend(holds.then_some(*seq));
        }
    }
    all
}

/// The rows of the records that are doubtful for each reason.
fn doubts<'r>(view: &View<'r>, doubtful: [Vec<Seq>; WHYS.len()]) -> Flow<'r, Row> {
    let reasons = WHYS.iter().zip(doubtful);
    let each = reasons.flat_map(|(why, records)| records.into_iter().map(|seq| (*why, seq)));
    rows::of(view, each.collect(), |scope, (why, seq)| {
        Some(row(scope, *why, scope.view.state.entry(*seq)?))
    })
}

fn row(scope: &Scope<'_>, why: Why, entry: &Entry) -> Row {
    let detail = why.detail(entry).filter(|detail| !detail.is_empty());
    vec![
        Cell::Word(why.word().to_owned(), why.tone()),
        cells::record(entry.seq),
        cells::on(&scope.view, entry.seq),
        Cell::text(entry.event.kind()),
        Cell::List(cells::about(&entry.event)),
        Cell::Text(scope.sentences.of(entry)),
        Cell::maybe(detail),
        Cell::List(cells::by(&entry.event)),
        Cell::List(cells::sources(&entry.event)),
    ]
}

fn is_contested(commitment: &Commitment<'_>) -> bool {
    matches!(commitment.contest, Contest::Claimed | Contest::Disputed)
}

fn contests<'r>(contested: &Commitments<'r>) -> Table<'r> {
    let columns = &[
        "id",
        "text",
        "contest",
        "since",
        "standing",
        "debtors",
        "creditors",
    ];
    let all = contested.clone();
    let row = |view: &View<'_>, commitment: Commitment<'_>| {
        let last = commitment.contests.last().copied();
        vec![
            Cell::text(commitment.id),
            Cell::text(&commitment.terms.text),
            cells::contest(commitment.contest),
            last.map_or(Cell::None, |seq| cells::since(view, seq)),
            cells::standing(commitment.standing),
            Cell::list(commitment.debtors()),
            Cell::list(commitment.creditors()),
        ]
    };
    let rows = Flow::made(contested.len(), move || all.in_parallel(row));
    let table = Table::new("contested", "Commitments that are argued about", columns)
        .lead(&["id", "text", "contest", "standing"]);
    table.or("nothing is argued about").with(rows)
}

fn shares(
    counts: [usize; WHYS.len()],
    asserted: usize,
    records: usize,
    contested: usize,
    commitments: usize,
) -> Vec<Rate> {
    let of_records = |name, count| Rate {
        name,
        denominator: "records",
        count,
        of: records,
    };
    let mut rates: Vec<Rate> = WHYS
        .iter()
        .zip(counts)
        .map(|(why, count)| of_records(why.word(), count))
        .collect();
    rates.push(of_records("recorded time asserted", asserted));
    rates.push(Rate {
        name: "contested",
        denominator: "commitments",
        count: contested,
        of: commitments,
    });
    rates
}

fn chart(counts: &[usize; WHYS.len()]) -> Chart {
    let bar = |(why, count): (&Why, &usize)| Bar {
        label: why.word().to_owned(),
        count: i64::try_from(*count).unwrap_or(i64::MAX),
        tone: why.tone(),
    };
    Chart {
        name: "doubts".to_owned(),
        title: "Doubtful records, by why".to_owned(),
        table: "rates",
        plot: Plot::Bars(WHYS.iter().zip(counts).map(bar).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn doubtful() -> History {
        let mut history = simple(" | deadline=2023 | inferred=deadline");
        history.say_all(&[
            "status | commitment=C1 | to=breached | by=venezuela | on=2023-02-01 | irregular=breached before it was in force",
            "statement | text=it may be closed | about=C1 | on=2023-03-01 | confidence=low | note=hearsay",
            "contest | commitment=C1 | to=claimed | by=colombia | on=2023-03-02",
            "statement | text=a slip | about=C1 | on=2023-03-01 | confidence=low",
            "retraction | record=9 | reason=never said",
        ]);
        history
    }

    #[test]
    fn each_doubt_says_why() {
        let report = doubtful().ask(&Irregular, "2024-01-01", &Question::default());
        assert_eq!(
            columns(&report, "doubts", &["why", "record", "about", "detail"]),
            [
                ["irregular", "6", "C1", "breached before it was in force"],
                ["inferred", "5", "C1", "deadline: 2023"],
                ["low confidence", "7", "C1", "hearsay"],
            ]
        );
        assert_eq!(
            columns(&report, "contested", &["id", "contest", "since"]),
            [["C1", "claimed", "2023-03-02"]]
        );
        assert_eq!(share(&report, "commitments/contested"), "1 of 1 (100%)");
        assert_eq!(share(&report, "records/irregular"), "1 of 10 (10%)");
    }

    #[test]
    fn what_has_not_happened_is_in_no_doubt() {
        let report = doubtful().ask(&Irregular, "2022-12-31", &Question::default());
        assert!(column(&report, "doubts", "why").is_empty());
        assert_eq!(share(&report, "records/irregular"), "0 of 4 (0%)");
        assert_eq!(share(&report, "commitments/contested"), "none commitments");
    }

    #[test]
    fn asserted_times_are_counted() {
        let mut history = doubtful();
        history.state.note_asserted(3);
        let report = history.ask(&Irregular, "2024-01-01", &Question::default());
        assert_eq!(
            share(&report, "records/recorded time asserted"),
            "3 of 10 (30%)"
        );
    }
}
