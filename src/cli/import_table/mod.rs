//! `import --rules`: the rows of foreign tables become events. Rows that do not fit are reported, and nothing is appended,
//! unless `--skip-bad` collects them.

mod findings;
mod shared;
mod tables;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use self::findings::TableEvent;
use self::shared::{listed, read_file};
use self::tables::Tables;
use super::error::{CliError, Exit};
use super::files::Overwrite;
use super::session::{OpenLedger, Session};
use crate::intake::mapper::{MappedEvent, build_event};
use crate::intake::rules::{RULES_LIMIT, Rules};
use crate::intake::suggest;
use crate::intake::table::{TABLE_LIMIT, Table};
use servanda_core::ndjson;
use servanda_core::rules::Advice;
use servanda_core::state::State;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_core::words::plural;
use servanda_ledger::Submission;
use servanda_ledger::{LedgerError, Refusal};

/// How often events that break a rule are marked as irregular and tried again. Each time marks at least one more.
const ATTEMPTS: usize = 16;

/// The arguments that `import` has for tables.
pub(super) fn args() -> [Arg; 4] {
    [
        Arg::new("rules")
            .long("rules")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .conflicts_with("key")
            .help(
                "Each FILE is a CSV table: make events of its rows by these rules (docs/import.md)",
            ),
        Arg::new("suggest")
            .long("suggest")
            .action(ArgAction::SetTrue)
            .conflicts_with_all(["rules", "key"])
            .help("FILE is a table: guess rules for it, print them as a start, and import nothing"),
        Arg::new("skip_bad")
            .long("skip-bad")
            .value_name("FILE")
            .requires("rules")
            .value_parser(value_parser!(PathBuf))
            .help("Leave out the rows that do not fit, and write them to this CSV file"),
        Arg::new("force")
            .long("force")
            .action(ArgAction::SetTrue)
            .requires("skip_bad")
            .help("Replace the file of --skip-bad if it exists"),
    ]
}

/// Imports tables.
pub(super) fn run(matches: &ArgMatches, rules: &Path, session: &Session) -> Result<Exit, CliError> {
    let rules = read_rules(rules)?;
    let paths = matches.get_many::<PathBuf>("file").into_iter().flatten();
    let mut ledger = session.open()?;
    let mut tables = Tables::new(&rules, ledger.state());
    for path in paths {
        tables.read(path)?;
    }
    let mut found = tables.finish();
    let skip_bad = matches.get_one::<PathBuf>("skip_bad").map(PathBuf::as_path);
    let overwrite = Overwrite {
        force: matches.get_flag("force"),
    };
    found.report_bad(session, skip_bad, overwrite.existing())?;
    if let Some(name) = matches.get_one::<String>("recorded_by") {
        for from in &mut found.events {
            from.event.fields.set("recorded_by", vec![name.clone()]);
        }
    }
    let mut submissions = submissions(&found.events, ledger.state())?;
    let states_times = submissions
        .iter()
        .any(|submission| submission.recorded_at.is_some());
    if states_times && !ledger.is_backfill() {
        submissions
            .iter_mut()
            .for_each(|submission| submission.recorded_at = None);
        session.hint(
            "the table states when its rows were recorded; only a ledger made with `init --backfill` takes these times",
        );
    }
    let submissions = append(session, &mut ledger, submissions, &found.events, &rules)?;
    if session.dry_run {
        for (submission, from) in submissions.iter().zip(&found.events) {
            session.say_json(&line(submission, &from.event))?;
        }
    }
    found.report(session);
    Ok(Exit::Ok)
}

/// Prints guessed rules, to start from.
pub(super) fn suggest(path: &Path, session: &Session) -> Result<Exit, CliError> {
    let bytes = read_file(path, TABLE_LIMIT)?;
    let form = suggest::form_of(&bytes);
    let table = Table::read(&bytes, &form)
        .map_err(|error| CliError::refused(format!("{}: {error}", path.display())))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    session.say_lines(&suggest::suggest(&name, &form, &table))?;
    Ok(Exit::Ok)
}

/// Appends the events, all or none, and returns them as they were appended: those that break a rule are marked as
/// irregular if the rules give a reason.
fn append(
    session: &Session,
    ledger: &mut OpenLedger,
    mut submissions: Vec<Submission>,
    events: &[TableEvent],
    rules: &Rules,
) -> Result<Vec<Submission>, CliError> {
    if submissions.is_empty() {
        return Ok(submissions);
    }
    for _ in 0..ATTEMPTS {
        let refusals = match session.append(ledger, submissions.clone()) {
            Ok(_) => return Ok(submissions),
            Err(LedgerError::Refused { listed, .. }) => listed,
            Err(error) => return Err(refused(error, events)),
        };
        let mut is_waived = true;
        for refusal in &refusals {
            let reason = events[refusal.index]
                .irregular(rules)
                .and_then(|reason| reason.parse().ok());
            is_waived &= refusal.rejection.rule.is_waivable() && reason.is_some();
            submissions[refusal.index].event.envelope.irregular = reason;
        }
        if !is_waived {
            let count = refusals.len();
            let listed = refusals;
            return Err(refused(LedgerError::Refused { listed, count }, events));
        }
    }
    session
        .append(ledger, submissions.clone())
        .map_err(|error| refused(error, events))?;
    Ok(submissions)
}

