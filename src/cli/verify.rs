//! `verify`: the verdict on a ledger.

use std::path::{Path, PathBuf};

use super::anchors::{self, Anchor};
use super::command::{Command, Run};
use super::documents;
use super::error::{CliError, Exit};
use super::files;
use super::keys::read_verifier_key;
use super::progress::Bar;
use super::published;
use super::session::Session;
use super::verdict;
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::key::VerifierKey;
use servanda_core::chain::policy::{Policy, PolicyUnmet};
use servanda_core::value::when::Instant;
use servanda_core::words::plural;
use servanda_ledger::anchor::{self, Anchoring, Hashes};
use servanda_ledger::documents::Documents;
use servanda_ledger::replay::{KnownAt, replay};
use servanda_ledger::verify::{
    CUT_OR_REWRITTEN, Check, Finding, FindingKind, Outcome, Verdict, verify, verify_chain,
    verify_since,
};
use servanda_log::{Location, Log};

pub(super) const COMMAND: Command = Command::of::<Verify>();

/// Verify the whole history: every byte of every record
#[derive(clap::Parser)]
#[command(
    name = "verify",
    after_help = "Checks form, order, links, payloads, batches, clock, rules, signatures and snapshots. It goes on \
after a finding, and lists what it did not check. It compares the ledger with the newest \
checkpoint that this user saw of it, and with the checkpoints given. Exit codes: 0 everything is \
sound, 10 integrity broken, 11 a signature or witness is bad, 12 sound, but not anchored where \
that was asked.

A chain cannot show that its tail was cut or that all of it was rewritten. A checkpoint that is \
kept elsewhere can: keep one.

Examples:
  servanda verify
  servanda verify --chain
  servanda verify --against 2025-11-23.checkpoint --log-key log.vkey
  servanda verify --since 2025-11-23.checkpoint --log-key log.vkey
  servanda verify --policy witnesses.policy
  servanda verify --from https://log.example.org/commission --policy witnesses.policy
  servanda verify --format json | jq .tables.findings"
)]
struct Verify {
    /// Verify a published ledger instead, without a copy: a directory, s3://BUCKET/PREFIX, or an http or https URL
    #[arg(long, value_name = "URL", value_parser = published::location())]
    from: Option<Location>,
    /// Verify only the records after a checkpoint that was kept elsewhere, and trust it for the others
    #[arg(long, value_name = "CHECKPOINT")]
    since: Option<PathBuf>,
    /// Verify only that the records are unchanged, and not the rules: several times as fast
    #[arg(long, conflicts_with = "since")]
    chain: bool,
    /// A checkpoint that was kept elsewhere: the ledger must continue it
    #[arg(long, value_name = "CHECKPOINT")]
    against: Vec<PathBuf>,
    /// The log's public key, or its file: the checkpoints given must be signed with it
    #[arg(long, value_name = "VKEY")]
    log_key: Option<String>,
    /// A policy of witnesses: a quorum of them must have cosigned
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl Run for Verify {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let log_key = self.log_key.as_deref().map(read_verifier_key).transpose()?;
        let mut anchors = Vec::new();
        for path in self.since.iter().chain(&self.against) {
            anchors.push((path.display().to_string(), anchors::read(path)?));
        }
        let demand = Demand {
            chain_only: self.chain,
            since: self.since.is_some(),
            anchors,
            log_key,
            policy: self.policy.as_deref().map(read_policy).transpose()?,
        };
        let compares = !demand.anchors.is_empty() || demand.policy.is_some() || self.from.is_some();
        if demand.log_key.is_some() && !compares {
            return Err(CliError::new(
                Exit::Usage,
                "--log-key alone checks nothing: which checkpoint?",
            )
            .hint("name one that was kept elsewhere with --against or --since"));
        }
        if let Some(from) = &self.from {
            return verify_published(from, &session.with_ledger(from), demand);
        }
        // Last: the ledger is locked once it is open, and a file may come through a pipe.
        let log = session.open_log()?;
        let judged = judge(&log, session, &demand, || of_ledger(session))?;
        judged.show(
            session,
            "keep the ledger's directory as evidence, and compare it with an earlier copy",
        )
    }
}

