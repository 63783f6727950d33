//! Counts over time: how many parties consented and are bound, how much of what fell due was kept, and the
//! days on which a count crossed a threshold.

mod basis;
mod series;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{Days, NaiveDate};

use servanda_core::event::Kind;
use servanda_core::value::agreement::AgreementStatus;
use servanda_core::value::id::AgreementId;
use servanda_core::view::{Agreement, Commitment, StatusChange, View, standing_changes};
use servanda_core::words::plural;

use self::basis::Basis;
use self::series::{Series, What};
use super::answers::{are, were};
use super::bounded::Bounded;
use super::cell::{Cell, Tone};
use super::chart::{Chart, Line, Mark, Plot, Threshold};
use super::commitments::Commitments;
use super::document::{Document, Report, Row, Table};
use super::flow::Flow;
use super::participation::{Membership, Position, memberships};
use super::question::{Question, Takes};
use super::rates::{Rate, Tally};
use super::{caveats, natural, select};
use crate::parallel;

/// The report `curve`.
#[derive(Debug, Clone, Copy)]
pub struct Curve;

impl Report for Curve {
    fn name(&self) -> &'static str {
        "curve"
    }

    fn about(&self) -> &'static str {
        "How many parties were bound and how much was kept over time, and when a threshold was crossed"
    }

    fn takes(&self) -> &'static [Takes] {
        &[Takes::Thresholds]
    }

    fn document<'r>(&self, view: &View<'r>, question: &Question) -> Document<'r> {
        let agreements = select::agreements(view, question);
        let commitments = select::commitments(view, question);
        let circle = select::asked_circle(view, question);
        let of_agreements = parallel::ordered(view, agreements.len(), |scope, at| {
            let agreement = scope.view.agreement(&AgreementId(agreements[at].clone()))?;
            let mut members = memberships(&scope.view, &agreement);
            if let Some(circle) = &circle {
                members.retain(|member| circle.contains(&member.party));
            }
            let series = participation(&scope.view, agreement.id, &members);
            let basis = Basis::of(&scope.view, agreement.id, &members);
            Some((agreement.participation.len(), series, basis))
        });
        let (mut series, mut acts) = (Vec::new(), Vec::new());
        let mut bases = Vec::new();
        for (id, found) in agreements.iter().zip(of_agreements) {
            let (count, found, basis) = found.unwrap_or_default();
            if !found.is_empty() {
                acts.push((count, AgreementId((*id).clone())));
            }
            series.extend(found);
            bases.push(basis);
        }
        let (of_commitments, uncounted) = implementation(&commitments);
        series.extend(of_commitments);
        let mut document = Document::new(self.name(), "Counts over time", view, question);
        let notes = caveats::notes(view, question, &commitments, &agreements);
        document.notes.extend(notes);
        document.notes.extend(basis::notes(&bases));
        document.notes.extend(uncounted);
        document.answer = answer(&series);
        document.charts = charts(view, acts, &series, question);
        let thresholds = thresholds(&series, question);
        document.tables = vec![table(series), thresholds];
        document
    }
}

/// How many promises were made and fell due, and what became of these.
fn answer(all: &[Series]) -> Vec<String> {
    let last = |what: What| {
        let series = all.iter().find(|series| series.what == what);
        let points = series.map(Series::points).unwrap_or_default();
        points
            .last()
            .map_or(0, |(_, count)| usize::try_from(*count).unwrap_or(0))
    };
    let made = all.iter().find(|series| series.what == What::Made);
    let made = made.map(Series::points).unwrap_or_default();
    let (Some((first, _)), Some((newest, count))) = (made.first(), made.last()) else {
        return Vec::new();
    };
    let count = usize::try_from(*count).unwrap_or(0);
    let promises = plural(count, "promise");
    let when = match first == newest {
        true => format!("on {first}"),
        false => format!("from {first} to {newest}"),
    };
    let due = last(What::Due);
    let fell_due = match due {
        0 => "None has fallen due.".to_owned(),
        _ => {
            let (kept, broken) = (last(What::Fulfilled), last(What::Breached));
            let overdue = last(What::Overdue);
            format!(
                "Of {due} that fell due, {kept} {} kept, {broken} {} broken, and {overdue} {} overdue.",
                were(kept),
                were(broken),
                are(overdue)
            )
        }
    };
    vec![format!(
        "{promises} {} made {when}. {fell_due}",
        were(count)
    )]
}

