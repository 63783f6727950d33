//! `redact RECORD`: erases a record's words; its header and every link stay.

use clap::{Arg, ArgAction, ArgMatches};

use super::command::Command;
use super::documents;
use super::error::{CliError, Exit};
use super::interrupt::Answering;
use super::session::Session;
use super::typed::{self, Typed};
use super::{receipt, record};
use servanda_core::event::{Fact, FieldSpec, Fields, Kind};
use servanda_core::value::id::Seq;
use servanda_core::view::sentences::Sentences;
use servanda_core::words::plural;
use servanda_report::report::{Cell, Document, Table};

pub(super) const COMMAND: Command = Command { build, run };

/// The fields of a redaction that are options here.
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
            // The recorder may come from the environment, so it cannot conflict with `finish`.
            arg
        }
    };
    clap::Command::new("redact")
        .about("Erase a record's words from the disk for good, and record by whose authority")
        .args(fields().map(arg))
        .arg(
            Arg::new("finish")
                .long("finish")
                .action(ArgAction::SetTrue)
                .help("Erase redacted words that are still on the disk, after an interruption or an import, and documents that no source names"),
        )
        .after_help(
            "The record keeps its number, its time and its link, so the chain, kept checkpoints and receipts \
stay valid. Its words are gone, and so are the words of its corrections. This cannot be undone. A \
correction or a retraction does not remove words.

Meetings, progress, occurrences, assessments, statements, evidence and notes can be redacted, even \
retracted ones. No record that counts may refer to the record: redact or retract those first. \
Records of other kinds carry facts that later records need, and cannot be redacted.

A document that is kept beside the ledger is destroyed once no source names its digest: correct the \
digest of the source, then run `servanda redact --finish`.

It does not reach backups, exports and earlier copies, or what the file system and the disk keep of \
overwritten files. It also removes the record's import key, so importing the same row again would \
record it again. It copies the whole ledger once, which takes time and as much room as the records.

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
        given.set(spec.name, typed::given(spec, matches));
    }
    let mut ledger = session.open()?;
    let event = Typed::of(given)
        .event(session, &session.desk(Some(ledger.state())), Kind::Redacted)
        .map_err(|wrong| CliError::wrong_fields(Kind::Redacted, &wrong))?;
    let Fact::Redacted(fact) = event.fact else {
        return Err(CliError::new(Exit::Usage, "this is no redaction"));
    };
    let target = fact.record;
    let before = ledger.head().count;
    let _finishing = Answering::by_finishing();
    let redaction = ledger.redact(fact, event.envelope)?;
    let sentences = Sentences::new(ledger.state());
    let lines: Vec<_> = redaction
        .appended
        .iter()
        .map(|(event, receipt)| receipt::Line::new(&sentences, event, *receipt))
        .collect();
    session.keep(&ledger, before);
    receipt::show(session, &lines)?;
    report(session, &redaction.erased);
    receipt::close(session, &session.command(&format!("show {target}")));
    Ok(Exit::Ok)
}

fn finish(session: &Session) -> Result<Exit, CliError> {
    let mut ledger = session.open()?;
    let _finishing = Answering::by_finishing();
    let erased = ledger.finish_redactions()?;
    if let Some(documents) = documents::of(session).filter(|_| !session.dry_run) {
        let destroyed = documents.destroy_unnamed(ledger.state())?;
        for digest in destroyed {
            session.talk(&format!(
                "the document {digest}, which no source names, was destroyed"
            ));
        }
    }
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
    report(session, &erased);
    Ok(Exit::Ok)
}

/// Reports which payloads were erased, or would be.
fn report(session: &Session, erased: &[Seq]) {
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
        session.hint("backups, exports and earlier copies still hold the words");
    }
}
