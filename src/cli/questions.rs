//! The options that narrow what is shown: the two clocks, and the filters.

use std::borrow::Cow;
use std::path::Path;

use chrono::{Days, NaiveDate};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::anchors;
use super::complete::Takes;
use super::error::{CliError, Exit};
use super::session::{OpenLedger, Session};
use crate::desk::dates;
use crate::desk::names::Names;
use servanda_core::event::Kind;
use servanda_core::state::{EntityKind, State};
use servanda_core::value::base::{Leaf, excerpt};
use servanda_core::value::commitment::Standing;
use servanda_core::value::id::{AgreementId, CommitmentId, PartyId, Seq, Slug, SourceId};
use servanda_core::value::party::PartyKind;
use servanda_core::value::when::{Date, Instant, When};
use servanda_ledger::LedgerError;
use servanda_ledger::anchor::{self, Anchoring};
use servanda_ledger::replay::{KnownAt, replay};
use servanda_report::report::{Bound, Question};

/// What was asked, and the state to ask.
pub struct Asked<'l> {
    /// The state, as it was known: the ledger's own, where that is as it is known now.
    pub state: Cow<'l, State>,
    /// The day of the view.
    pub as_of: NaiveDate,
    /// The rest.
    pub question: Question,
}

impl Asked<'_> {
    /// An answer, unless a record that was looked at for it could not be read any more.
    pub fn answered<T>(&self, answer: T) -> Result<T, CliError> {
        readable(&self.state)?;
        Ok(answer)
    }
}

/// That all records which were asked of a state could be read.
pub fn readable(state: &State) -> Result<(), CliError> {
    match state.unreadable() {
        None => Ok(()),
        Some(unreadable) => Err(LedgerError::from(unreadable).into()),
    }
}

/// The options of the two clocks.
pub fn clock_args() -> [Arg; 2] {
    [
        Arg::new("as-of")
            .long("as-of")
            .value_name("DATE")
            .help("What was true on that day [default: today]"),
        Arg::new("known-at")
            .long("known-at")
            .value_name("DATE|TIME|RECORD")
            .help("What the ledger knew then: at the end of a day, at a time, or with a record (12; #1500, as 1500 is a year)"),
    ]
}

/// A filter by id.
pub fn id_arg(name: &'static str, help: &'static str) -> Arg {
    let arg = Arg::new(name).long(name).value_name("ID").help(help);
    let kinds = EntityKind::ALL.iter().copied();
    let kind = kinds.into_iter().find(|kind| kind.word() == name);
    Takes::Entity(kind).complete(arg)
}

/// The filters by kind of event.
fn kind_arg() -> Arg {
    Arg::new("kind")
        .long("kind")
        .value_parser(PossibleValuesParser::new(Kind::WORDS.iter().copied()))
        .action(ArgAction::Append)
        .hide_possible_values(true)
        .value_name("KIND")
        .help("Only events of this kind, as `record` names them; may stand several times")
}

/// The filters of records: what they name or are about, their kinds, and when it happened.
pub fn record_args() -> Vec<Arg> {
    let mut args = vec![
        id_arg("party", "Only what names this party"),
        id_arg(
            "agreement",
            "Only what is about this agreement or a commitment in it",
        ),
        id_arg("commitment", "Only what is about this commitment"),
        id_arg("source", "Only what cites this source"),
        kind_arg(),
    ];
    args.extend(stretch_args("by when it happened or by record"));
    args.push(limit_arg());
    args
}

/// The filters by standing.
pub fn standing_arg() -> Arg {
    Arg::new("standing")
        .long("standing")
        .value_parser(PossibleValuesParser::new(Standing::WORDS.iter().copied()))
        .action(ArgAction::Append)
        .help("Only commitments that stand here; may stand several times")
}

/// The filter by kind of party.
pub fn party_kind_arg() -> Arg {
    Arg::new("party-kind")
        .long("kind")
        .value_parser(PossibleValuesParser::new(PartyKind::WORDS.iter().copied()))
        .help("Only parties of this kind")
}

/// The ends of a stretch of time.
pub fn stretch_args(what: &str) -> [Arg; 2] {
    [
        Arg::new("since")
            .long("since")
            .visible_alias("from")
            .value_name("DATE|RECORD|FILE")
            .help(format!(
                "From here on, {what}; a file is a checkpoint, and stands for what came after it"
            )),
        Arg::new("until")
            .long("until")
            .value_name("DATE|RECORD|FILE")
            .help(format!(
                "Up to and with this, {what}; a file is a checkpoint, and stands for what it covers"
            )),
    ]
}