/// Verifies what is published at a place. If that grows meanwhile, so that bundles are replaced, it is read again.
fn verify_published(
    from: &Location,
    session: &Session,
    mut demand: Demand,
) -> Result<Exit, CliError> {
    let mut published = published::open(from)?;
    demand.anchors.push((
        PUBLISHED.to_owned(),
        Anchor::Unsigned(published.checkpoint().clone()),
    ));
    loop {
        let log = published.log()?;
        if let Some((_, anchor)) = demand.anchors.last_mut() {
            let unsigned = || Anchor::Unsigned(published.checkpoint().clone());
            *anchor = anchors::parse(published.note()).unwrap_or_else(unsigned);
        }
        let cosigned = || Ok((format!("{from}/{COSIGNED}"), published.cosigned()?));
        let judged = judge(&log, session, &demand, cosigned);
        if let Some(failure) = log.failure() {
            return Err(failure.into());
        }
        let mut judged = judged?;
        if !judged.verdict.is_sound() {
            let again = published.again()?;
            if again.note() != published.note() {
                published = again;
                continue;
            }
        }
        if demand.log_key.is_none() {
            let what = "who signed the published checkpoint: a log's public key tells, or a policy";
            judged.verdict.not_checked.push(what.to_owned());
        }
        judged.verdict.not_checked.push(BESIDE.to_owned());
        return judged.show(
            session,
            "keep what is published there as evidence, and compare it with an earlier copy",
        );
    }
}

/// What is published and says nothing that the records do not say.
const BESIDE: &str = "the tiles and entries that are published beside the records, by which others prove single records: they were not read";

/// What the checkpoint at a place is called.
const PUBLISHED: &str = "the published checkpoint";

/// What the user demands of the ledger.
#[derive(Default)]
struct Demand {
    /// Whether to skip the contents of the payloads.
    chain_only: bool,
    /// Whether the first anchor is trusted for the records before it.
    since: bool,
    anchors: Vec<(String, Anchor)>,
    log_key: Option<VerifierKey>,
    policy: Option<Policy>,
}

impl Demand {
    /// The checkpoint to start from. A checkpoint without the log's signature is not trusted.
    fn trusted(&self) -> Option<&Checkpoint> {
        let (_, anchor) = self.anchors.first().filter(|_| self.since)?;
        match &self.log_key {
            Some(key) if anchor.check_signature(key).is_err() => None,
            _ => Some(anchor.checkpoint()),
        }
    }
}

/// Reads a policy file.
pub(super) fn read_policy(path: &Path) -> Result<Policy, CliError> {
    let text = files::read(path, files::TEXT_BYTES)?;
    Policy::parse(&text).map_err(|error| CliError::refused(format!("{}: {error}", path.display())))
}

/// A verdict, after all comparisons.
struct Judged {
    verdict: Verdict,
    /// The checkpoint of the records found, if they have one.
    present: Option<Checkpoint>,
    /// The error for a policy that is not met.
    not_anchored: Option<CliError>,
}

/// The checkpoint that witnesses cosigned and the name of its place, if it is there.
type Cosigned = (String, Option<Vec<u8>>);

/// Verifies a log, and compares it with checkpoints.
fn judge(
    log: &impl Log,
    session: &Session,
    demand: &Demand,
    cosigned: impl Fn() -> Result<Cosigned, CliError>,
) -> Result<Judged, CliError> {
    let mut bar = Bar::new(session.shows_progress(), "verifying");
    let mut verdict = match demand.trusted() {
        Some(since) => verify_since(log, since, &mut bar)?,
        None if demand.chain_only => verify_chain(log, &mut bar)?,
        None => verify(log, &mut bar)?,
    };
    if let Some(documents) = documents::of(session) {
        check_documents(&mut verdict, log, &documents)?;
    }
    let present = Checkpoint::new(
        verdict.origin.clone().unwrap_or_default(),
        verdict.head.count,
        verdict.root,
    );
    let not_anchored = match &present {
        Ok(present) => compare_with_all(&mut verdict, log, session, present, demand, cosigned)?,
        Err(error) => {
            verdict.not_checked.push(format!("any checkpoint: {error}"));
            let demanded = demand.policy.is_some() || !demand.anchors.is_empty();
            demanded.then(|| {
                let message = format!("not anchored: the ledger has no checkpoint: {error}");
                CliError::new(Exit::NotAnchored, message)
            })
        }
    };
    Ok(Judged {
        verdict,
        present: present.ok(),
        not_anchored,
    })
}

impl Judged {
    /// Prints the verdict, and gives the exit code. The hint is for one that is not sound.
    fn show(self, session: &Session, hint: &str) -> Result<Exit, CliError> {
        session.show(&verdict::document(&self.verdict))?;
        let outcome = self.verdict.outcome();
        if outcome != Outcome::Sound {
            session.hint(hint);
            return Ok(match outcome {
                Outcome::BadSignature => Exit::BadSignature,
                _ => Exit::Broken,
            });
        }
        if let Some(unmet) = self.not_anchored {
            return Err(unmet);
        }
        if let Some(present) = &self.present {
            session.remember(present);
        }
        Ok(Exit::Ok)
    }
}

