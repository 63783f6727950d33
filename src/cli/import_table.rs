//! `import --rules`: the rows of foreign tables, as events. What does not fit is told row by row, and then nothing is
//! appended, unless `--skip-bad` collects it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, value_parser};

use super::error::{CliError, Exit};
use super::session::Session;
use crate::chain::record::document_digest;
use crate::domain::id::Seq;
use crate::domain::register::Register;
use crate::domain::value::Digest;
use crate::domain::when::Instant;
use crate::intake::change_log;
use crate::intake::compare::{Known, Step, Tally};
use crate::intake::make::{File, Index, Job, Made, Outcome, Remark, built};
use crate::intake::ndjson;
use crate::intake::rules::{RULES_LIMIT, Rules};
use crate::intake::table::{TABLE_LIMIT, Table};
use crate::ledger::backfill::Submission;
use crate::ledger::{LedgerError, plural};

/// Most complaints that are listed; more are counted.
const LISTED: usize = 100;

/// How often events that break a rule are marked as irregular and tried again. Each time at least one more is.
const ATTEMPTS: usize = 16;

/// The arguments that `import` has for tables.
pub(super) fn args() -> [Arg; 2] {
    [
        Arg::new("rules")
            .long("rules")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .conflicts_with("key")
            .help("FILE is a table in CSV, or several: make events of its rows by these rules (docs/import.md)"),
        Arg::new("skip_bad")
            .long("skip-bad")
            .value_name("FILE")
            .requires("rules")
            .value_parser(value_parser!(PathBuf))
            .help("Leave out the rows that do not fit, and write them to this CSV file to be mended"),
    ]
}

/// Imports tables.
pub(super) fn run(matches: &ArgMatches, rules: &Path, session: &Session) -> Result<Exit, CliError> {
    let rules = read_rules(rules)?;
    let paths = matches.get_many::<PathBuf>("file").into_iter().flatten();
    let recorded_by = matches.get_one::<String>("recorded_by");
    let mut ledger = session.open()?;
    let mut tables = Tables::new(&rules, ledger.register());
    for path in paths {
        tables.read(path)?;
    }
    let mut found = tables.finish();
    found.tell_bad(matches.get_one::<PathBuf>("skip_bad"))?;
    for step in &mut found.steps {
        if let Some(name) = recorded_by {
            step.step.fields.set("recorded_by", vec![name.clone()]);
        }
    }
    let submissions = submissions(&found.steps, ledger.register())?;
    let is_backfill = ledger.is_backfill();
    let mut submissions: Vec<Submission> = submissions
        .into_iter()
        .map(|mut submission| {
            submission.recorded_at = submission.recorded_at.filter(|_| is_backfill);
            submission
        })
        .collect();
    if !submissions.is_empty() {
        for attempt in 1.. {
            match session.append(&mut ledger, submissions.clone()) {
                Ok(_) => break,
                Err(LedgerError::Refused(refusals)) if attempt < ATTEMPTS => {
                    let waivable = refusals.iter().all(|refusal| {
                        let reason = found.steps[refusal.index].irregular(&rules);
                        refusal.rejection.rule.is_waivable() && reason.is_some()
                    });
                    if !waivable {
                        return Err(refused(LedgerError::Refused(refusals), &found.steps));
                    }
                    for refusal in refusals {
                        let reason = found.steps[refusal.index].irregular(&rules);
                        submissions[refusal.index].event.envelope.irregular =
                            reason.and_then(|reason| reason.parse().ok());
                    }
                }
                Err(error) => return Err(refused(error, &found.steps)),
            }
        }
    }
    if session.dry_run {
        for (submission, from) in submissions.iter().zip(&found.steps) {
            session.say(&line(submission, from))?;
        }
    }
    found.tell(session);
    Ok(Exit::Ok)
}

/// An event as a line of NDJSON that can be imported. What it names by an import key stays named so.
fn line(submission: &Submission, from: &From) -> String {
    let mut object = ndjson::event_to_json(&submission.event);
    for (name, texts) in from.step.fields.iter() {
        if let [text] = texts
            && text.starts_with('@')
        {
            object.insert(name.into(), text.clone().into());
        }
    }
    if let Some(time) = submission.recorded_at {
        object.insert("recorded_at".into(), time.to_string().into());
    }
    serde_json::Value::Object(object).to_string()
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

fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let length = std::fs::metadata(path).map(|metadata| metadata.len());
    let bytes = length.and_then(|length| match length > limit {
        true => Ok(None),
        false => std::fs::read(path).map(Some),
    });
    match bytes {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(CliError::refused(format!(
            "{} is longer than {limit} bytes",
            path.display()
        ))),
        Err(error) => Err(CliError::file("read", path, &error)),
    }
}

