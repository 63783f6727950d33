//! `verify`: the verdict on a ledger.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::anchors::{self, Anchor};
use super::command::Command;
use super::error::{CliError, Exit};
use super::keys::read_verifier_key;
use super::progress::Bar;
use super::session::Session;
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::key::VerifierKey;
use servanda_core::chain::policy::{Policy, PolicyUnmet};
use servanda_core::value::when::Instant;
use servanda_ledger::anchor::{self, Anchoring, Hashes};
use servanda_ledger::plural;
use servanda_ledger::verify::{
    CUT_OR_REWRITTEN, Check, Finding, FindingKind, Verdict, verify, verify_chain, verify_since,
};
use servanda_log::Log;
use servanda_report::report::{Cell, Document, Table, Tone};

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("verify")
        .about("Verify the whole history: every byte of every record")
        .arg(
            Arg::new("since")
                .long("since")
                .value_name("CHECKPOINT")
                .value_parser(value_parser!(PathBuf))
                .help("Verify only what came after a checkpoint that was kept elsewhere, and take the rest on its word"),
        )
        .arg(
            Arg::new("chain")
                .long("chain")
                .action(ArgAction::SetTrue)
                .conflicts_with("since")
                .help("Verify only that the records are those that were recorded, and not the rules: several times as fast"),
        )
        .arg(
            Arg::new("against")
                .long("against")
                .value_name("CHECKPOINT")
                .action(ArgAction::Append)
                .value_parser(value_parser!(PathBuf))
                .help("A checkpoint that was kept elsewhere: the ledger must lead through it"),
        )
        .arg(
            Arg::new("log-key")
                .long("log-key")
                .value_name("VKEY")
                .help("The log's public key, or its file: the checkpoints given must be signed with it"),
        )
        .arg(
            Arg::new("policy")
                .long("policy")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("A policy of witnesses: a quorum of them must have cosigned"),
        )
        .after_help(
            "Checks form, order, links, payloads, batches, clock, rules, signatures and snapshots, goes on after each
finding, and says what it did not check. Compares with the newest checkpoint that this user saw of the
ledger, and with those given. Exit codes: 0 all is sound, 10 integrity broken, 11 a signature or witness
is bad, 12 sound, but not anchored where that was asked.

A chain cannot show that its tail was cut or that all of it was rewritten. Keep a checkpoint elsewhere:
whoever holds one can tell.

Examples:
  servanda verify
  servanda verify --chain
  servanda verify --against 2025-11-23.checkpoint --log-key log.vkey
  servanda verify --since 2025-11-23.checkpoint --log-key log.vkey
  servanda verify --policy witnesses.policy
  servanda verify --format json | jq .tables.findings",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let log = session.open_store()?;
    let log_key = matches
        .get_one::<String>("log-key")
        .map(|text| read_verifier_key(text))
        .transpose()?;
    let mut anchors = Vec::new();
    for path in matches.get_many::<PathBuf>("against").into_iter().flatten() {
        anchors.push((path.display().to_string(), anchors::read(path)?));
    }
    let mut since = None;
    if let Some(path) = matches.get_one::<PathBuf>("since") {
        let anchor = anchors::read(path)?;
        since = Some(anchor.checkpoint().clone());
        anchors.insert(0, (path.display().to_string(), anchor));
    }
    let policy = matches
        .get_one::<PathBuf>("policy")
        .map(|path| read_policy(path))
        .transpose()?;
    let asked = Asked {
        chain_only: matches.get_flag("chain"),
        since,
        anchors,
        log_key,
        policy,
    };
    if asked.log_key.is_some() && asked.anchors.is_empty() && asked.policy.is_none() {
        return Err(CliError::new(
            Exit::Usage,
            "--log-key alone checks nothing: which checkpoint?",
        )
        .hint("name one that was kept elsewhere with --against or --since"));
    }
    verify_store(&log, session, &asked)
}