/// How many parties signed, consented, are bound.
fn participation(
    view: &View<'_>,
    agreement: &AgreementId,
    members: &[Membership<'_>],
) -> Vec<Series> {
    let series = [What::Signed, What::Consented, What::InForce].map(|what| {
        let holds = |at: Position| what.holds(at);
        let mut series = Series::new(what, Some(agreement.clone()));
        let mut at_best = BTreeMap::new();
        for member in members {
            let mut at = member.first();
            for (step, next) in member.positions(view) {
                let by = i64::from(holds(next)) - i64::from(holds(at));
                series.change(step.day, by);
                let best = match step.earliest {
                    _ if by < 0 => step.day,
                    Some(earliest) => earliest.min(step.day),
                    None => NaiveDate::MIN,
                };
                if by != 0 {
                    *at_best.entry(best).or_default() += by;
                }
                at = next;
            }
        }
        series.at_best = Some(at_best);
        series
    });
    series
        .into_iter()
        .filter(|series| !series.changes.is_empty())
        .collect()
}

/// How much of each count a commitment is on a day.
type Counts = [i64; COUNTED.len()];

/// The counts of a commitment on the day of the view. Its occurrences are left out if they are too many.
fn counts(view: &View<'_>, commitment: &Commitment<'_>, of_occurrences: bool) -> Counts {
    let tally = Tally::of_one(view, commitment, Days::new(0), None);
    COUNTED.map(|what| {
        let count = match what {
            What::Made => tally.all,
            What::Live => tally.live,
            What::Lapsed => tally.lapsed,
            What::Owed => tally.owed,
            What::BreachedOfOwed => tally.owed_breached,
            What::Due => tally.due,
            What::Fulfilled => tally.due_fulfilled,
            What::Partial => tally.due_partial,
            What::Breached => tally.due_breached,
            What::Overdue => tally.overdue,
            What::Contested => tally.due_contested,
            What::Expected if of_occurrences => tally.expected,
            What::Missed if of_occurrences => tally.expected - tally.held,
            What::Expected | What::Missed => 0,
            What::Signed | What::Consented | What::InForce => 0,
        };
        i64::try_from(count).unwrap_or(i64::MAX)
    })
}

/// How many commitments there were, and what became of them; and which have too many occurrences to be counted. Each is
/// asked for on the days on which anything about it can have changed: those of its records and of its agreement's status,
/// those after its deadlines, and those after the days of its rule. So this says of a day what every other report says of it.
fn implementation(commitments: &Commitments<'_>) -> (Vec<Series>, Vec<String>) {
    let mut all = COUNTED.map(|what| Series::new(what, None));
    let mut uncounted = Bounded::default();
    let each = commitments.in_parallel(|view, commitment| {
        let counted = changes(view, &commitment, Some(OCCURRENCES));
        let too_many = counted.is_none().then(|| commitment.id.to_string());
        let counted = counted.or_else(|| changes(view, &commitment, None));
        (counted.unwrap_or_default(), too_many)
    });
    for (changes, too_many) in each {
        for (day, by) in changes {
            for (series, by) in all.iter_mut().zip(by) {
                series.change(day, by);
            }
        }
        uncounted.extend(too_many);
    }
    let all = all.into_iter();
    let series = all.filter(|series| !series.changes.is_empty()).collect();
    let note = uncounted.joined(", ").map(|ids| {
        format!("not counted, for they are more than {OCCURRENCES} days of a rule: the occurrences of {ids}")
    });
    (series, note.into_iter().collect())
}

/// Most days of a rule on which a commitment is asked for.
const OCCURRENCES: usize = 1_000;

/// What is counted of commitments.
const COUNTED: [What; 13] = [
    What::Made,
    What::Live,
    What::Lapsed,
    What::Owed,
    What::BreachedOfOwed,
    What::Due,
    What::Fulfilled,
    What::Partial,
    What::Breached,
    What::Overdue,
    What::Contested,
    What::Expected,
    What::Missed,
];

/// How much each of the counts changes on which day because of one commitment. Its occurrences are counted if a limit is
/// given; none if they are more.
fn changes(
    view: &View<'_>,
    commitment: &Commitment<'_>,
    limit: Option<usize>,
) -> Option<Vec<(NaiveDate, Counts)>> {
    // No count asks what assessors found, which is most of what is recorded of many.
    let is_counted = |seq| view.state.kind(seq) != Some(Kind::Assessed);
    let own = view.own_trail_of(commitment, is_counted).into_iter();
    let own = own.map(|seq| view.last_possible_day(seq));
    let changed = commitment.agreement();
    let changed = changed.map(|agreement| view.status_changes(agreement));
    let changed = changed.into_iter().flatten().map(|change| change.day);
    let all = own.chain(changed).filter(|day| *day <= view.as_of);
    let mut days: BTreeSet<NaiveDate> = all.collect();
    let mut before = [0; COUNTED.len()];
    let mut changes = Vec::new();
    let mut of_rule = 0;
    while let Some(day) = days.pop_first() {
        let then = View {
            as_of: day,
            ..*view
        };
        let mut now = [0; COUNTED.len()];
        if let Some(commitment) = then.commitment(commitment.id) {
            let next = limit.and_then(|_| next_of_rule(&then, &commitment));
            of_rule += usize::from(next.is_some());
            if limit.is_some_and(|limit| of_rule > limit) {
                return None;
            }
            let turns = [then.due_date(&commitment), next].into_iter().flatten();
            let turns = turns.filter_map(|day| day.succ_opt());
            days.extend(turns.filter(|turn| day < *turn && *turn <= view.as_of));
            now = counts(&then, &commitment, limit.is_some());
        }
        changes.push((day, std::array::from_fn(|at| now[at] - before[at])));
        before = now;
    }
    Some(changes)
}

/// The first day of a commitment's rule that is not before the day of the view.
fn next_of_rule(view: &View<'_>, commitment: &Commitment<'_>) -> Option<NaiveDate> {
    let all = view.occurrences(commitment)?.all;
    let mut days = all.into_iter().filter_map(|each| each.expected);
    days.find(|day| *day >= view.as_of)
}

fn table(all: Vec<Series>) -> Table<'static> {
    let columns = &[
        "series",
        "agreement",
        "on",
        "count",
        "change",
        "denominator",
        "of",
        "share",
    ];
    let count = all.iter().map(|series| days(&all, series).len()).sum();
    let all: Arc<[Series]> = all.into();
    let rows = Flow::made(count, move || {
        let all = all.clone();
        (0..all.len()).flat_map(move |at| series_rows(&all, &all[at]))
    });
    let table = Table::new("curve", "Counts by day", columns).or("nothing to count");
    table.with(rows)
}

