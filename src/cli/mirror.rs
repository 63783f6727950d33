//! A copy of a published ledger in a directory of this machine: made once, and followed.

use std::fs;
use std::path::{Path, PathBuf};

use super::anchors::{self, Anchor};
use super::error::{CliError, Exit};
use super::files;
use super::following;
use super::init;
use super::keys::read_verifier_key;
use super::progress::{Bar, Waiting};
use super::published;
use super::session::{OpenLedger, Session};
use super::verify::{COSIGNED, read_policy};
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::key::VerifierKey;
use servanda_core::chain::policy::{Policy, PolicyUnmet};
use servanda_core::chain::record::Head;
use servanda_core::verify::Progress;
#[cfg(feature = "serve")]
use servanda_core::verify::Unwatched;
use servanda_ledger::anchor::Hashes;
use servanda_ledger::follow::{FollowError, Followed};
use servanda_ledger::recover::copy_beginning;
use servanda_ledger::verify::verify;
use servanda_ledger::{Ledger, Machine};
use servanda_log::{Location, Log};
use servanda_tiles::Published;

/// The file in the copy's directory with the policy that it demands.
const POLICY: &str = "policy";

/// The file beside every ledger with its newest checkpoint.
const CHECKPOINT: &str = "checkpoint";

/// Whose signatures a copy demands.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Trust {
    /// A policy of witnesses: only what a quorum of them cosigned is taken over. It is kept with the copy
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The log's public key, or its file: the checkpoint must be signed with it
    #[arg(long, value_name = "VKEY")]
    log_key: Option<String>,
}

impl Trust {
    /// Whether anything is demanded.
    #[cfg(feature = "serve")]
    pub fn is_given(&self) -> bool {
        self.policy.is_some() || self.log_key.is_some()
    }
}

/// What is published, and the checkpoint up to which it is taken over.
pub(super) type News = (Published, Checkpoint);

/// A copy, and what it follows.
pub(super) struct Mirror {
    from: Location,
    dir: PathBuf,
    policy: Option<Policy>,
    log_key: Option<VerifierKey>,
}

impl Mirror {
    /// A copy in a directory, which may not exist yet, of what is published at a place.
    pub fn new(from: Location, dir: PathBuf, trust: &Trust) -> Result<Self, CliError> {
        let kept = dir.join(POLICY);
        let policy = match &trust.policy {
            Some(path) => Some(read_policy(path)?),
            None if kept.exists() => Some(read_policy(&kept)?),
            None => None,
        };
        let log_key = trust
            .log_key
            .as_deref()
            .map(read_verifier_key)
            .transpose()?;
        Ok(Self {
            from,
            dir,
            policy,
            log_key,
        })
    }

    /// Whether there is a copy already.
    pub fn is_there(&self) -> bool {
        self.dir.join("servanda").exists()
    }

    /// Refuses a directory with a ledger of its own.
    pub fn check_is_copy(&self) -> Result<(), CliError> {
        match following::followed(&self.dir)? {
            Some(_) => Ok(()),
            None => {
                let message = format!("{} is a ledger of its own, and no copy", self.dir.display());
                Err(CliError::refused(message).hint("choose another directory"))
            }
        }
    }

    /// The checkpoint that is published, and the one up to which records are taken over: with a policy, the newest that
    /// its quorum cosigned.
    fn look(&self) -> Result<News, CliError> {
        let published = published::open(&self.from)?;
        let upto = self.upto(&published)?;
        Ok((published, upto))
    }

    fn upto(&self, published: &Published) -> Result<Checkpoint, CliError> {
        if let Some(key) = &self.log_key {
            let anchor = anchors::parse(published.note());
            let anchor = anchor.unwrap_or_else(|| Anchor::Unsigned(published.checkpoint().clone()));
            anchor.check_signature(key)?;
        }
        let Some(policy) = &self.policy else {
            return Ok(published.checkpoint().clone());
        };
        let unmet = |why: String| {
            CliError::new(
                Exit::NotAnchored,
                format!("{}: not anchored: {why}", self.from),
            )
        };
        let newest = [Some(published.note().to_vec()), published.cosigned()?];
        let mut why = "no checkpoint there is signed".to_owned();
        for note in newest.into_iter().flatten() {
            let Some(Anchor::Signed(signed)) = anchors::parse(&note) else {
                continue;
            };
            match policy.check(&signed) {
                Ok(_) if signed.unverified().size() > published.checkpoint().size() => {
                    why = "the cosigned checkpoint has more records than are published".to_owned();
                }
                Ok(_) => return Ok(signed.unverified().clone()),
                Err(error @ PolicyUnmet::Quorum { .. }) => why = error.to_string(),
                Err(error) => {
                    return Err(CliError::new(
                        Exit::BadSignature,
                        format!("{}: {error}", self.from),
                    ));
                }
            }
        }
        Err(unmet(why))
    }

