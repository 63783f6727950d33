//! `record KIND`: appends one event, given by flags, as JSON, or in an editor.

use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::command::Command;
use super::error::{CliError, Exit};
use super::receipt;
use super::session::Session;
use crate::desk::template;
use servanda_core::chain::record::document_digest;
use servanda_core::event::{Event, FieldError, FieldSpec, Fields, Kind};
use servanda_core::ndjson;
use servanda_core::rules;
use servanda_core::value::base::Shape;
use servanda_core::value::id::Reference;
use servanda_core::value::when::Instant;
use servanda_core::view::sentences::Sentences;
use servanda_files::{FileError, Source};
use servanda_ledger::Submission;

pub(super) const COMMAND: Command = Command { build, run };

/// How long the writer of a pipe that is recorded, imported or hashed may pause.
const INPUT_PATIENCE: Duration = Duration::from_secs(300);

/// The field of a document's digest: a kind that has it also takes the document.
const DIGEST: &str = "digest";

const EXAMPLES: &str = "Examples:
  servanda record party colombia --kind state --name Colombia
  servanda record source S1 --kind article --title \"Defence ministers meet\"
  servanda record agreement A1 --title \"Reported outcome\" --party colombia --party venezuela \\
      --on 2023-05-11 --place Caracas --source \"S1: paragraph 2\"
  servanda record commitment C1 --agreement A1 --text \"...\" --debtor colombia --creditor venezuela \\
      --mutual --deadline unspecified
  servanda record status C1 claimed --by colombia --on 2023-11-17 --source S3
  servanda record correction 12 --field deadline --to 2024-01-31 --reason \"misread\"
  servanda record retraction 12 --reason \"recorded twice\"
  echo '{\"text\":\"heard by telephone\",\"about\":\"C1\"}' | servanda record note --file -

A redaction is recorded by `servanda redact`, which also erases what it withholds.

Dates: 2023-05-11, 2023-05, 2023, 2023-05/2023-07, \"before 2023\", \"after 2023-05\", unknown, unspecified,
not-applicable; and today, yesterday, \"last thu\", which are recorded as the day they name.";

fn build() -> clap::Command {
    let kinds = Kind::ALL
        .iter()
        // These have commands of their own: `init`, and `redact`, which also erases.
        .filter(|kind| !matches!(kind, Kind::LedgerOpened | Kind::Redacted))
        .map(|kind| kind_command(*kind));
    clap::Command::new("record")
        .about("Append one event")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand_value_name("KIND")
        .subcommand_help_heading("Kinds")
        .subcommands(kinds)
        .after_help(EXAMPLES)
}

fn kind_command(kind: Kind) -> clap::Command {
    let mut command = clap::Command::new(kind.word())
        .about(kind.spec().about())
        .args(kind.own_fields().iter().map(needed_arg))
        .args(
            kind.fields()
                .skip(kind.own_fields().len())
                .map(|spec| needed_arg(spec).help_heading("Of every event")),
        )
        .next_help_heading("Instead of flags")
        .arg(
            Arg::new("file")
                .long("file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help(
                    "Read the fields from a JSON object in this file, or from standard input (-)",
                ),
        )
        .arg(
            Arg::new("edit")
                .long("edit")
                .action(ArgAction::SetTrue)
                .help("Fill in a template in $VISUAL or $EDITOR"),
        );
    command = command.arg(recorded_at_arg().help_heading("Of every event"));
    if kind.field(DIGEST).is_some() {
        command = command.arg(
            Arg::new("document")
                .long("document")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with(DIGEST)
                .help("Take the digest from this file, which is read and not kept"),
        );
    }
    command
}

/// The flag that asserts a recorded time.
pub(super) fn recorded_at_arg() -> Arg {
    Arg::new("recorded_at")
        .long("recorded-at")
        .value_name("DATE|TIME")
        .value_parser(Instant::beginning)
        .help("Assert that it was recorded then; only in a ledger made with `init --backfill`")
}

/// The flag of a field, required where the field is and nothing stands in for the flags.
fn needed_arg(spec: &'static FieldSpec) -> Arg {
    let arg = field_arg(spec);
    if spec.is_required() {
        arg.required_unless_present_any(["file", "edit"])
    } else {
        arg
    }
}