/// A step, and the table it comes from.
struct From {
    table: String,
    step: Step,
}

impl From {
    /// Why its event is recorded where it breaks a rule about the world.
    fn irregular<'r>(&self, rules: &'r Rules) -> Option<&'r String> {
        rules.events.get(self.step.rule?)?.if_irregular.as_ref()
    }
}

/// Something said of a place in a table.
struct Said {
    table: String,
    remark: Remark,
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Remark { place, reason } = &self.remark;
        write!(f, "{}:{}: ", self.table, place.line)?;
        match &place.column {
            Some(column) => write!(f, "{column}: {reason}"),
            None => f.write_str(reason),
        }
    }
}

/// Reads tables one after the other.
struct Tables<'a> {
    rules: &'a Rules,
    known: Known<'a>,
    /// The second tables that were read, by the path and the place of the lookup.
    lookups: HashMap<(PathBuf, usize), Index>,
    files: Vec<File>,
    found: Findings,
}

/// What became of the tables.
#[derive(Default)]
struct Findings {
    tables: usize,
    rows: usize,
    steps: Vec<From>,
    bad: Vec<Said>,
    skipped: Vec<Said>,
    warnings: Vec<String>,
    tally: Tally,
    /// The header and rows of each table that has bad rows.
    bad_tables: Vec<(String, Table)>,
}

impl<'a> Tables<'a> {
    fn new(rules: &'a Rules, register: &'a Register) -> Self {
        Self {
            rules,
            known: Known::new(register),
            lookups: HashMap::new(),
            files: Vec::new(),
            found: Findings::default(),
        }
    }

    fn read(&mut self, path: &Path) -> Result<(), CliError> {
        let bytes = read_file(path, TABLE_LIMIT)?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let directory = path.parent().and_then(Path::file_name);
        let digest = document_digest(bytes.as_slice())
            .map_err(|error| CliError::file("read", path, &error))?;
        let file = File {
            name: name.clone(),
            directory: directory.unwrap_or_default().to_string_lossy().into_owned(),
            digest: Digest(digest.0).to_string(),
        };
        let table = Table::read(&bytes, &self.rules.form)
            .map_err(|error| CliError::refused(format!("{}: {error}", path.display())))?;
        let lookups = self.lookups(path, &file)?;
        let job = Job {
            rules: self.rules,
            file: &file,
            table: &table,
            lookups: &lookups,
            version: None,
            touched: None,
        };
        self.found.tables += 1;
        self.found.rows += table.rows.len();
        let bad_before = self.found.bad.len();
        match &self.rules.change_log {
            None => {
                let outcome = job.run();
                self.warn_unused(&file, &outcome.unused);
                self.take(&file, outcome);
            }
            Some(log) => {
                let mut outcomes = Vec::new();
                let played = change_log::play(&job, log, |version| {
                    let job = Job {
                        table: &version.table,
                        version: Some(&version.name),
                        touched: Some(&version.touched),
                        ..job
                    };
                    outcomes.push(job.run());
                });
                if let Err(bad) = played {
                    outcomes.push(Outcome {
                        bad,
                        ..Outcome::default()
                    });
                }
                self.warn_unused(&file, &unused_throughout(&outcomes));
                for outcome in outcomes {
                    self.take(&file, outcome);
                }
            }
        }
        if self.found.bad.len() > bad_before {
            self.found.bad_tables.push((name, table));
        }
        self.files.push(file);
        Ok(())
    }

    fn warn_unused(&mut self, file: &File, unused: &[(String, usize)]) {
        for (header, cells) in unused {
            self.found.warnings.push(format!(
                "{}: the rules do not use the column `{header}` ({})",
                file.name,
                plural(*cells, "filled cell")
            ));
        }
    }

    /// Takes in what became of a table.
    fn take(&mut self, file: &File, outcome: Outcome) {
        let said = |remark| Said {
            table: file.name.clone(),
            remark,
        };
        self.found.bad.extend(outcome.bad.into_iter().map(said));
        self.found
            .skipped
            .extend(outcome.skipped.into_iter().map(said));
        for made in outcome.made {
            let place = made.place.clone();
            match self.take_one(made) {
                Ok(steps) => self.found.steps.extend(steps.into_iter().map(|step| From {
                    table: file.name.clone(),
                    step,
                })),
                Err(reason) => self.found.bad.push(said(Remark { place, reason })),
            }
        }
    }