    /// Makes the copy. Where what is published does not verify, nothing is left of it.
    pub fn make(&self, session: &Session) -> Result<u64, CliError> {
        if fs::read_dir(&self.dir).is_ok_and(|mut dir| dir.next().is_some()) {
            let message = format!("{} is not empty, and holds no ledger", self.dir.display());
            return Err(CliError::refused(message).hint("choose another directory"));
        }
        let (published, upto) = self.look()?;
        let name = self.dir.file_name().unwrap_or_default().to_string_lossy();
        let draft = self.dir.with_file_name(format!(".{name}.cloning"));
        // A process that was killed may have left it.
        let made = remove(&draft).and_then(|()| self.make_in(&draft, &published, &upto, session));
        if let Err(error) = made {
            remove(&draft)?;
            return Err(error);
        }
        fs::rename(&draft, &self.dir).map_err(|error| CliError::file("make", &self.dir, &error))?;
        self.remember(session, &upto)?;
        Ok(upto.size())
    }

    fn location(&self) -> Location {
        self.dir.as_path().into()
    }

    fn make_in(
        &self,
        draft: &Path,
        published: &Published,
        upto: &Checkpoint,
        session: &Session,
    ) -> Result<(), CliError> {
        let location = Location::from(draft);
        let backend = session.registry.of(&location)?;
        let mut log = backend
            .create(&location, "servanda clone")
            .map_err(init::cannot_create)?;
        let source = published.log()?;
        let waiting = Waiting::new(session.shows_progress(), "copying");
        let head = head_at(&source, upto.size())?;
        let copied = copy_beginning(&source, head, &mut log);
        drop(waiting);
        if let Some(failure) = source.failure() {
            return Err(failure.into());
        }
        let damaged = |what: String| {
            let message = format!("{}: {what}", self.from);
            CliError::new(Exit::Broken, message).hint(format!(
                "`servanda verify --from {}` names what is wrong",
                self.from
            ))
        };
        copied.map_err(|error| damaged(error.to_string()))?;
        let mut bar = Bar::new(session.shows_progress(), "verifying");
        let verdict = verify(&log, &mut bar)?;
        if !verdict.is_sound() {
            let error = CliError::new(
                Exit::Broken,
                format!("{}: what is published does not verify", self.from),
            );
            return Err(published::unsound(error, &verdict));
        }
        let origin = verdict.origin.clone().unwrap_or_default();
        let found = Checkpoint::new(origin, verdict.head.count, verdict.root);
        let found = found.map_err(|error| damaged(error.to_string()))?;
        if (found.origin(), found.size(), found.root()) != (upto.origin(), upto.size(), upto.root())
        {
            let error = FollowError::OtherRoot {
                found: Box::new(found.clone()),
                theirs: Box::new(upto.clone()),
            };
            return Err(published::not_followed(
                &self.from.to_string(),
                &found,
                error,
            ));
        }
        self.compare_with_seen(session, &Hashes::new(&log, &verdict.tiles), &found)?;
        self.keep(draft, published, &found)
    }

    /// Compares a copy with what this user saw of the ledger. A copy may be behind that.
    fn compare_with_seen(
        &self,
        session: &Session,
        hashes: &Hashes<'_, impl Log>,
        present: &Checkpoint,
    ) -> Result<(), CliError> {
        let seen = session.seen.of(&self.location());
        match seen.recall(present.origin())? {
            Some((saw, _)) if saw.size() > present.size() => Ok(()),
            _ => seen.check(hashes, present),
        }
    }

    /// Remembers a checkpoint, if this user saw no later one.
    pub fn remember(&self, session: &Session, present: &Checkpoint) -> Result<(), CliError> {
        let seen = session.seen.recall(present.origin())?;
        if seen.is_none_or(|(seen, _)| seen.size() <= present.size()) {
            session.with_ledger(&self.location()).remember(present);
        }
        Ok(())
    }