/// The series that one is a part of.
fn among<'s>(all: &'s [Series], series: &Series) -> Option<&'s Series> {
    let what = series.what.denominator()?;
    all.iter().find(|other| other.what == what)
}

/// The days on which a series changes, or what it is a part of: its share changes with either.
fn days(all: &[Series], series: &Series) -> BTreeSet<NaiveDate> {
    let both = [Some(series), among(all, series)].into_iter().flatten();
    let points = both.flat_map(Series::points);
    points.map(|(day, _)| day).collect()
}

/// The rows of one series.
fn series_rows(all: &[Series], series: &Series) -> Vec<Row> {
    let among = among(all, series);
    let (mut count, mut of) = (0, 0);
    let row = |day: NaiveDate| {
        let change = |series: &Series| series.changes.get(&day).copied().unwrap_or_default();
        let by = change(series);
        count += by;
        of += among.map_or(0, change);
        let mut row = vec![
            Cell::text(series.what.word()),
            Cell::maybe(series.agreement.as_ref()),
            Cell::text(day),
            Cell::Number(count),
            Cell::Number(by),
        ];
        row.extend(match among {
            Some(among) => share(among.what, count, of),
            None => [Cell::None, Cell::None, Cell::None],
        });
        row
    };
    days(all, series).into_iter().map(row).collect()
}

fn share(among: What, count: i64, of: i64) -> [Cell; 3] {
    let whole = |count: i64| usize::try_from(count).unwrap_or_default();
    let rate = Rate {
        name: "",
        denominator: among.word(),
        count: whole(count),
        of: whole(of),
    };
    [
        Cell::text(among.word()),
        Cell::Number(of),
        Cell::text(rate.share()),
    ]
}

/// A count that reached a threshold, or fell below it again.
struct Crossing {
    day: NaiveDate,
    count: i64,
    reached: bool,
}

fn crossings(points: &[(NaiveDate, i64)], threshold: i64) -> Vec<Crossing> {
    let mut above = false;
    let mut crossings = Vec::new();
    for &(day, count) in points {
        if (count >= threshold) != above {
            above = !above;
            crossings.push(Crossing {
                day,
                count,
                reached: above,
            });
        }
    }
    crossings
}

/// The first day on which a threshold can have been reached, if dates that are not known to the day were as
/// early as they can have been.
fn earliest(series: &Series, threshold: i64) -> Option<NaiveDate> {
    let changes = series.at_best.as_ref()?.iter();
    let mut counts = changes.scan(0, |count, (day, by)| {
        *count += by;
        Some((*day, *count))
    });
    counts
        .find(|(_, count)| *count >= threshold)
        .map(|(day, _)| day)
}

fn asked_thresholds(question: &Question) -> impl Iterator<Item = i64> {
    let asked: BTreeSet<u64> = question.thresholds.iter().copied().collect();
    asked
        .into_iter()
        .filter_map(|count| i64::try_from(count).ok())
}

