//! `clone`: a verified copy of a published ledger, and its following.

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::mirror::{Mirror, Trust};
use super::progress::Bar;
use super::published;
use super::session::Session;
use super::verdict::to_usize;
use servanda_core::words::plural;
use servanda_log::Location;

pub(super) const COMMAND: Command = Command::of::<Clone>();

/// Copy a published ledger into a directory, verified; and again, to take over what is new
#[derive(clap::Parser)]
#[command(
    name = "clone",
    after_help = "Every record is verified, and that all of them lead to the published checkpoint. Run again, it fetches \
and verifies what is new alone. A place that is damaged, was set back or shows another history is refused, with \
both checkpoints, and the copy stays as it is. Nothing can be recorded in a copy.

What a redaction erased at the source is erased here too, when it is taken over.

Examples:
  servanda clone https://log.example.org/commission commission-copy --policy witnesses.policy
  servanda clone s3://example-log/commission commission-copy
  servanda log --ledger commission-copy"
)]
struct Clone {
    /// Where it is published: a directory, s3://BUCKET/PREFIX, or an http or https URL
    #[arg(value_name = "URL", value_parser = published::location())]
    from: Location,
    /// The directory of the copy
    #[arg(value_name = "DIR")]
    dir: std::path::PathBuf,
    #[command(flatten)]
    trust: Trust,
}

impl Run for Clone {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let at = self.dir.display().to_string();
        let mirror = Mirror::new(self.from.clone(), self.dir, &self.trust)?;
        if session.dry_run {
            session.talk("nothing was copied: this was a dry run");
            return Ok(Exit::Ok);
        }
        let records = |count| plural(to_usize(count), "record");
        if !mirror.is_there() {
            let count = mirror.make(session)?;
            session.talk(&format!("{} copied and verified", records(count)));
            session.hint(&format!("next: servanda log --ledger {at}"));
            session.hint(&format!(
                "to take over what is new: servanda clone {} {at}",
                self.from
            ));
            return Ok(Exit::Ok);
        }
        mirror.check_is_copy()?;
        let mut ledger = mirror.open(session)?;
        let mut bar = Bar::new(session.shows_progress(), "verifying");
        let followed = mirror.follow(&mut ledger, &mut bar)?;
        mirror.remember(session, &ledger.checkpoint()?)?;
        let new = followed.count - followed.before;
        session.talk(&match new {
            0 => format!(
                "nothing is new: {} are there and here",
                records(followed.count)
            ),
            new => format!(
                "{} taken over and verified; {} in all",
                records(new),
                records(followed.count)
            ),
        });
        if !followed.erased.is_empty() {
            let payloads = plural(followed.erased.len(), "payload");
            session.talk(&format!(
                "{payloads} erased, because redacted at the source"
            ));
        }
        ledger.close_without_drop();
        Ok(Exit::Ok)
    }
}
