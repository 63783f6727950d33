//! `record KIND`: appends one event, given by flags, as JSON, or in an editor.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::add;
use super::command::Command;
use super::complete::Takes;
use super::documents;
use super::edit::{self, Failure};
use super::error::{CliError, Exit};
use super::example;
use super::receipt;
use super::session::{OpenLedger, Session};
use super::typed::{DIGEST, Typed, text_of};
use crate::desk::ask::Form;
use crate::desk::template;
use servanda_core::event::{Change, Event, FieldSpec, Kind};
use servanda_core::rules;
use servanda_core::value::base::Shape;
use servanda_core::value::id::Reference;
use servanda_core::value::when::Instant;
use servanda_ledger::{LedgerError, Submission};

pub(super) const COMMAND: Command = Command { build, run };

/// The word of the command.
pub(super) const NAME: &str = "record";

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

On a terminal, it asks for what is missing or refused; `servanda add` asks from the start.

A redaction is recorded by `servanda redact`, which also erases what it withholds.

Parties, sources, agreements and commitments are named by their id, its beginning, or their name;
records by their number, or by the id that they give.

Dates: 2023-05-11, 2023-05, 2023, 2023-05/2023-07, \"before 2023\", \"after 2023-05\", unknown,
unspecified, not-applicable; \"11 May 2023\", \"May 2023\", yesterday, \"last month\", \"next Friday\",
\"in 3 months\". Deadlines also: \"every 3 months\", \"every year on 1 May\", \"30 days after
entry-into-force of A1\". The day or the rule that was understood is shown.";

fn build() -> clap::Command {
    let kinds = Kind::ALL
        .iter()
        // These have commands of their own: `init`, and `redact`, which also erases.
        .filter(|kind| !kind.spec().opens() && kind.spec().change != Some(Change::Redacts))
        .map(|kind| kind_command(*kind));
    clap::Command::new("record")
        .about("Append one event")
        .subcommand_value_name("KIND")
        .subcommand_help_heading("Kinds")
        .subcommands(kinds)
        .after_help(EXAMPLES)
}