/// The cosigned checkpoint beside a ledger.
fn of_ledger(session: &Session) -> Result<Cosigned, CliError> {
    let path = session.beside(COSIGNED)?;
    let name = path.display().to_string();
    Ok((name, files::if_there(&path)?))
}

/// Compares the documents beside the ledger with the digests that their sources give.
fn check_documents(
    verdict: &mut Verdict,
    log: &impl Log,
    documents: &Documents,
) -> Result<(), CliError> {
    if !documents.is_there() {
        return Ok(());
    }
    let unchecked = |why: String| format!("the documents beside the ledger: {why}");
    if !verdict.is_sound() {
        let why = unchecked("the records that name them are not sound".to_owned());
        verdict.not_checked.push(why);
        return Ok(());
    }
    let compared = match replay(log, KnownAt::Now) {
        Err(error) if error.is_unreachable() => return Err(error.into()),
        Err(error) => Err(error.to_string()),
        Ok(replayed) => {
            let compared = documents.compare(&replayed.state);
            compared.map_err(|error| error.to_string())
        }
    };
    let compared = match compared {
        Ok(compared) => compared,
        Err(why) => {
            verdict.not_checked.push(unchecked(why));
            return Ok(());
        }
    };
    verdict.checked.push(Check {
        what: "documents beside the ledger",
        count: compared.same,
    });
    for (seq, digest, why) in compared.different {
        verdict.findings.push(Finding {
            kind: FindingKind::Document,
            records: vec![seq.0],
            expected: format!("a document with the digest {digest}"),
            found: why.to_string(),
        });
    }
    if compared.absent > 0 {
        let absent = plural(verdict::to_usize(compared.absent), "document");
        let what = format!("{absent} with a registered digest: not beside the ledger");
        verdict.not_checked.push(what);
    }
    if !compared.unnamed.is_empty() {
        let unnamed = plural(compared.unnamed.len(), "document");
        let remark = format!(
            "{unnamed} beside the ledger that no source names: `servanda redact --finish` destroys such documents"
        );
        verdict.remarks.push(remark);
    }
    Ok(())
}

/// Compares the ledger with the checkpoint seen last, those given, and the cosigned one. Returns the error for a
/// policy that is not met.
fn compare_with_all(
    verdict: &mut Verdict,
    log: &impl Log,
    session: &Session,
    present: &Checkpoint,
    demand: &Demand,
    read_cosigned: impl Fn() -> Result<Cosigned, CliError>,
) -> Result<Option<CliError>, CliError> {
    let mut reach = compare_with_seen(verdict, log, session, present)?;
    let mut held = 0;
    let mut not_anchored = None;
    let mut given = |verdict: &mut Verdict, name: &str, anchor: &Anchor| {
        let key = demand.log_key.as_ref();
        if compare(verdict, log, present, name, anchor, key)? {
            held += 1;
            reach = reach.max(Some(anchor.checkpoint().size()));
        }
        Ok::<_, CliError>(())
    };
    for (name, anchor) in &demand.anchors {
        given(verdict, name, anchor)?;
    }
    if let Some(policy) = &demand.policy {
        match cosigned(read_cosigned(), policy) {
            Ok((anchor, remark)) => {
                verdict.remarks.extend(remark);
                given(verdict, "the cosigned checkpoint", &anchor)?;
            }
            Err(unmet) => not_anchored = Some(unmet),
        }
    }
    verdict.checked.push(Check {
        what: "checkpoints given",
        count: held,
    });
    if let Some(reach) = reach {
        note_reach(verdict, reach);
    }
    Ok(not_anchored)
}

/// Notes the records after the newest checkpoint, which were compared with none.
fn note_reach(verdict: &mut Verdict, reach: u64) {
    verdict
        .not_checked
        .retain(|what| !what.starts_with(CUT_OR_REWRITTEN));
    let last = verdict.head.count.checked_sub(1);
    if let Some(last) = last.filter(|last| *last >= reach) {
        let records = if last == reach {
            format!("record {last}")
        } else {
            format!("records {reach} to {last}")
        };
        let what = format!(
            "whether {records} were cut or rewritten: the newest checkpoint at hand ends before"
        );
        verdict.not_checked.insert(0, what);
    }
}

