//! `import`: appends every event of an NDJSON file, all or none.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, value_parser};

use super::error::{CliError, Exit};
use super::session::Session;
use super::{Command, import_table, receipt, record};
use crate::domain::event::{Event, FieldSpec, Kind};
use crate::domain::register::Register;
use crate::domain::value::excerpt;
use crate::domain::when::Instant;
use crate::intake::ndjson::{self, Draft, LineError};
use crate::ledger::append::Receipt;
use crate::ledger::backfill::Submission;
use crate::ledger::{Ledger, LedgerError, plural};
use crate::store::Store;

pub(super) const COMMAND: Command = Command { build, run };

/// Most errors that are listed; more are counted.
const LISTED: usize = 100;

/// Most receipts that are printed for people; programs get all.
const RECEIPTS: usize = 20;

fn build() -> clap::Command {
    clap::Command::new("import")
        .about("Append every event of an NDJSON file, all or none")
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf))
                .help("One JSON object a line, as `export` writes them; - for standard input"),
        )
        .arg(Arg::new("key").long("key").value_name("NAME").help(
            "Give each line without an import_key the key NAME:LINE, so that importing the file again appends nothing",
        ))
        .arg(
            record::recorded_at_arg().help("Claim that each line without a recorded_at was recorded then; only in a ledger made with `init --backfill`")
        )
        .arg(
            Arg::new("recorded_by")
                .long("recorded-by")
                .value_name("TEXT")
                .env("SERVANDA_RECORDER")
                .hide_env_values(true)
                .help("Who records them, where a line does not say"),
        )
        .args(import_table::args())
        .after_help(
            "An event whose import_key is in the ledger already is not appended again, so a file can be imported
again, whole or grown, after whatever happened. A line `\"event\":\"ledger\"` is passed over. Where lines have
`seq`, as an export has, records that lines name by number are found by it; and \"@KEY\" names the record with
that import key.

A ledger made with `init --backfill` takes the `recorded_at` of each line as claimed, as long as they never
decrease; elsewhere it is passed over.

Examples:
  servanda import minutes.ndjson --key minutes-2023
  servanda import minutes.ndjson --dry-run
  servanda export --ledger old | servanda import - --ledger new",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    if let Some(rules) = matches.get_one::<PathBuf>("rules") {
        return import_table::run(matches, rules, session);
    }
    let mut paths = matches.get_many::<PathBuf>("file").into_iter().flatten();
    let (Some(path), None) = (paths.next(), paths.next()) else {
        return Err(
            CliError::new(Exit::Usage, "one file at a time, but for tables")
                .hint("tables need --rules FILE"),
        );
    };
    if matches.get_flag("suggest") {
        return import_table::suggest(path, session);
    }
    let mut input = record::input(path)?;
    let name = record::input_name(path);
    let (mut drafts, mut errors) = ndjson::read_all(&mut *input);
    if !errors.is_empty() {
        // The lines that could be read are checked too: who mends a file wants to know all of it.
        drafts.iter_mut().for_each(forget_keys);
        errors.extend(build_all(&drafts).err().unwrap_or_default());
        return Err(wrong_lines(&name, errors));
    }
    if drafts.is_empty() {
        return Err(CliError::refused(format!("{name} holds no events")));
    }
    let given = drafts.len();
    // Neither belongs to another ledger: the one opens it, the other signs the links of its records.
    drafts.retain(|draft| !matches!(draft.kind, Kind::LedgerOpened | Kind::Acknowledged));
    for draft in &mut drafts {
        fill(
            draft,
            "import_key",
            matches
                .get_one::<String>("key")
                .map(|key| format!("{key}:{}", draft.line)),
        );
        fill(
            draft,
            "recorded_by",
            matches.get_one::<String>("recorded_by").cloned(),
        );
    }
    let mut ledger = session.open()?;
    claim_times(
        &mut drafts,
        matches.get_one::<Instant>("recorded_at").copied(),
        ledger.is_backfill(),
    )
    .map_err(|line| unclaimed(&name, line))?;
    let (events, receipts) = append(session, &mut ledger, drafts.as_mut_slice(), &name)?;
    let register = ledger.register();
    let differing: Vec<String> = events
        .iter()
        .zip(&receipts)
        .zip(&drafts)
        .filter(|((event, receipt), _)| receipt::differs(register, event, receipt))
        .map(|(_, draft)| draft.line.to_string())
        .collect();
    let known = receipts.iter().filter(|receipt| receipt.known).count();
    let appended = receipts.len() - known;
    let lines: Vec<_> = events
        .iter()
        .zip(receipts)
        .map(|(event, receipt)| {
            receipt::Line::new(receipt::recorded(register, event, &receipt), receipt, None)
        })
        .collect();
    let shown = if session.for_people() {
        &lines[..lines.len().min(RECEIPTS)]
    } else {
        &lines[..]
    };
    receipt::show(session, shown)?;
    if shown.len() < lines.len() {
        session.talk(&format!(
            "... and {} more receipts; --format json gives all",
            lines.len() - shown.len()
        ));
    }
    let verb = if session.dry_run {
        "would be appended"
    } else {
        "appended"
    };
    let mut summary = format!("{name}: {} read, {appended} {verb}", plural(given, "line"));
    if known > 0 {
        summary.push_str(&format!(
            ", {known} recorded before under their import keys"
        ));
    }
    if given > drafts.len() {
        summary.push_str(&format!(
            ", {} passed over (openings and acknowledgements belong to their own ledger)",
            given - drafts.len()
        ));
    }
    session.talk(&summary);
    if !differing.is_empty() {
        let more = differing.len().saturating_sub(LISTED);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        session.hint(&format!(
            "not what was recorded under the same import key, and not appended: line {}{more}",
            differing[..differing.len().min(LISTED)].join(", ")
        ));
    }
    receipt::close(session, &session.command("log"));
    if appended > 0
        && events
            .iter()
            .all(|event| event.envelope.import_key.is_none())
    {
        session.hint(
            "no line has an import_key: imported again, they would be appended again; see --key",
        );
    }
    Ok(Exit::Ok)
}