fn kind_command(kind: Kind) -> clap::Command {
    let (words, json) = example::of_kind(kind);
    let shown = example::examples(&[example::command_line(&words)]);
    let mut command = clap::Command::new(kind.word())
        .about(kind.spec().about())
        .after_long_help(format!(
            "{shown}\n\nAs a line for `servanda import`:\n  {json}"
        ))
        .after_help(shown)
        .args(kind.own_fields().iter().map(field_arg))
        .args(
            kind.fields()
                .skip(kind.own_fields().len())
                .map(|spec| field_arg(spec).help_heading("Of every event")),
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
        command = command.arg(
            Arg::new("keep")
                .long("keep")
                .action(ArgAction::SetTrue)
                .requires("document")
                .help("Keep a copy of the document beside the ledger, by its digest"),
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

/// Takes any text, and offers the words of a list: what is wrong is told with all that is wrong with the event.
#[derive(Clone)]
struct Offered(&'static [&'static str]);

impl TypedValueParser for Offered {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}

/// The flag of a field.
pub(super) fn field_arg(spec: &'static FieldSpec) -> Arg {
    let mut arg = Arg::new(spec.name).help(spec.help());
    if spec.shape != Shape::Flag {
        arg = arg.value_name(spec.label);
        if !spec.words.is_empty() {
            arg = arg.value_parser(Offered(spec.words));
        }
    }
    if !spec.is_positional() {
        arg = arg.long(spec.name.replace('_', "-"));
    }
    if let Some(takes) = Takes::of(spec) {
        arg = takes.complete(arg);
    }
    if spec.name == "recorded_by" {
        arg = arg.env(add::RECORDER).hide_env_values(true);
    }
    match spec.shape {
        Shape::Flag => arg.action(ArgAction::SetTrue),
        Shape::Many => arg.action(ArgAction::Append),
        Shape::One | Shape::Optional => arg.action(ArgAction::Set),
    }
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let Some((word, matches)) = matches.subcommand() else {
        return match session.asks() {
            true => add::ask(session, None, None),
            false => Err(CliError::new(Exit::Usage, "which kind of event?")
                .hint("`servanda record --help` lists the kinds; on a terminal, it asks")),
        };
    };
    let kind: Kind = word
        .parse()
        .map_err(|error: servanda_core::value::base::ValueError| {
            CliError::new(Exit::Usage, error.to_string())
        })?;
    let recorded_at = matches.get_one::<Instant>("recorded_at").copied();
    let record = |typed: &Typed| record_typed(session, kind, typed, recorded_at);
    if matches.get_flag("edit") && session.wrong_options.is_empty() {
        let start = started(matches)?;
        let typed = match start {
            Some(_) => Typed::default(),
            None => Typed::gather(kind, matches)?,
        };
        return edit::run(kind, &typed, start, session, |typed| record(&typed));
    }
    let mut typed = Typed::gather(kind, matches)?;
    typed.wrong.extend(session.wrong_options.iter().cloned());
    let is_asked = session.asks() && typed.wrong.is_empty() && !typed.from_file;
    match record(&typed) {
        Err(failure) if is_asked && failure.is_refused => {
            add::ask(session, Some(Form::given(kind, typed.fields)), recorded_at)
        }
        Err(failure) if is_asked && can_be_asked(&failure) => {
            add::ask(session, Some(Form::open(kind, typed.fields)), recorded_at)
        }
        recorded => recorded.map_err(|failure| failure.error),
    }
}

/// Whether nothing more is wrong than that something is missing, or has two readings.
fn can_be_asked(failure: &Failure) -> bool {
    let mut wrong = failure.wrong.iter();
    !failure.wrong.is_empty() && wrong.all(|wrong| !wrong.readings.is_empty() || wrong.is_missing)
}

/// The template that an earlier attempt left, to go on with.
fn started(matches: &ArgMatches) -> Result<Option<String>, CliError> {
    let Some(path) = matches.get_one::<PathBuf>("file") else {
        return Ok(None);
    };
    let text = text_of(path)?;
    Ok(template::text(&text).map(str::to_owned))
}

/// Records what was typed, or says everything that is wrong with it.
fn record_typed(
    session: &Session,
    kind: Kind,
    typed: &Typed,
    recorded_at: Option<Instant>,
) -> Result<Exit, Failure> {
    let opened = session.open();
    let state = opened.as_ref().ok().map(|ledger| ledger.state());
    let event = typed.event(session, &session.desk(state), kind);
    let event = event.map_err(|wrong| Failure::fields(kind, wrong))?;
    let ledger = opened?;
    if let Some(bytes) = typed.document.as_deref().filter(|_| !session.dry_run) {
        // Before the record: what a record names is there.
        let kept = documents::of(session).map(|documents| documents.keep(bytes));
        kept.transpose().map_err(CliError::from)?;
    }
    let submission = Submission {
        recorded_at,
        ..event.into()
    };
    append_one(session, ledger, submission)
}

fn append_one(
    session: &Session,
    mut ledger: OpenLedger,
    submission: Submission,
) -> Result<Exit, Failure> {
    // What the ledger fills in is for the receipt. Whether an import key says the same is asked of what was given.
    let event = rules::complete(ledger.state(), submission.event.clone());
    let answered = session.append(&mut ledger, vec![submission], |ledger, receipts| {
        let next = next_step(session, &event);
        receipt::answer(session, ledger.state(), &[event], receipts, &next)
    });
    let is_refused = matches!(answered, Err(LedgerError::Refused { .. }));
    let told = answered.map_err(CliError::from).and_then(|told| told);
    told.map(|()| Exit::Ok).map_err(|error| Failure {
        is_refused,
        ..error.into()
    })
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
