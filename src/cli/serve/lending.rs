//! What others do with the ledger beside the server.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::cli::error::CliError;
use crate::cli::session::Session;
#[cfg(unix)]
use servanda_log::served::{Host, Hosting, SOCKET};
use servanda_serve::Service;

/// How often to look what others appended to a ledger that is in no directory.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Lets other commands use a ledger whose directory this process has to itself, until what is returned is dropped. What
/// others appended to another ledger is looked for.
#[cfg(unix)]
pub(super) fn lend(service: &Arc<Service>, session: &Session) -> Result<Option<Hosting>, CliError> {
    let Some(dir) = session.location()?.directory() else {
        return look_for_others(service).map(|()| None);
    };
    match Hosting::begin(&dir, Arc::clone(service) as Arc<dyn Host>) {
        Ok(hosting) => Ok(Some(hosting)),
        Err(error) => {
            let socket = dir.join(SOCKET);
            session.hint(&format!(
                "other commands on this ledger wait until the server ends: {}: {error}",
                socket.display()
            ));
            Ok(None)
        }
    }
}

#[cfg(not(unix))]
pub(super) fn lend(service: &Arc<Service>, session: &Session) -> Result<(), CliError> {
    match session.location()?.directory() {
        Some(_) => Ok(()),
        None => look_for_others(service),
    }
}

/// Looks now and then what others appended, until the ledger is closed: only a ledger in a directory has one writer.
fn look_for_others(service: &Arc<Service>) -> Result<(), CliError> {
    let service = Arc::clone(service);
    let look = move || {
        while service.catch_up().is_ok() {
            thread::sleep(LOOK_EVERY);
        }
    };
    let thread = thread::Builder::new().name("servanda-follower".into());
    let started = thread.spawn(look).map(drop);
    started.map_err(|error| CliError::refused(format!("cannot start a thread: {error}")))
}