/// Appends the events of a file's lines, all or none.
pub(super) fn append<S: Store>(
    session: &Session,
    ledger: &mut Ledger<S>,
    drafts: &mut [Draft],
    name: &str,
) -> Result<(Vec<Event>, Vec<Receipt>), CliError> {
    let wrong_places = renumber(drafts, ledger.register());
    let events = match build_all(drafts) {
        Ok(events) if wrong_places.is_empty() => events,
        events => {
            let wrong_values = events.err().unwrap_or_default();
            return Err(wrong_lines(name, [wrong_places, wrong_values].concat()));
        }
    };
    let submissions = events
        .iter()
        .zip(&*drafts)
        .map(|(event, draft)| Submission {
            event: event.clone(),
            recorded_at: draft.recorded_at,
        });
    let receipts = session
        .append(ledger, submissions.collect())
        .map_err(|error| refused(error, drafts, name))?;
    Ok((events, receipts))
}

/// Keeps the recorded times that are to be claimed: those of the lines in a backfill, and the one given for
/// lines without. Gives back the first line that has none where others do.
fn claim_times(
    drafts: &mut [Draft],
    given: Option<Instant>,
    is_backfill: bool,
) -> Result<(), usize> {
    for draft in &mut *drafts {
        draft.recorded_at = match given {
            None => draft.recorded_at.filter(|_| is_backfill),
            given => draft.recorded_at.or(given),
        };
    }
    let without = drafts.iter().find(|draft| draft.recorded_at.is_none());
    match without {
        Some(without) if drafts.iter().any(|draft| draft.recorded_at.is_some()) => {
            Err(without.line)
        }
        _ => Ok(()),
    }
}

fn unclaimed(name: &str, line: usize) -> CliError {
    CliError::refused(format!(
        "{name}: line {line} has no recorded_at, as others have; nothing was appended"
    ))
    .hint("claim one for those lines with --recorded-at TIME, or import them after the others: that ends the backfill")
}

fn fill(draft: &mut Draft, field: &str, value: Option<String>) {
    if draft.fields.get(field).is_empty() {
        draft.fields.set(field, value.into_iter().collect());
    }
}

/// A record that is in every ledger: stands for one that is not known, where only the form is checked.
const SOME_RECORD: &str = "0";

/// The fields of a draft whose values may name records. A correction's values are those of the field that
/// it corrects.
fn fields_naming_records(draft: &Draft) -> Vec<&'static str> {
    let names_records = |name: &String| {
        let mut specs = Kind::ALL.iter().filter_map(|kind| kind.field(name));
        specs.any(FieldSpec::may_name_records)
    };
    let corrects = draft.kind == Kind::Corrected
        && draft.fields.get("field").first().is_some_and(names_records);
    draft
        .kind
        .fields()
        .filter(|spec| spec.may_name_records() || corrects && matches!(spec.name, "old" | "to"))
        .map(|spec| spec.name)
        .collect()
}

/// Puts some record in place of every import key.
fn forget_keys(draft: &mut Draft) {
    for name in fields_naming_records(draft) {
        let mut texts = draft.fields.get(name).to_vec();
        texts
            .iter_mut()
            .filter(|text| text.starts_with('@'))
            .for_each(|text| *text = SOME_RECORD.to_owned());
        draft.fields.set(name, texts);
    }
}