fn thresholds(all: &[Series], question: &Question) -> Table<'static> {
    let columns = &[
        "series",
        "agreement",
        "threshold",
        "crossing",
        "on",
        "count",
        "earliest",
    ];
    let mut table = Table::new("thresholds", "Thresholds", columns);
    table = table.or(match question.thresholds.is_empty() {
        true => "no threshold was asked for",
        false => "nothing is counted that could reach one",
    });
    for series in all.iter().filter(|series| series.what.has_thresholds()) {
        let points = series.points();
        for threshold in asked_thresholds(question) {
            let row = |crossing: Cell, on: Cell, count: Cell, earliest: Cell| {
                vec![
                    Cell::text(series.what.word()),
                    Cell::maybe(series.agreement.as_ref()),
                    Cell::Number(threshold),
                    crossing,
                    on,
                    count,
                    earliest,
                ]
            };
            let crossings = crossings(&points, threshold);
            if crossings.is_empty() {
                let count = points.last().map_or(0, |(_, count)| *count);
                let never = Cell::Word("not reached".to_owned(), Tone::Plain);
                table.push(row(never, Cell::None, Cell::Number(count), Cell::None));
            }
            for (at, crossing) in crossings.iter().enumerate() {
                let (word, tone) = if crossing.reached {
                    ("reached", Tone::Good)
                } else {
                    ("lost", Tone::Bad)
                };
                let earliest = match earliest(series, threshold) {
                    Some(NaiveDate::MIN) => Cell::text("open"),
                    Some(day) if at == 0 => Cell::text(day),
                    _ => Cell::None,
                };
                table.push(row(
                    Cell::Word(word.to_owned(), tone),
                    Cell::text(crossing.day),
                    Cell::Number(crossing.count),
                    earliest,
                ));
            }
        }
    }
    table
}

/// More charts than this nobody looks at; the table has all.
const CHARTS: usize = 8;

fn charts(
    view: &View<'_>,
    acts: Vec<(usize, AgreementId)>,
    all: &[Series],
    question: &Question,
) -> Vec<Chart> {
    let mut charts = Vec::new();
    let of = |agreement: Option<&AgreementId>| -> Vec<&Series> {
        let all = all.iter();
        all.filter(|series| series.agreement.as_ref() == agreement)
            .collect()
    };
    let with_thresholds = || {
        asked_thresholds(question).map(|count| Threshold {
            count,
            label: format!("threshold {count}"),
        })
    };
    let mut most = acts;
    most.sort_by(|(one, id), (other, other_id)| {
        let by_id = || natural::order(id.as_str(), other_id.as_str());
        other.cmp(one).then_with(by_id)
    });
    for (_, id) in most.into_iter().take(CHARTS) {
        let Some(agreement) = &view.agreement(&id) else {
            continue;
        };
        let series = of(Some(&id));
        charts.push(Chart {
            name: format!("participation-{}", agreement.id),
            title: format!("Parties to {}: {}", agreement.id, agreement.fact.title),
            table: "curve",
            plot: Plot::Steps {
                marks: marks(view, agreement, &series, question),
                lines: lines(&series),
                thresholds: with_thresholds().collect(),
            },
        });
    }
    let commitments = of(None);
    if !commitments.is_empty() {
        charts.push(Chart {
            name: "implementation".to_owned(),
            title: "Commitments made, due and fulfilled".to_owned(),
            table: "curve",
            plot: Plot::Steps {
                lines: lines(&commitments),
                thresholds: Vec::new(),
                marks: Vec::new(),
            },
        });
    }
    charts
}

fn lines(series: &[&Series]) -> Vec<Line> {
    let line = |series: &&Series| Line {
        label: series.what.word().to_owned(),
        points: series.points(),
    };
    series.iter().map(line).collect()
}

/// When the agreement's status moved, and when a threshold was crossed.
fn marks(
    view: &View<'_>,
    agreement: &Agreement<'_>,
    series: &[&Series],
    question: &Question,
) -> Vec<Mark> {
    let changed = |change: &StatusChange| Mark {
        first: change.earliest.unwrap_or(change.day).min(change.day),
        last: change.day,
        label: change.to.to_string(),
        tone: match change.to {
            AgreementStatus::InForce | AgreementStatus::Resumed => Tone::Good,
            AgreementStatus::Suspended => Tone::Attention,
            AgreementStatus::Superseded | AgreementStatus::Terminated => Tone::Bad,
            _ => Tone::Plain,
        },
    };
    let changes = standing_changes(&agreement.changes, view.as_of);
    let mut marks: Vec<Mark> = changes.iter().map(changed).collect();
    for series in series.iter().filter(|series| series.what.has_thresholds()) {
        for threshold in asked_thresholds(question) {
            for crossing in crossings(&series.points(), threshold) {
                let verb = if crossing.reached { "reached" } else { "lost" };
                marks.push(Mark {
                    first: crossing.day,
                    last: crossing.day,
                    label: format!("{threshold} {} {verb}", series.what.word()),
                    tone: if crossing.reached {
                        Tone::Good
                    } else {
                        Tone::Bad
                    },
                });
            }
        }
    }
    marks.sort_by_key(|mark| mark.last);
    marks
}