/// How many rows at most.
pub fn limit_arg() -> Arg {
    Arg::new("limit")
        .short('n')
        .long("limit")
        .value_name("N")
        .value_parser(value_parser!(u64))
        .help("At most so many rows")
}

/// Counts whose crossing is asked for.
pub fn threshold_arg() -> Arg {
    Arg::new("threshold")
        .long("threshold")
        .value_name("N")
        .value_parser(value_parser!(u64).range(1..))
        .action(ArgAction::Append)
        .help("Tell on which days a count reached this, and fell below it; may stand several times")
}

/// What a report is about.
pub fn subject_arg() -> Arg {
    let arg = Arg::new("what")
        .value_name("ID|RECORD")
        .required(true)
        .help("An id, an unambiguous beginning of one, or a record's number");
    Takes::Record.complete(arg)
}

/// The stretches of days that `due` and `status` look at.
pub fn day_args() -> [Arg; 2] {
    [
        days_arg("soon", "30", "A deadline within so many days is due soon"),
        days_arg(
            "silent",
            "180",
            "After so many days without an event a commitment is silent",
        ),
    ]
}

/// The days of grace that `due` gives.
pub fn grace_arg() -> Arg {
    days_arg(
        "grace",
        "0",
        "What is so many days past its deadline is listed as in grace, not as overdue",
    )
}

/// A number of days.
fn days_arg(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("DAYS")
        .default_value(default)
        .value_parser(value_parser!(u64).range(0..=366_000))
        .help(help)
}

/// Reads the options that a command has, and replays the ledger as it was known.
pub fn ask<'l>(matches: &ArgMatches, ledger: &'l OpenLedger) -> Result<Asked<'l>, CliError> {
    let (state, known_at) = known(matches, ledger)?;
    let as_of = match text(matches, "as-of") {
        None => Session::today(),
        Some(given) => last_day(given, "as-of")?,
    };
    let names = Names::new(&state);
    let mut question = Question {
        known_at,
        since: bound(matches, "since", ledger)?,
        until: bound(matches, "until", ledger)?,
        ..Question::default()
    };
    let id = |name: &str, kind: EntityKind| -> Result<Option<Slug>, CliError> {
        text(matches, name)
            .map(|given| Ok(names.entity(given, Some(kind))?))
            .transpose()
    };
    question.party = id("party", EntityKind::Party)?.map(PartyId);
    question.agreement = id("agreement", EntityKind::Agreement)?.map(AgreementId);
    question.commitment = id("commitment", EntityKind::Commitment)?.map(CommitmentId);
    question.source = id("source", EntityKind::Source)?.map(SourceId);
    question.kinds = words(matches, "kind");
    question.standings = words(matches, "standing");
    question.thresholds = numbers(matches, "threshold");
    question.subject = text(matches, "what")
        .map(|given| names.subject(given))
        .transpose()?;
    question.party_kind = words(matches, "party-kind").first().copied();
    if let Some(limit) = number(matches, "limit") {
        question.limit = Some(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    question.soon = number(matches, "soon").map_or(question.soon, Days::new);
    question.grace = number(matches, "grace").map_or(question.grace, Days::new);
    question.silent = number(matches, "silent").map_or(question.silent, Days::new);
    drop(names);
    Ok(Asked {
        state,
        as_of,
        question,
    })
}

/// The state as it was known, and in words when that was.
fn known<'l>(
    matches: &ArgMatches,
    ledger: &'l OpenLedger,
) -> Result<(Cow<'l, State>, Option<String>), CliError> {
    let Some(given) = text(matches, "known-at") else {
        return Ok((Cow::Borrowed(ledger.state()), None));
    };
    let (known_at, words) = if let Some(seq) = record(given) {
        if seq.0 >= ledger.head().count {
            return Err(
                CliError::refused(format!("there is no record {seq}")).hint(format!(
                    "the last one is {}",
                    ledger.head().count.saturating_sub(1)
                )),
            );
        }
        (KnownAt::Record(seq), format!("record {seq}"))
    } else if let Ok(time) = given.parse::<Instant>() {
        (KnownAt::Time(time), time.to_string())
    } else {
        let day = last_day(given, "known-at")?;
        let end = Instant::end_of(day);
        (KnownAt::Time(end), format!("the end of {day} UTC"))
    };
    let state = replay(ledger.log(), known_at)?.state;
    Ok((Cow::Owned(state), Some(words)))
}