    fn take_one(&mut self, made: Made) -> Result<Vec<Step>, String> {
        self.known.take(self.rules, made)
    }

    /// The second tables of a table. They are kept while they are those of the next table too.
    fn lookups(&mut self, path: &Path, file: &File) -> Result<Vec<Index>, CliError> {
        let mut all = Vec::with_capacity(self.rules.lookups.len());
        for (at, (name, lookup)) in self.rules.lookups.iter().enumerate() {
            let place = path.parent().unwrap_or(Path::new("")).join(&lookup.file);
            let index = match self.lookups.remove(&(place.clone(), at)) {
                Some(index) => index,
                None => {
                    let wrong = |error: String| {
                        CliError::refused(format!("{}: {error}", place.display()))
                            .hint(format!("[lookup.{name}] asks for it"))
                    };
                    let bytes = read_file(&place, TABLE_LIMIT)?;
                    let table = Table::read(&bytes, &lookup.form)
                        .map_err(|error| wrong(error.to_string()))?;
                    Index::new(self.rules, lookup, file, table).map_err(wrong)?
                }
            };
            self.lookups.insert((place, at), index.clone());
            all.push(index);
        }
        Ok(all)
    }

    fn finish(mut self) -> Findings {
        for file in &self.files {
            for key in self.known.vanished(&file.key()) {
                self.found.warnings.push(format!(
                    "{}: `{key}` was recorded from an earlier version and is no longer in the table; it stays recorded",
                    file.name
                ));
            }
        }
        self.found.tally = self.known.tally;
        self.found
    }
}

/// The columns that no version of a table used.
fn unused_throughout(outcomes: &[Outcome]) -> Vec<(String, usize)> {
    let Some(last) = outcomes.last() else {
        return Vec::new();
    };
    let is_unused = |outcome: &Outcome, header: &str| {
        outcome.rows == 0 || outcome.unused.iter().any(|(found, _)| found == header)
    };
    let unused = last.unused.iter();
    unused
        .filter(|(header, _)| outcomes.iter().all(|outcome| is_unused(outcome, header)))
        .cloned()
        .collect()
}

impl Findings {
    /// Tells what does not fit: as an error, or into a file.
    fn tell_bad(&mut self, skip_bad: Option<&PathBuf>) -> Result<(), CliError> {
        if self.bad.is_empty() {
            return Ok(());
        }
        let Some(path) = skip_bad else {
            let message = format!(
                "{} of {} not fit; nothing was appended",
                plural(self.bad.len(), "place"),
                match self.tables {
                    1 => "the table does".to_owned(),
                    tables => format!("{tables} tables do"),
                }
            );
            return Err(
                listed(message, self.bad.iter().map(ToString::to_string)).hint(
                    "mend the rules or the table, or leave these rows out with --skip-bad FILE",
                ),
            );
        };
        self.write_bad(path)?;
        Ok(())
    }

    /// Writes the rows that do not fit, each with its reason: one table to the file itself, several into a directory.
    fn write_bad(&self, path: &Path) -> Result<(), CliError> {
        let failed = |error: &dyn std::fmt::Display, path: &Path| {
            CliError::refused(format!("cannot write {}: {error}", path.display()))
        };
        if self.tables > 1 {
            std::fs::create_dir_all(path).map_err(|error| failed(&error, path))?;
        }
        for (name, table) in &self.bad_tables {
            let place = match self.tables {
                1 => path.to_owned(),
                _ => path.join(name),
            };
            let bytes = bad_rows(table, self.bad.iter().filter(|said| said.table == *name))
                .map_err(|error| failed(&error, &place))?;
            std::fs::write(&place, bytes).map_err(|error| failed(&error, &place))?;
        }
        Ok(())
    }

    fn tell(&self, session: &Session) {
        let would = if session.dry_run {
            "would be appended"
        } else {
            "appended"
        };
        let Tally {
            new,
            unchanged,
            corrections,
            further,
            kept,
        } = self.tally;
        session.talk(&format!(
            "{}, {}: {} {would} ({new} new, {}, {further} further), {unchanged} known and unchanged",
            plural(self.tables, "table"),
            plural(self.rows, "row"),
            plural(self.steps.len(), "event"),
            plural(corrections, "correction"),
        ));
        if kept > 0 {
            session.talk(&format!(
                "{} passed over, as the rules say",
                plural(kept, "change")
            ));
        }
        tell_all(session, "left out, for it does not fit", &self.bad);
        tell_all(session, "skipped", &self.skipped);
        for warning in &self.warnings {
            session.talk(&format!("warning: {warning}"));
        }
    }
}