/// What the ledger is to be held against.
#[derive(Default)]
pub(super) struct Asked {
    /// Whether what the payloads say is of no interest.
    chain_only: bool,
    /// The checkpoint on whose word earlier records are taken. It is among the anchors, too.
    since: Option<Checkpoint>,
    anchors: Vec<(String, Anchor)>,
    log_key: Option<VerifierKey>,
    policy: Option<Policy>,
}

impl Asked {
    /// The checkpoint to start from, unless it lacks the log's signature: then its word counts for nothing.
    fn trusted(&self) -> Option<&Checkpoint> {
        let since = self.since.as_ref()?;
        let (_, anchor) = self.anchors.first()?;
        match &self.log_key {
            Some(key) if anchor.check_signature(key).is_err() => None,
            _ => Some(since),
        }
    }
}

/// Reads a policy file.
pub(super) fn read_policy(path: &Path) -> Result<Policy, CliError> {
    let text = std::fs::read(path).map_err(|error| CliError::file("read", path, &error))?;
    Policy::parse(&text).map_err(|error| CliError::refused(format!("{}: {error}", path.display())))
}

/// Verifies a log and prints the verdict.
pub(super) fn verify_store(
    log: &impl Log,
    session: &Session,
    asked: &Asked,
) -> Result<Exit, CliError> {
    let mut bar = Bar::new(session.shows_progress(), "verifying");
    let mut verdict = match asked.trusted() {
        Some(since) => verify_since(log, since, &mut bar)?,
        None if asked.chain_only => verify_chain(log, &mut bar)?,
        None => verify(log, &mut bar)?,
    };
    let present = Checkpoint::new(
        verdict.origin.clone().unwrap_or_default(),
        verdict.head.count,
        verdict.root,
    );
    let mut not_anchored = None;
    match &present {
        Ok(present) => {
            let mut reach = compare_with_memory(&mut verdict, log, session, present)?;
            let mut held = 0;
            let mut given = |verdict: &mut Verdict, name: &str, anchor: &Anchor| {
                if compare(verdict, log, present, name, anchor, asked)? {
                    held += 1;
                    reach = reach.max(Some(anchor.checkpoint().size()));
                }
                Ok::<(), CliError>(())
            };
            for (name, anchor) in &asked.anchors {
                given(&mut verdict, name, anchor)?;
            }
            if let Some(policy) = &asked.policy {
                match cosigned(session, policy) {
                    Ok((anchor, remark)) => {
                        verdict.remarks.extend(remark);
                        given(&mut verdict, "the cosigned checkpoint", &anchor)?;
                    }
                    Err(unmet) => not_anchored = Some(unmet),
                }
            }
            verdict.checked.push(Check {
                what: "checkpoints given",
                count: held,
            });
            if let Some(reach) = reach {
                tell_reach(&mut verdict, reach);
            }
        }
        Err(error) => {
            verdict.not_checked.push(format!("any checkpoint: {error}"));
            if asked.policy.is_some() || !asked.anchors.is_empty() {
                let message = format!("not anchored: the ledger has no checkpoint: {error}");
                not_anchored = Some(CliError::new(Exit::NotAnchored, message));
            }
        }
    }
    session.show(&document(&verdict))?;
    let only_signatures = verdict
        .findings
        .iter()
        .all(|finding| finding.kind == FindingKind::Signature);
    if !verdict.is_sound() {
        session
            .hint("keep the ledger's directory as evidence, and compare with a copy from before");
        return Ok(if only_signatures && verdict.records > 0 {
            Exit::BadSignature
        } else {
            Exit::Broken
        });
    }
    if let Some(unmet) = not_anchored {
        return Err(unmet);
    }
    if let Ok(present) = &present {
        session.remember(present);
    }
    Ok(Exit::Ok)
}

