//! Answers in sentences, for those who read no table.

use std::collections::BTreeMap;

use servanda_core::value::commitment::Standing;
use servanda_core::words::plural;

use super::cells::whole;
use super::question::Question;
use super::rates::Tally;

/// `is` or `are`.
pub fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// `was` or `were`.
pub fn were(count: usize) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// What became of some commitments in so many agreements.
pub fn became(
    tally: &Tally,
    standings: &BTreeMap<Standing, usize>,
    agreements: usize,
) -> Vec<String> {
    if tally.all == 0 {
        return vec!["No promise is recorded.".to_owned()];
    }
    let at = |standing| standings.get(&standing).copied().unwrap_or_default();
    let (kept, broken) = (at(Standing::Fulfilled), at(Standing::Breached));
    let ends = match kept + broken {
        0 => "None was kept or broken on record.".to_owned(),
        _ => format!(
            "{kept} {} kept and {broken} {} broken on record.",
            were(kept),
            were(broken)
        ),
    };
    let (promises, agreements) = (
        plural(tally.all, "promise"),
        plural(agreements, "agreement"),
    );
    let mut answer = vec![format!("{promises} in {agreements}. {ends}")];
    let mut more = vec![format!(
        "{} of them {} live: something is owed, or may yet come to be.",
        tally.live,
        are(tally.live)
    )];
    let claimed = at(Standing::Claimed);
    if claimed > 0 {
        more.push(format!(
            "Of {claimed} a debtor says that it was kept, and nobody answered."
        ));
    }
    let partial = at(Standing::Partial);
    if partial > 0 {
        more.push(format!("{partial} {} kept in part.", were(partial)));
    }
    if tally.contested > 0 {
        more.push(format!(
            "{} {} argued about.",
            tally.contested,
            are(tally.contested)
        ));
    }
    answer.push(more.join(" "));
    answer
}

/// What of some commitments wants attention.
pub fn due(tally: &Tally, question: &Question) -> Vec<String> {
    let mut first = match tally.overdue {
        0 => "Nothing is overdue.".to_owned(),
        count => format!("{} {} overdue.", plural(count, "promise"), are(count)),
    };
    if tally.owed_breached > 0 {
        let count = tally.owed_breached;
        first.push_str(&format!(" {count} {} broken on record.", are(count)));
    }
    if tally.due_contested > 0 {
        let count = tally.due_contested;
        first.push_str(&format!(
            " {count} {} argued about past the deadline.",
            are(count)
        ));
    }
    let mut more = Vec::new();
    let mut add = |count: usize, text: String| {
        if count > 0 {
            more.push(text);
        }
    };
    let (soon, silent) = (whole(question.soon), whole(question.silent));
    add(
        tally.soon,
        format!("{} {} due within {soon} days.", tally.soon, are(tally.soon)),
    );
    add(
        tally.undated,
        format!("Of {} nothing says by when.", tally.undated),
    );
    add(
        tally.silent,
        format!(
            "Of {} nothing was heard for {silent} days or more.",
            tally.silent
        ),
    );
    let missed = tally.expected - tally.held;
    add(
        missed,
        format!(
            "Of the promises that recur, nothing is recorded for {missed} of {} days that have passed.",
            tally.expected
        ),
    );
    let mut answer = vec![first];
    if !more.is_empty() {
        answer.push(more.join(" "));
    }
    answer
}