/// Tells what is said of places; neighbours of which the same is said share a line.
fn tell_all(session: &Session, what: &str, all: &[Said]) {
    if all.is_empty() {
        return;
    }
    session.talk(&format!("{} {what}:", all.len()));
    let mut rest = all;
    while let Some(first) = rest.first() {
        let same = |said: &&Said| {
            said.table == first.table
                && said.remark.reason == first.remark.reason
                && said.remark.place.column == first.remark.place.column
        };
        let count = rest.iter().take_while(same).count();
        let lines: Vec<String> = rest[..count]
            .iter()
            .map(|said| said.remark.place.line.to_string())
            .collect();
        match lines.as_slice() {
            [_] => session.talk(&format!("  {first}")),
            lines => {
                let reason = &first.remark.reason;
                let column = first
                    .remark
                    .place
                    .column
                    .as_ref()
                    .map_or(String::new(), |c| format!("{c}: "));
                session.talk(&format!(
                    "  {}: lines {}: {column}{reason}",
                    first.table,
                    lines.join(", ")
                ));
            }
        }
        rest = &rest[count..];
    }
}

/// Bad rows as CSV: the table's own columns, then the line and the reason. Rules pass over the last two.
fn bad_rows<'s>(table: &Table, bad: impl Iterator<Item = &'s Said>) -> Result<Vec<u8>, csv::Error> {
    let mut reasons: HashMap<usize, Vec<String>> = HashMap::new();
    for said in bad {
        let Remark { place, reason } = &said.remark;
        let text = match &place.column {
            Some(column) => format!("{column}: {reason}"),
            None => reason.clone(),
        };
        reasons.entry(place.line).or_default().push(text);
    }
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    let extra = ["bad_line", "bad_reason"].map(ToOwned::to_owned);
    writer.write_record(table.headers.iter().chain(&extra))?;
    for row in &table.rows {
        if let Some(reasons) = reasons.get(&row.lines.0) {
            let mut cells = row.cells.clone();
            // A row that is too long is written whole; mending it means to see it.
            cells.resize(cells.len().max(table.headers.len()), String::new());
            cells.push(row.lines.0.to_string());
            cells.push(reasons.join("; "));
            writer.write_record(cells)?;
        }
    }
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

/// The events of steps. `@KEY` becomes the number of a record: of one in the ledger, or of an earlier step.
fn submissions(steps: &[From], register: &Register) -> Result<Vec<Submission>, CliError> {
    let mut places: HashMap<String, u64> = HashMap::new();
    let mut all = Vec::with_capacity(steps.len());
    for (next, from) in (register.count()..).zip(steps) {
        let step = &from.step;
        let wrong = |message: String| {
            CliError::refused(format!("{}:{}: {message}", from.table, step.place.line))
        };
        let find = |key: &str| {
            let earlier = places.get(key).copied();
            earlier.or_else(|| register.imported(key).map(|Seq(seq)| seq))
        };
        for (_, texts) in step.fields.iter() {
            let lost = texts
                .iter()
                .filter_map(|text| text.strip_prefix('@'))
                .find(|key| find(key).is_none());
            if let Some(key) = lost
                && step.kind.fields().any(|spec| spec.may_name_records())
            {
                return Err(wrong(format!("no record has the import key `{key}`")));
            }
        }
        let event = built(step.kind, &step.fields, find).map_err(|errors| {
            wrong(
                errors
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; "),
            )
        })?;
        let recorded_at: Option<Instant> = match &step.recorded_at {
            Some(text) => Some(
                text.parse()
                    .map_err(|error| wrong(format!("recorded_at: {error}")))?,
            ),
            None => None,
        };
        if let Some(key) = step.fields.get("import_key").first() {
            places.insert(key.clone(), next);
        }
        all.push(Submission { event, recorded_at });
    }
    Ok(all)
}

/// A refusal told by the place in the table.
fn refused(error: LedgerError, steps: &[From]) -> CliError {
    let place = |index: usize| {
        steps.get(index).map_or(String::new(), |from| {
            format!("{}:{}", from.table, from.step.place.line)
        })
    };
    match error {
        LedgerError::Refused(refusals) => {
            let count = plural(refusals.len(), "event");
            let texts = refusals
                .iter()
                .map(|refusal| format!("{}: {}", place(refusal.index), refusal.rejection));
            listed(format!("{count} refused; nothing was appended"), texts)
                .hint("an event that breaks a rule about the world is recorded with `if_irregular = \"REASON\"` in its rule")
        }
        LedgerError::Codec { index, source } => {
            CliError::refused(format!("{}: {source}", place(index)))
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