/// Compares the ledger with what this user saw of it. Returns the number of records that are the same.
fn compare_with_seen(
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
    let Some((seen, _)) = session.seen.recall(present.origin())? else {
        if session.seen.path(present.origin()).is_some() {
            verdict.not_checked.insert(0, NO_ANCHOR.to_owned());
        }
        return Ok(None);
    };
    let size = seen.size();
    let anchor = Anchor::Unsigned(seen);
    let is_same = compare(
        verdict,
        log,
        present,
        "the checkpoint seen last",
        &anchor,
        None,
    )?;
    if is_same {
        verdict.checked.push(Check {
            what: SEEN,
            count: 1,
        });
    }
    Ok(is_same.then_some(size))
}

const SEEN: &str = "the newest checkpoint that this user saw";

const NO_ANCHOR: &str =
    "any checkpoint that was kept elsewhere: this user saw none of this ledger before";

/// Compares the ledger with a checkpoint, which must be signed with the key if there is one. Returns whether the ledger
/// continues it.
fn compare(
    verdict: &mut Verdict,
    log: &impl Log,
    present: &Checkpoint,
    name: &str,
    anchor: &Anchor,
    log_key: Option<&VerifierKey>,
) -> Result<bool, CliError> {
    let kept = anchor.checkpoint();
    let records = vec![kept.size().saturating_sub(1)];
    if let Some(key) = log_key
        && let Err(bad) = anchor.check_signature(key)
    {
        verdict.findings.push(Finding {
            kind: FindingKind::Signature,
            records,
            expected: format!("{name} to be signed by {}", key.name()),
            found: bad.message,
        });
        return Ok(false);
    }
    let found = match anchor::compare(&Hashes::new(log, &verdict.tiles), present, kept) {
        Ok(Anchoring::Holds) => return Ok(true),
        Ok(Anchoring::Shorter) => {
            format!(
                "only {}",
                plural(verdict::to_usize(present.size()), "record")
            )
        }
        Ok(Anchoring::Rewritten { found }) => format!("the root {}", found.to_base64()),
        Ok(Anchoring::OtherOrigin) => format!("a ledger called {}", present.origin()),
        Err(error) if error.is_unreachable() => return Err(error.into()),
        Err(error) => {
            verdict.not_checked.push(format!("{name}: {error}"));
            return Ok(false);
        }
    };
    verdict.findings.push(Finding {
        kind: FindingKind::Anchor,
        records,
        expected: format!(
            "to continue {name}: {}, {} records, root {}",
            kept.origin(),
            kept.size(),
            kept.root().to_base64()
        ),
        found,
    });
    Ok(false)
}

/// Reads the checkpoint beside the ledger, which enough witnesses must have cosigned, and says how far and when they
/// did.
fn cosigned(
    read: Result<Cosigned, CliError>,
    policy: &Policy,
) -> Result<(Anchor, Option<String>), CliError> {
    let unmet = |why: String| {
        CliError::new(Exit::NotAnchored, format!("sound, but not anchored: {why}"))
            .hint("servanda witness ask --policy FILE --key FILE asks the witnesses")
    };
    // Anybody who can write to the ledger can replace this file, so a wrong one is a missing anchor and no finding.
    let (name, text) = read.map_err(|error| unmet(error.message))?;
    let Some(text) = text else {
        return Err(unmet("no witness was asked yet".into()));
    };
    let Some(anchor) = anchors::parse(&text) else {
        return Err(unmet(format!("{name} holds no checkpoint")));
    };
    match anchor {
        Anchor::Unsigned(_) => Err(unmet(format!("{name} is not signed"))),
        Anchor::Signed(signed) => match policy.check(&signed) {
            Ok(verified) => {
                let times = verified.cosignatures().iter().map(|one| one.timestamp);
                // An old cosignature is as valid as a new one, so the reader needs its size and time.
                let remark = times.max().map(|time| {
                    let micros = i64::try_from(time).unwrap_or(i64::MAX);
                    format!(
                        "the first {} are cosigned, {} times, the last time at {}",
                        plural(verdict::to_usize(signed.unverified().size()), "record"),
                        verified.cosignatures().len(),
                        Instant(micros.saturating_mul(1_000_000)),
                    )
                });
                Ok((Anchor::Signed(signed), remark))
            }
            Err(error @ PolicyUnmet::Quorum { .. }) => Err(unmet(error.to_string())),
            Err(error) => Err(CliError::new(
                Exit::BadSignature,
                format!("{name}: {error}"),
            )),
        },
    }
}

/// The file beside the log with the newest checkpoint that witnesses cosigned.
pub(super) const COSIGNED: &str = "cosigned";