/// Puts record numbers in place of those that the lines had where they were exported from, and of import
/// keys: `@KEY` names the record with that key, here or in the ledger. Gives back what cannot be found.
fn renumber(drafts: &mut [Draft], register: &Register) -> Vec<LineError> {
    let mut places = Places {
        register,
        next: register.count(),
        // Record 0 opens every ledger.
        exported: HashMap::from([(0, 0)]),
        keys: HashMap::new(),
    };
    let mut errors = Vec::new();
    for draft in drafts {
        let mut fail = |field: &str, message: String| {
            errors.push(LineError {
                line: draft.line,
                field: Some(field.to_owned()),
                message,
            });
        };
        if let Err(message) = places.give(draft.seq, draft.fields.get("import_key").first()) {
            fail("seq", message);
        }
        for name in fields_naming_records(draft) {
            let mut texts = draft.fields.get(name).to_vec();
            for text in &mut texts {
                *text = places
                    .find(text, draft.seq.is_some())
                    .unwrap_or_else(|message| {
                        fail(name, message);
                        SOME_RECORD.to_owned()
                    });
            }
            draft.fields.set(name, texts);
        }
    }
    errors
}

/// Where the lines of a file go.
struct Places<'a> {
    register: &'a Register,
    next: u64,
    exported: HashMap<u64, u64>,
    keys: HashMap<String, u64>,
}

impl Places<'_> {
    fn of_key(&self, key: &str) -> Option<u64> {
        let earlier = self.register.imported(key).map(|seq| seq.0);
        earlier.or_else(|| self.keys.get(key).copied())
    }

    /// Gives the next line its place.
    fn give(&mut self, exported: Option<u64>, key: Option<&String>) -> Result<(), String> {
        let known = key.and_then(|key| self.of_key(key));
        let place = known.unwrap_or(self.next);
        if known.is_none() {
            self.next += 1;
            self.keys.extend(key.map(|key| (key.clone(), place)));
        }
        match exported.map(|seq| (seq, self.exported.insert(seq, place))) {
            Some((seq, Some(_))) => Err(format!("{seq} stands twice")),
            _ => Ok(()),
        }
    }

    /// What a text of a field that may name records stands for in this ledger.
    fn find(&self, text: &str, is_exported: bool) -> Result<String, String> {
        if let Some(key) = text.strip_prefix('@') {
            return match self.of_key(key) {
                Some(place) => Ok(place.to_string()),
                None => Err(format!("no record has the import key `{}`", excerpt(key))),
            };
        }
        match text.parse::<u64>() {
            Ok(old) if is_exported => match self.exported.get(&old) {
                Some(place) => Ok(place.to_string()),
                None => Err(format!("no line before this one has seq {old}")),
            },
            _ => Ok(text.to_owned()),
        }
    }
}

fn build_all(drafts: &[Draft]) -> Result<Vec<Event>, Vec<LineError>> {
    let mut events = Vec::with_capacity(drafts.len());
    let mut errors = Vec::new();
    for draft in drafts {
        match Event::build(draft.kind, &draft.fields) {
            Ok(event) => events.push(event),
            Err(wrong) => {
                errors.extend(
                    wrong
                        .into_iter()
                        .map(|error| LineError::at(draft.line, error)),
                );
            }
        }
    }
    if errors.is_empty() {
        Ok(events)
    } else {
        Err(errors)
    }
}

pub(super) fn wrong_lines(name: &str, mut errors: Vec<LineError>) -> CliError {
    errors.sort_by_key(|error| error.line);
    listed(
        format!(
            "{name}: {}; nothing was appended",
            plural(errors.len(), "error")
        ),
        errors.iter().map(ToString::to_string),
    )
}

/// A refusal told by line instead of by place in the batch.
fn refused(error: LedgerError, drafts: &[Draft], name: &str) -> CliError {
    let line = |index: usize| drafts.get(index).map_or(0, |draft| draft.line);
    match error {
        LedgerError::Refused(refusals) => {
            let message = format!(
                "{name}: {} refused; nothing was appended",
                plural(refusals.len(), "event")
            );
            let waivable = refusals
                .iter()
                .any(|refusal| refusal.rejection.rule.is_waivable());
            let texts = refusals.iter().map(|refusal| {
                let rejection = &refusal.rejection;
                let allowed = if rejection.allowed.is_empty() {
                    String::new()
                } else {
                    format!("; allowed: {}", rejection.allowed.join(", "))
                };
                format!("line {}: {rejection}{allowed}", line(refusal.index))
            });
            let error = listed(message, texts)
                .hint("a refused line may be why later lines that build on it are refused");
            if waivable {
                error.hint("an event that was reported although it breaks a rule takes \"irregular\": \"REASON\"")
            } else {
                error
            }
        }
        LedgerError::Codec { index, source } => CliError::refused(format!(
            "{name}: line {}: {source}; nothing was appended",
            line(index)
        )),
        LedgerError::Claim { index, source } => {
            let mut error = CliError::claim(source);
            error.message = format!("{name}: line {}: {}", line(index), error.message);
            error
        }
        other => other.into(),
    }
}

fn listed(message: String, details: impl ExactSizeIterator<Item = String>) -> CliError {
    let count = details.len();
    let mut error = CliError::refused(message);
    error.details = details.take(LISTED).collect();
    if count > LISTED {
        error = error.detail(format!("... and {} more", count - LISTED));
    }
    error
}