/// An event as a line of NDJSON that can be imported. References by import key stay references by import key.
fn line(submission: &Submission, mapped: &MappedEvent) -> serde_json::Value {
    let mut object = ndjson::event_to_json(&submission.event);
    for spec in mapped.kind.fields().filter(|spec| spec.may_name_records()) {
        match mapped.fields.get(spec.name) {
            [text] if text.starts_with('@') => {
                _ = object.insert(spec.name.into(), text.clone().into())
            }
            texts if texts.iter().any(|text| text.starts_with('@')) => {
                object.insert(spec.name.into(), texts.into());
            }
            _ => {}
        }
    }
    if let Some(time) = submission.recorded_at {
        object.insert("recorded_at".into(), time.to_string().into());
    }
    serde_json::Value::Object(object)
}

fn read_rules(path: &Path) -> Result<Rules, CliError> {
    let bytes = read_file(path, RULES_LIMIT as u64)?;
    let name = path.display();
    let text = String::from_utf8(bytes)
        .map_err(|_| CliError::refused(format!("{name}: rules are written in UTF-8")))?;
    text.parse().map_err(|errors: Vec<_>| {
        let message = format!("{name}: {}", plural(errors.len(), "error"));
        listed(message, errors.iter().map(ToString::to_string))
            .hint("docs/import.md explains every key")
    })
}

/// Builds the events. `@KEY` becomes the number of a record in the ledger, or of an earlier event.
fn submissions(events: &[TableEvent], state: &State) -> Result<Vec<Submission>, CliError> {
    let mut places: HashMap<String, u64> = HashMap::new();
    let mut all = Vec::with_capacity(events.len());
    for (next, from) in (state.count()..).zip(events) {
        let mapped = &from.event;
        let wrong = |message: String| {
            CliError::refused(format!("{}:{}: {message}", from.table, mapped.place.line))
        };
        let find = |key: &str| {
            let earlier = places.get(key).copied();
            earlier.or_else(|| state.imported(key).map(|Seq(seq)| seq))
        };
        let lost = mapped
            .kind
            .fields()
            .filter(|spec| spec.may_name_records())
            .flat_map(|spec| mapped.fields.get(spec.name))
            .filter_map(|text| text.strip_prefix('@'))
            .find(|key| find(key).is_none());
        if let Some(key) = lost {
            return Err(wrong(format!("no record has the import key `{key}`")));
        }
        let event = build_event(mapped.kind, &mapped.fields, find).map_err(|errors| {
            wrong(
                errors
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; "),
            )
        })?;
        let recorded_at: Option<Instant> = match &mapped.recorded_at {
            Some(text) => Some(
                text.parse()
                    .map_err(|error| wrong(format!("recorded_at: {error}")))?,
            ),
            None => None,
        };
        if let Some(key) = mapped.fields.get("import_key").first() {
            places.insert(key.clone(), next);
        }
        all.push(Submission { event, recorded_at });
    }
    Ok(all)
}

/// Words a refusal with the place in the table.
fn refused(error: LedgerError, events: &[TableEvent]) -> CliError {
    let place = |index: usize| {
        events.get(index).map_or(String::new(), |from| {
            format!("{}:{}", from.table, from.event.place.line)
        })
    };
    match error {
        LedgerError::Refused {
            listed: refusals, ..
        } => {
            let count = plural(refusals.len(), "event");
            let texts = refusals
                .iter()
                .map(|refusal| format!("{}: {}", place(refusal.index), refusal.rejection));
            let told = listed(format!("{count} refused; nothing was appended"), texts);
            let both = |refusal: &Refusal| refusal.rejection.allowed.contains(&Advice::BothCases);
            let told = match refusals.iter().any(both) {
                true => told.hint("say --case-matters if ids that differ in upper and lower case only are meant to be two"),
                false => told,
            };
            told.hint("an event that breaks a rule about the world is recorded with `if_irregular = \"REASON\"` in its rule")
        }
        LedgerError::Codec { index, source } => {
            CliError::refused(format!("{}: {source}", place(index)))
        }
        other => other.into(),
    }
}