/// The flag of a field.
pub(super) fn field_arg(spec: &'static FieldSpec) -> Arg {
    let mut arg = Arg::new(spec.name).help(spec.help());
    if spec.shape != Shape::Flag {
        arg = arg.value_name(spec.label);
        if !spec.words.is_empty() {
            arg = arg.value_parser(PossibleValuesParser::new(spec.words.iter().copied()));
        }
    }
    if !spec.is_positional() {
        arg = arg.long(spec.name.replace('_', "-"));
    }
    if spec.name == "recorded_by" {
        arg = arg.env("SERVANDA_RECORDER").hide_env_values(true);
    }
    match spec.shape {
        Shape::Flag => arg.action(ArgAction::SetTrue),
        Shape::Many => arg.action(ArgAction::Append),
        Shape::One | Shape::Optional => arg.action(ArgAction::Set),
    }
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let Some((word, matches)) = matches.subcommand() else {
        return Err(CliError::new(Exit::Usage, "which kind of event?"));
    };
    let kind: Kind = word
        .parse()
        .map_err(|error: servanda_core::value::base::ValueError| {
            CliError::new(Exit::Usage, error.to_string())
        })?;
    let Some(fields) = gather(kind, matches, session)? else {
        session.talk("nothing was recorded: the template is empty");
        return Ok(Exit::Ok);
    };
    let event = Event::build(kind, &fields).map_err(wrong_fields)?;
    let recorded_at = matches.get_one::<Instant>("recorded_at").copied();
    append_one(session, Submission { event, recorded_at })
}

fn append_one(session: &Session, submission: Submission) -> Result<Exit, CliError> {
    let mut ledger = session.open()?;
    let given = submission.event.clone();
    let event = rules::complete(ledger.state(), given.clone());
    let receipts = session.append(&mut ledger, vec![submission])?;
    let next = next_step(session, &event);
    let sentences = Sentences::new(ledger.state());
    let lines: Vec<_> = receipts
        .into_iter()
        .map(|receipt| {
            if receipt::differs(ledger.state(), &given, &receipt) {
                session.hint(&format!(
                    "record {} has this import key and says something else; nothing was recorded now",
                    receipt.seq
                ));
            }
            let recorded = receipt::recorded(ledger.state(), &event, &receipt);
            receipt::Line::new(&sentences, recorded, receipt)
        })
        .collect();
    receipt::show(session, &lines)?;
    receipt::close(session, &next);
    Ok(Exit::Ok)
}

/// What a recorder is likely to want next.
fn next_step(session: &Session, event: &Event) -> String {
    let words = match (event.fact.target(), event.defines()) {
        (Some(record), _) => format!("show {record}"),
        (None, Some(Reference::Source(id))) => {
            return format!("cite it with --source \"{id}: PLACE\"");
        }
        (None, Some(Reference::Agreement(id))) => {
            format!("record commitment ID --agreement {id} --text TEXT --debtor PARTY")
        }
        (None, defined) => match defined.or_else(|| commitment(event)) {
            Some(named) => format!("show {}", named.subject()),
            None => "log".to_owned(),
        },
    };
    session.command(&words)
}

/// The commitment that an event is about, if it is about one.
fn commitment(event: &Event) -> Option<Reference<'_>> {
    let named = event.references().into_iter();
    named
        .map(|(_, named)| named)
        .find(|named| matches!(named, Reference::Commitment(_)))
}

/// The fields from all places where they can be given; none if the user left the template empty.
fn gather(kind: Kind, matches: &ArgMatches, session: &Session) -> Result<Option<Fields>, CliError> {
    let mut fields = match matches.get_one::<PathBuf>("file") {
        Some(path) => from_file(kind, path)?,
        None => Fields::default(),
    };
    for spec in kind.fields() {
        let texts = given(spec, matches);
        if !texts.is_empty() {
            fields.set(spec.name, texts);
        }
    }
    if kind.field(DIGEST).is_some()
        && let Some(path) = matches.get_one::<PathBuf>("document")
    {
        fields.set(DIGEST, vec![digest_of(path)?]);
    }
    if matches.get_flag("edit") {
        match edit(kind, &fields)? {
            Some(edited) => fields = edited,
            None => return Ok(None),
        }
    }
    name_days(kind, &mut fields, Session::today(), session);
    Ok(Some(fields))
}

/// The texts that were given for a field.
pub(super) fn given(spec: &FieldSpec, matches: &ArgMatches) -> Vec<String> {
    if spec.shape == Shape::Flag {
        let set = matches.get_flag(spec.name);
        return if set { vec!["true".into()] } else { Vec::new() };
    }
    matches
        .get_many::<String>(spec.name)
        .map(|texts| texts.cloned().collect())
        .unwrap_or_default()
}