/// Tells up to which record the anchors reach, and that what came later was compared with none.
fn tell_reach(verdict: &mut Verdict, reach: u64) {
    verdict
        .not_checked
        .retain(|what| !what.starts_with(CUT_OR_REWRITTEN));
    if let Some(last) = verdict
        .head
        .count
        .checked_sub(1)
        .filter(|last| *last >= reach)
    {
        let records = if last == reach {
            format!("record {last}")
        } else {
            format!("records {reach} to {last}")
        };
        verdict.not_checked.insert(
            0,
            format!(
                "whether {records} were cut or rewritten: the newest checkpoint at hand ends before"
            ),
        );
    }
}

/// Compares the ledger with what the user saw; the size up to which it is the same.
fn compare_with_memory(
    verdict: &mut Verdict,
    log: &impl Log,
    session: &Session,
    present: &Checkpoint,
) -> Result<Option<u64>, CliError> {
    if let Some((origin, path)) = session.seen.other_origin(present)? {
        verdict.findings.push(Finding {
            kind: FindingKind::Anchor,
            records: vec![0],
            expected: format!(
                "the ledger {origin}, which this user saw in this directory (remembered in {})",
                path.display()
            ),
            found: format!("a ledger called {}", present.origin()),
        });
    }
    let Some(seen) = session.seen.recall(present.origin())? else {
        if session.seen.path(present.origin()).is_some() {
            verdict.not_checked.insert(0, NO_ANCHOR.to_owned());
        }
        return Ok(None);
    };
    let (seen, _) = seen;
    let size = seen.size();
    let anchor = Anchor::Unsigned(seen);
    let asked = Asked::default();
    if compare(
        verdict,
        log,
        present,
        "the checkpoint seen last",
        &anchor,
        &asked,
    )? {
        verdict.checked.push(Check {
            what: SEEN,
            count: 1,
        });
        return Ok(Some(size));
    }
    Ok(None)
}

const SEEN: &str = "the newest checkpoint that this user saw";

const NO_ANCHOR: &str =
    "any checkpoint that was kept elsewhere: this user saw none of this ledger before";

/// Compares the ledger with a checkpoint; whether it leads through it.
fn compare(
    verdict: &mut Verdict,
    log: &impl Log,
    present: &Checkpoint,
    name: &str,
    anchor: &Anchor,
    asked: &Asked,
) -> Result<bool, CliError> {
    let kept = anchor.checkpoint();
    if let Some(key) = &asked.log_key
        && let Err(bad) = anchor.check_signature(key)
    {
        verdict.findings.push(Finding {
            kind: FindingKind::Signature,
            records: vec![kept.size().saturating_sub(1)],
            expected: format!("{name} to be signed by {}", key.name()),
            found: bad.message,
        });
        return Ok(false);
    }
    let anchoring = anchor::compare(&Hashes::new(log, &verdict.tiles), present, kept);
    let anchoring = match anchoring {
        Ok(anchoring) => anchoring,
        Err(error) => {
            verdict.not_checked.push(format!("{name}: {error}"));
            return Ok(false);
        }
    };
    let found = match anchoring {
        Anchoring::Holds => return Ok(true),
        Anchoring::Shorter => format!(
            "only {}",
            servanda_ledger::plural(to_usize(present.size()), "record")
        ),
        Anchoring::Rewritten { found } => format!("the root {}", found.to_base64()),
        Anchoring::OtherOrigin => format!("a ledger called {}", present.origin()),
    };
    let expected = format!(
        "to lead through {name}: {}, {} records, root {}",
        kept.origin(),
        kept.size(),
        kept.root().to_base64()
    );
    verdict.findings.push(Finding {
        kind: FindingKind::Anchor,
        records: vec![kept.size().saturating_sub(1)],
        expected,
        found,
    });
    Ok(false)
}