/// A record's number: `12`, or `#1500` where four digits alone would be a year, as everywhere.
fn record(given: &str) -> Option<Seq> {
    match given.strip_prefix('#') {
        Some(number) => number.parse().ok(),
        None if given.len() == 4 => None,
        None => given.parse().ok(),
    }
}

fn bound(matches: &ArgMatches, name: &str, ledger: &OpenLedger) -> Result<Option<Bound>, CliError> {
    let Some(given) = text(matches, name) else {
        return Ok(None);
    };
    let is_date = given.parse::<Date>().is_ok();
    if !is_date && Path::new(given).is_file() {
        return checkpoint_bound(Path::new(given), name, ledger).map(Some);
    }
    if let Some(seq) = record(given) {
        return Ok(Some(Bound::Record(seq)));
    }
    if let Ok(time) = given.parse::<Instant>() {
        return Ok(Some(Bound::Time(time)));
    }
    let when = when(given, name)?;
    let day = if name == "since" {
        when.earliest()
    } else {
        when.latest()
    };
    day.map(|day| Some(Bound::Day(day)))
        .ok_or_else(|| no_day(given, name))
}

/// The end of the records that a checkpoint of this ledger covers.
fn checkpoint_bound(path: &Path, name: &str, ledger: &OpenLedger) -> Result<Bound, CliError> {
    let anchor = anchors::read(path)?;
    let (given, file) = (anchor.checkpoint(), path.display());
    match anchor::compare(&ledger.hashes(), &ledger.checkpoint()?, given)? {
        Anchoring::Holds => {}
        Anchoring::Shorter => {
            let message = format!(
                "{file} is a checkpoint of {} records, and the ledger has {}",
                given.size(),
                ledger.head().count
            );
            return Err(CliError::new(Exit::Broken, message));
        }
        _ => {
            let message =
                format!("{file} is no checkpoint of this ledger, or its history was rewritten");
            return Err(CliError::new(Exit::Broken, message).hint(format!(
                "`servanda verify --against {file}` says what does not agree"
            )));
        }
    }
    // Behind the checkpoint's records, or up to and with the last one of them.
    let before = u64::from(name == "until");
    Ok(Bound::Record(Seq(given.size().saturating_sub(before))))
}

/// The last day that a date may be.
fn last_day(given: &str, name: &str) -> Result<NaiveDate, CliError> {
    when(given, name)?
        .latest()
        .ok_or_else(|| no_day(given, name))
}

fn when(given: &str, name: &str) -> Result<When, CliError> {
    dates::when(given, Session::today()).map_err(|error| {
        let wrong = CliError::new(Exit::Usage, format!("--{name}: {error}"));
        match error.is_unknown_form {
            true => wrong.detail(dates::FORMS),
            false => wrong,
        }
    })
}

fn no_day(given: &str, name: &str) -> CliError {
    let given = excerpt(given);
    CliError::new(Exit::Usage, format!("--{name}: `{given}` names no day"))
}

fn text<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches
        .try_get_one::<String>(name)
        .ok()
        .flatten()
        .map(String::as_str)
}

/// The texts that an option has, in order.
pub fn given(matches: &ArgMatches, name: &str) -> Vec<String> {
    let texts = matches.try_get_many::<String>(name).ok().flatten();
    texts.into_iter().flatten().cloned().collect()
}

fn number(matches: &ArgMatches, name: &str) -> Option<u64> {
    matches.try_get_one::<u64>(name).ok().flatten().copied()
}

fn numbers(matches: &ArgMatches, name: &str) -> Vec<u64> {
    let given = matches.try_get_many::<u64>(name).ok().flatten();
    given
        .map(|numbers| numbers.copied().collect())
        .unwrap_or_default()
}

/// The words given; each was checked by the parser of the command line.
fn words<T: Leaf>(matches: &ArgMatches, name: &str) -> Vec<T> {
    matches
        .try_get_many::<String>(name)
        .ok()
        .flatten()
        .map(|words| words.filter_map(|word| word.parse().ok()).collect())
        .unwrap_or_default()
}
