//! What others do with the ledger beside the server.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::cli::error::CliError;
use crate::cli::session::Session;
use servanda_log::Watch;
#[cfg(unix)]
use servanda_log::served::{Host, Hosting, SOCKET};
use servanda_serve::Service;

/// How often to look what others appended, where nothing told of it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Lets other commands use a ledger whose directory this process has to itself, until what is returned is dropped. Where
/// others append by themselves, takes that in.
#[cfg(unix)]
pub(super) fn lend(
    service: &Arc<Service>,
    session: &Session,
    others: Option<Box<dyn Watch>>,
) -> Result<Option<Hosting>, CliError> {
    if let Some(others) = others {
        look_for_others(service, others)?;
    }
    let Some(dir) = session.location()?.directory() else {
        return Ok(None);
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
pub(super) fn lend(
    service: &Arc<Service>,
    _: &Session,
    others: Option<Box<dyn Watch>>,
) -> Result<(), CliError> {
    others.map_or(Ok(()), |others| look_for_others(service, others))
}

/// Takes in what others append, until the ledger is closed.
fn look_for_others(service: &Arc<Service>, mut others: Box<dyn Watch>) -> Result<(), CliError> {
    let service = Arc::clone(service);
    let look = move || while service.await_others(&mut *others, LOOK_EVERY).is_ok() {};
    let thread = thread::Builder::new().name("servanda-follower".into());
    let started = thread.spawn(look).map(drop);
    started.map_err(|error| CliError::refused(format!("cannot start a thread: {error}")))
}
