//! `publish`: puts a ledger where anybody can read and verify it without a server.

use super::anchors::{self, Anchor};
use super::checkpoint::LogKey;
use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::files;
use super::progress::Bar;
use super::published;
use super::session::{OpenLedger, Session};
use super::verdict::to_usize;
use super::verify::COSIGNED;
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::words::plural;
use servanda_ledger::anchor::{self, Anchoring};
use servanda_log::Location;
use servanda_tiles::publish::{Done, Publication, publish};

pub(super) const COMMAND: Command = Command::of::<Publish>();

/// Publish the ledger in a directory or an object store, for anybody to read and verify
#[derive(clap::Parser)]
#[command(
    name = "publish",
    after_help = "What is published is C2SP tlog-tiles, with the records beside them (docs/publishing.md): files that \
any web server or object store offers. Publish again, and what is new is uploaded. The checkpoint comes last, so that an \
interruption leaves the older log whole. A place where another history is published is refused, with both checkpoints.

S3 takes its keys from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and another endpoint from AWS_ENDPOINT_URL. A redaction \
replaces the bundles that held its words; caches and copies that were made before may still hold them.

Examples:
  servanda publish /var/www/log --key log.key
  servanda publish s3://example-log/commission --key log.key
  servanda verify --from s3://example-log/commission --policy witnesses.policy"
)]
struct Publish {
    /// Where to: a directory, or s3://BUCKET/PREFIX
    #[arg(value_name = "TARGET", value_parser = published::location())]
    target: Location,
    /// Compare everything with what is there, and upload what is missing
    #[arg(long)]
    everything: bool,
    #[command(flatten)]
    log_key: LogKey,
}

impl Run for Publish {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let signer = self.log_key.signer()?;
        if self.target.scheme().starts_with("http") {
            let message = format!("{} takes no uploads", self.target);
            return Err(CliError::new(Exit::Usage, message).hint(
                "publish in a directory or in s3://BUCKET/PREFIX, and let a web server offer that",
            ));
        }
        let store = published::store(&self.target)?;
        let ledger = session.open()?;
        let pending = ledger.pending_redactions().len();
        if pending > 0 {
            let message = format!("{} still in the ledger", were_redacted(pending));
            return Err(CliError::refused(message)
                .hint(format!("first: {}", session.command("redact --finish"))));
        }
        let checkpoint = ledger.checkpoint()?;
        let cosigned = cosigned(session, &ledger, &checkpoint)?;
        let is_newest = |(anchor, _): &&(Anchor, String)| *anchor.checkpoint() == checkpoint;
        let note = match (cosigned.as_ref().filter(is_newest), &signer) {
            (Some((_, note)), _) => note.clone(),
            (None, Some(signer)) => signer.sign(checkpoint.clone())?.to_string(),
            (None, None) => {
                session
                    .hint("unsigned: with --key FILE the log signs it, and witnesses can cosign");
                checkpoint.to_string()
            }
        };
        let publication = Publication {
            hashes: ledger.hashes(),
            checkpoint: &checkpoint,
            note,
            cosigned: cosigned.map(|(_, note)| note),
            everything: self.everything,
        };
        if session.dry_run {
            let records = plural(to_usize(checkpoint.size()), "record");
            session.talk(&format!(
                "nothing was published: {records} would be, and this was a dry run"
            ));
            return Ok(Exit::Ok);
        }
        let mut bar = Bar::new(session.shows_progress(), "publishing");
        let name = self.target.to_string();
        let done = publish(&store, &name, &publication, &mut bar)?;
        report(session, &name, done);
        Ok(Exit::Ok)
    }
}

fn were_redacted(payloads: usize) -> String {
    match payloads {
        1 => "1 payload that was redacted is".to_owned(),
        more => format!("{more} payloads that were redacted are"),
    }
}

fn report(session: &Session, name: &str, done: Done) {
    let records = |count| plural(to_usize(count), "record");
    let new = done.size - done.before.unwrap_or(0);
    session.talk(&match new {
        0 => format!("{name} has all {}", records(done.size)),
        new => format!(
            "{} published at {name}, {new} of them new",
            records(done.size)
        ),
    });
    if done.erased > 0 {
        let payloads = plural(to_usize(done.erased), "payload");
        session.talk(&format!("{payloads} erased from what is published"));
        session.hint("copies that others made still hold those words, and so may caches, for 5 minutes where they obey");
    }
    session.hint(&format!("next: servanda verify --from {name}"));
}

/// The newest checkpoint that witnesses cosigned, if the ledger leads through it.
fn cosigned(
    session: &Session,
    ledger: &OpenLedger,
    present: &Checkpoint,
) -> Result<Option<(Anchor, String)>, CliError> {
    // Without a directory and a memory there is no place for the file.
    let Ok(path) = session.beside(COSIGNED) else {
        return Ok(None);
    };
    let Some(text) = files::if_there(&path)? else {
        return Ok(None);
    };
    let not_published = || {
        session.talk(&format!(
            "{} is not published: the ledger does not lead through it",
            path.display()
        ));
    };
    let (Some(anchor @ Anchor::Signed(_)), Ok(text)) =
        (anchors::parse(&text), String::from_utf8(text))
    else {
        not_published();
        return Ok(None);
    };
    match anchor::compare(&ledger.hashes(), present, anchor.checkpoint())? {
        Anchoring::Holds => Ok(Some((anchor, text))),
        _ => {
            not_published();
            Ok(None)
        }
    }
}