/// What to call a file in messages.
pub(super) fn input_name(path: &Path) -> String {
    if path.as_os_str() == "-" {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Opens a file for reading, or standard input for `-`.
pub(super) fn input(path: &Path) -> Result<Box<dyn Read + Send>, CliError> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let source = Source::open(path).map_err(|error| {
        let is_directory = matches!(error, FileError::Directory);
        let told = CliError::refused(format!("cannot read {}: {error}", path.display()));
        match is_directory {
            true => told.hint("name a file, or - for standard input"),
            false => told,
        }
    })?;
    Ok(Box::new(source.patience(INPUT_PATIENCE)))
}

fn from_file(kind: Kind, path: &Path) -> Result<Fields, CliError> {
    let mut text = Vec::new();
    let limit = ndjson::LINE_LIMIT as u64 + 1;
    input(path)?
        .take(limit)
        .read_to_end(&mut text)
        .map_err(|error| CliError::file("read", path, &error))?;
    let name = input_name(path);
    let draft = ndjson::read_one(&text, kind).map_err(|errors| {
        let mut error = CliError::refused(format!("{name} does not hold an event; nothing was recorded"));
        for wrong in &errors {
            error = error.detail(match &wrong.field {
                Some(field) => format!("{field}: {}", wrong.message),
                None => wrong.message.clone(),
            });
        }
        error.hint(format!("one JSON object, such as the lines of `servanda export`; `servanda record {kind} --help` lists the fields"))
    })?;
    match draft {
        Some((found, fields)) if found == kind => Ok(fields),
        Some((found, _)) => Err(
            CliError::refused(format!("{name} holds a {found}, not a {kind}"))
                .hint(format!("servanda record {found} --file {}", path.display())),
        ),
        None => Err(CliError::refused(format!("{name} is empty"))),
    }
}

fn digest_of(path: &Path) -> Result<String, CliError> {
    document_digest(input(path)?)
        .map(|digest| digest.to_string())
        .map_err(|error| CliError::file("read", path, &error))
}

/// Lets the user fill in a template. Nothing comes back if it is left empty.
fn edit(kind: Kind, fields: &Fields) -> Result<Option<Fields>, CliError> {
    // An editor that was named may be a program that needs no terminal; vi does.
    let named = std::env::var("VISUAL").or_else(|_| std::env::var("EDITOR"));
    if named.is_err() && !io::stdin().is_terminal() {
        return Err(
            CliError::new(Exit::Usage, "--edit needs a terminal, or EDITOR")
                .hint("use flags, or --file - to read JSON from a pipe"),
        );
    }
    let editor = named.unwrap_or_else(|_| "vi".into());
    let cannot = |error: io::Error| CliError::refused(format!("cannot edit a template: {error}"));
    let mut file = tempfile::Builder::new()
        .prefix("servanda-")
        .suffix(".txt")
        .tempfile()
        .map_err(cannot)?;
    let before = template::write(kind, fields);
    file.write_all(before.as_bytes()).map_err(cannot)?;
    file.flush().map_err(cannot)?;
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(file.path())
        .status()
        .map_err(cannot)?;
    if !status.success() {
        return Err(
            CliError::refused(format!("the editor `{editor}` failed: {status}"))
                .hint("set EDITOR to an editor that waits until the file is closed"),
        );
    }
    let after = std::fs::read_to_string(file.path()).map_err(cannot)?;
    if after == before || after.trim().is_empty() {
        return Ok(None);
    }
    template::read(&after).map(Some).map_err(wrong_fields)
}

/// Puts the day in place of `today`, `yesterday` and `last thu`, and says so.
pub(super) fn name_days(kind: Kind, fields: &mut Fields, today: NaiveDate, session: &Session) {
    for spec in kind.fields().filter(|spec| spec.label == "WHEN") {
        let texts = fields.get(spec.name).to_vec();
        let named: Vec<String> = texts
            .iter()
            .map(|text| named_day(text, today).map_or_else(|| text.clone(), |day| day.to_string()))
            .collect();
        if named != texts {
            session.talk(&format!(
                "{}: {} is {} here ({})",
                spec.name,
                texts.join(", "),
                named.join(", "),
                Session::zone()
            ));
            fields.set(spec.name, named);
        }
    }
}

fn named_day(text: &str, today: NaiveDate) -> Option<NaiveDate> {
    match text {
        "today" => Some(today),
        "yesterday" => today.pred_opt(),
        _ => {
            let weekday: Weekday = text.strip_prefix("last ")?.parse().ok()?;
            let back =
                (7 + today.weekday().num_days_from_monday() - weekday.num_days_from_monday()) % 7;
            let back = if back == 0 { 7 } else { back };
            today.checked_sub_days(Days::new(back.into()))
        }
    }
}

/// The fields that are wrong, each on a line.
pub(super) fn wrong_fields(errors: Vec<FieldError>) -> CliError {
    let mut error = CliError::refused(if errors.len() == 1 {
        "a field is wrong; nothing was recorded".to_owned()
    } else {
        format!("{} fields are wrong; nothing was recorded", errors.len())
    });
    for wrong in errors {
        error = error.detail(format!("{}: {}", wrong.field, wrong.error));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_by_name() {
        let monday: NaiveDate = "2026-11-23".parse().unwrap();
        let day = |text: &str| named_day(text, monday).map(|day| day.to_string());
        assert_eq!(day("today").unwrap(), "2026-11-23");
        assert_eq!(day("yesterday").unwrap(), "2026-11-22");
        assert_eq!(day("last thu").unwrap(), "2026-11-19");
        assert_eq!(day("last monday").unwrap(), "2026-11-16");
        assert_eq!(day("2023"), None);
        assert_eq!(day("last may"), None);
    }
}