/// The checkpoint beside the ledger, if enough witnesses cosigned it, and how far and when they did.
fn cosigned(session: &Session, policy: &Policy) -> Result<(Anchor, Option<String>), CliError> {
    let path = session.beside(COSIGNED)?;
    let unmet = |why: String| {
        CliError::new(Exit::NotAnchored, format!("sound, but not anchored: {why}"))
            .hint("servanda witness ask --policy FILE --key FILE asks the witnesses")
    };
    if !path.exists() {
        return Err(unmet("no witness was asked yet".into()));
    }
    // Whoever can write there can put anything in its place: that is no anchor, and no more.
    let anchor = anchors::read(&path).map_err(|error| unmet(error.message))?;
    match anchor {
        Anchor::Unsigned(_) => Err(unmet(format!("{} is not signed", path.display()))),
        Anchor::Signed(signed) => match policy.check(&signed) {
            Ok(verified) => {
                let times = verified.cosignatures().iter().map(|one| one.timestamp);
                // An old one is as valid as a new one: only its size and time tell.
                let remark = times.max().map(|time| {
                    let micros = i64::try_from(time).unwrap_or(i64::MAX);
                    format!(
                        "the first {} are cosigned, {} times, the last time at {}",
                        plural(to_usize(signed.unverified().size()), "record"),
                        verified.cosignatures().len(),
                        Instant(micros.saturating_mul(1_000_000)),
                    )
                });
                Ok((Anchor::Signed(signed), remark))
            }
            Err(error @ PolicyUnmet::Quorum { .. }) => Err(unmet(error.to_string())),
            Err(error) => Err(CliError::new(
                Exit::BadSignature,
                format!("{}: {error}", path.display()),
            )),
        },
    }
}

/// The file beside the log with the newest checkpoint that witnesses cosigned.
pub(super) const COSIGNED: &str = "cosigned";

fn document(verdict: &Verdict) -> Document {
    let origin = verdict
        .origin
        .as_deref()
        .unwrap_or("(its first record cannot be read)");
    let records = plural(to_usize(verdict.records), "record");
    let title = if verdict.is_sound() && verdict.trusted > 0 {
        let trusted = plural(to_usize(verdict.trusted), "record");
        format!("{origin}: sound since the checkpoint, {records}; the first {trusted} not verified")
    } else if verdict.is_sound() {
        format!("{origin}: sound, {records}")
    } else {
        format!(
            "{origin}: NOT SOUND, {}",
            plural(verdict.findings.len(), "finding")
        )
    };
    Document {
        report: "verify",
        title,
        tables: vec![
            findings(&verdict.findings),
            checked(verdict),
            not_checked(verdict),
            head(verdict),
        ],
        notes: verdict.remarks.clone(),
        ..Document::default()
    }
}

fn findings(findings: &[Finding]) -> Table {
    let mut table = Table::new(
        "findings",
        "Findings",
        &["records", "kind", "expected", "found"],
    )
    .or("nothing is wrong");
    for finding in findings {
        table.rows.push(vec![
            Cell::list(&finding.records),
            Cell::Word(finding.kind.word().to_owned(), Tone::Bad),
            Cell::text(&finding.expected),
            Cell::text(&finding.found),
        ]);
    }
    table
}

fn checked(verdict: &Verdict) -> Table {
    let mut table = Table::new("checked", "Checked", &["what", "count"]);
    for check in &verdict.checked {
        table.rows.push(vec![
            Cell::text(check.what),
            Cell::count(to_usize(check.count)),
        ]);
    }
    table
}

fn not_checked(verdict: &Verdict) -> Table {
    let mut table = Table::new("not_checked", "Not checked", &["what"]);
    table.rows = verdict
        .not_checked
        .iter()
        .map(|what| vec![Cell::text(what)])
        .collect();
    table
}

fn head(verdict: &Verdict) -> Table {
    let columns = ["records", "link", "first_recorded", "last_recorded"];
    let mut table = Table::new("head", "Head", &columns);
    table.rows.push(vec![
        Cell::count(to_usize(verdict.head.count)),
        Cell::text(verdict.head.link),
        Cell::maybe(verdict.first_recorded),
        Cell::maybe(verdict.last_recorded),
    ]);
    table
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