    /// Writes what stands beside the records: what is followed, the policy, the checkpoints.
    fn keep(&self, dir: &Path, published: &Published, own: &Checkpoint) -> Result<(), CliError> {
        following::note(dir, &self.from)?;
        if let Some(policy) = &self.policy {
            files::keep(&dir.join(POLICY), policy.to_string())?;
        }
        files::keep(&dir.join(CHECKPOINT), own.to_string())?;
        if let Some(cosigned) = published.cosigned()?
            && let Some(Anchor::Signed(signed)) = anchors::parse(&cosigned)
            && signed.unverified().size() <= own.size()
        {
            files::keep(&dir.join(COSIGNED), cosigned)?;
        }
        Ok(())
    }

    /// Opens the copy, to be followed.
    pub fn open(&self, session: &Session) -> Result<OpenLedger, CliError> {
        // Never through a process that serves it.
        let log = servanda_log::directory::open(&self.dir, session.wait, "servanda clone")?;
        let log: Box<dyn Log> = Box::new(log);
        let waiting = Waiting::new(session.shows_progress(), "reading the history");
        let ledger = Ledger::open(log, Machine)?;
        drop(waiting);
        self.compare_with_seen(session, &ledger.hashes(), &ledger.checkpoint()?)?;
        Ok(ledger)
    }

    /// Takes over what is published more, once it is verified; the copy is not changed otherwise.
    pub fn follow(
        &self,
        ledger: &mut OpenLedger,
        progress: &mut dyn Progress,
    ) -> Result<Followed, CliError> {
        self.take_over(ledger, &self.look()?, progress)
    }

    fn take_over(
        &self,
        ledger: &mut OpenLedger,
        (published, upto): &News,
        progress: &mut dyn Progress,
    ) -> Result<Followed, CliError> {
        let own = ledger.checkpoint()?;
        let name = self.from.to_string();
        // A quorum may have cosigned less than was taken over before, without a policy.
        let shown = published.checkpoint();
        let upto = match upto.size() < own.size() && shown.size() == own.size() {
            true => shown,
            false => upto,
        };
        let log = published.log()?;
        let followed = ledger.follow_copy(&log, upto, progress);
        if let Some(failure) = log.failure() {
            return Err(failure.into());
        }
        let followed = followed.map_err(|error| published::not_followed(&name, &own, error))?;
        let own = ledger.checkpoint()?;
        self.keep(&self.dir, published, &own)?;
        Ok(followed)
    }
}

#[cfg(feature = "serve")]
impl Mirror {
    /// Opens the copy, or makes it. One that is there is shown also while the place cannot be reached.
    pub fn open_or_make(&self, session: &Session) -> Result<OpenLedger, CliError> {
        if !self.is_there() {
            self.make(session)?;
            return self.open(session);
        }
        self.check_is_copy()?;
        let mut ledger = self.open(session)?;
        match self.follow(&mut ledger, &mut Unwatched) {
            Err(error) if matches!(error.exit, Exit::Refused | Exit::Unreachable) => {
                session.talk(&error.message)
            }
            followed => drop(followed?),
        }
        Ok(ledger)
    }

    /// What is published now; none if it is what it was the last time.
    pub fn news(&self, last: &mut Option<(Vec<u8>, Checkpoint)>) -> Result<Option<News>, CliError> {
        let (published, upto) = self.look()?;
        let seen = Some((published.note().to_vec(), upto.clone()));
        let is_new = *last != seen;
        *last = seen;
        Ok(is_new.then_some((published, upto)))
    }

    /// As [`Mirror::follow`], of what was looked at before.
    pub fn take(&self, ledger: &mut OpenLedger, news: &News) -> Result<Followed, CliError> {
        self.take_over(ledger, news, &mut Unwatched)
    }
}

/// The head after so many records of a log, which may have more.
fn head_at(log: &impl Log, count: u64) -> Result<Head, CliError> {
    let head = log.head()?;
    let Some(last) = count.checked_sub(1).filter(|_| count != head.count) else {
        return Ok(head);
    };
    let read = log.read(last, 1)?;
    let header = read.first().and_then(|stored| stored.sealed.header());
    let header =
        header.ok_or_else(|| CliError::new(Exit::Broken, format!("record {last} is no record")))?;
    Ok(Head::after(&header))
}

fn remove(dir: &Path) -> Result<(), CliError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CliError::file("remove", dir, &error))
        }
        _ => Ok(()),
    }
}
