//! `redact RECORD`: withholds a record's words and destroys them; its header and every link stay.

use clap::{Arg, ArgAction, ArgMatches};

use super::command::Command;
use super::error::{CliError, Exit};
use super::session::Session;
use super::{receipt, record};
use servanda_core::event::{Event, Fact, FieldSpec, Fields, Kind};
use servanda_core::value::id::Seq;
use servanda_ledger::plural;
use servanda_report::report::{Cell, Document, Table};

pub(super) const COMMAND: Command = Command { build, run };

/// The fields of a redaction that can be given.
const FIELDS: &[&str] = &[
    "record",
    "reason",
    "authority",
    "on",
    "by",
    "recorded_by",
    "source",
];

fn build() -> clap::Command {
    let arg = |spec: &'static FieldSpec| {
        let arg = record::field_arg(spec);
        if spec.is_required() {
            arg.required_unless_present("finish")
                .conflicts_with("finish")
        } else {
            // Who records may come from the environment, also where nothing is recorded.
            arg
        }
    };
    clap::Command::new("redact")
        .about("Withhold a record's content for good: erase it from the disk, and record by whose authority")
        .args(fields().map(arg))
        .arg(
            Arg::new("finish")
                .long("finish")
                .action(ArgAction::SetTrue)
                .help("Erase what is redacted and still on the disk, after an interruption or an import"),
        )
        .after_help(
            "The record keeps its number, its time and its link, so the chain, kept heads and receipts stay
valid; what it said is gone, and with it what its corrections said. There is no way back. A
correction or a retraction leaves the words where they are.

Meetings, progress, occurrences, assessments, statements, evidence and notes can be redacted,
also retracted ones. Nothing that counts may refer to the record: redact or retract that first.
Other records carry what later ones rest on, and their words cannot be redacted.

What this cannot reach: backups, exports and copies made before, and what the file system or the
disk keeps of overwritten files. The record's import key is forgotten too: importing the same
row again would bring it back. Erasing copies the whole ledger once, so it takes time and as
much room as the records do.

Examples:
  servanda redact 12 --reason \"names a witness\" --authority \"court order 7/2024\" --dry-run
  servanda redact 12 --reason \"names a witness\" --authority \"court order 7/2024\"
  servanda redact --finish",
        )
}

fn fields() -> impl Iterator<Item = &'static FieldSpec> {
    FIELDS.iter().filter_map(|name| Kind::Redacted.field(name))
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    if matches.get_flag("finish") {
        return finish(session);
    }
    let mut given = Fields::default();
    for spec in fields() {
        given.set(spec.name, record::given(spec, matches));
    }
    record::name_days(Kind::Redacted, &mut given, Session::today(), session);
    let event = Event::build(Kind::Redacted, &given).map_err(record::wrong_fields)?;
    let Fact::Redacted(fact) = event.fact else {
        return Err(CliError::new(Exit::Usage, "this is no redaction"));
    };
    let target = fact.record;
    let mut ledger = session.open()?;
    let redaction = ledger.redact(fact, event.envelope)?;
    let lines: Vec<_> = redaction
        .appended
        .iter()
        .map(|(event, receipt)| {
            let change = receipt::change(ledger.state(), event).filter(|_| !receipt.known);
            receipt::Line::new(event, *receipt, change)
        })
        .collect();
    session.keep_checkpoint(&ledger);
    receipt::show(session, &lines)?;
    tell(session, &redaction.erased);
    receipt::close(session, &session.command(&format!("show {target}")));
    Ok(Exit::Ok)
}

fn finish(session: &Session) -> Result<Exit, CliError> {
    let erased = session.open()?.finish_redactions()?;
    if !session.for_people() {
        let mut table = Table::new("erased", "Erased", &["record"]);
        table.rows = erased
            .iter()
            .map(|seq| vec![Cell::Number(i64::try_from(seq.0).unwrap_or(i64::MAX))])
            .collect();
        session.show(&Document {
            report: "erased",
            title: "Erased".into(),
            tables: vec![table],
            ..Document::default()
        })?;
    }
    tell(session, &erased);
    Ok(Exit::Ok)
}

/// Says what was erased, or would be.
fn tell(session: &Session, erased: &[Seq]) {
    if erased.is_empty() {
        session.talk("no redacted payload was on the disk");
        return;
    }
    let payloads = plural(erased.len(), "payload");
    let numbers: Vec<String> = erased.iter().map(ToString::to_string).collect();
    let verb = if session.dry_run {
        "would be erased"
    } else {
        "erased from the ledger's files"
    };
    session.talk(&format!(
        "{payloads} {verb}: {} {}",
        if erased.len() == 1 {
            "record"
        } else {
            "records"
        },
        numbers.join(", ")
    ));
    if !session.dry_run {
        session.hint("backups, exports and copies made before still hold the words");
    }
}
