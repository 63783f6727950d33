//! The connections of one log: made when they are needed, kept for the next use, and replaced when they end.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::address::Address;
use super::failure::{ends_session, io_error, log_error, text, unreachable};
use super::session::{ServerProcess, Session};
use servanda_log::LogError;

/// How long a server that does not answer is asked again: long enough for a standby to take over.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The pause after the first failed attempt; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Connections to one server.
pub(super) struct Pool {
    pub address: Address,
    /// Names this process to the server.
    pub who: String,
    idle: Mutex<Vec<Session>>,
    /// The server processes that may still be committing what they were told.
    doubtful: Mutex<Vec<ServerProcess>>,
    /// Since when no server answers, as far as it was asked.
    silent_since: Mutex<Option<Instant>>,
}

impl Pool {
    pub fn new(address: Address, who: &str) -> Self {
        Self {
            address,
            who: who.to_owned(),
            idle: Mutex::default(),
            doubtful: Mutex::default(),
            silent_since: Mutex::default(),
        }
    }

    /// Takes an idle connection or makes one, asking again for as long as `patience`, and no longer than [`PATIENCE`] since
    /// a server answered last: after that each call asks once. What is done with it comes after
    /// everything that an earlier connection may have left under way.
    ///
    /// # Errors
    /// No server answers, or the one that answers refuses.
    pub fn take(&self, patience: Duration) -> Result<Session, LogError> {
        let idle = locked(&self.idle).pop();
        if let Some(session) = idle.filter(|session| !session.is_closed())
            && locked(&self.doubtful).is_empty()
        {
            return Ok(session);
        }
        let end = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let connected = Session::connect(&self.address, &self.who)
                .and_then(|mut session| self.end_doubt(&mut session).map(|()| session));
            let error = match connected {
                Ok(session) => {
                    *locked(&self.silent_since) = None;
                    return Ok(session);
                }
                Err(error) => error,
            };
            let doing = || format!("connecting to {}", self.address.name);
            if !may_pass(&error) {
                return Err(io_error(doing(), text(&error)));
            }
            let now = Instant::now();
            let since = *locked(&self.silent_since).get_or_insert(now);
            if now + pause > end.min(since + PATIENCE) {
                return Err(unreachable(doing(), &error));
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Gives a connection back.
    pub fn give(&self, session: Session) {
        locked(&self.idle).push(session);
    }

    /// Notes that a connection ended before its answer came: the process at its other end may still be at work.
    pub fn doubt(&self, session: Session) {
        locked(&self.doubtful).push(session.process.clone());
        locked(&self.idle).clear();
    }

    /// Reads something. Where the connection ends, another is asked, because reading twice does no harm.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn read<T>(
        &self,
        doing: &str,
        ask: impl FnMut(&mut Session) -> Result<T, postgres::Error>,
    ) -> Result<T, LogError> {
        self.read_within(PATIENCE, doing, ask)
    }

    /// As [`Pool::read`], asking again for as long as `patience`.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn read_within<T>(
        &self,
        patience: Duration,
        doing: &str,
        mut ask: impl FnMut(&mut Session) -> Result<T, postgres::Error>,
    ) -> Result<T, LogError> {
        let end = Instant::now() + patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let mut session = self.take(left)?;
            match ask(&mut session) {
                Ok(answer) => {
                    self.give(session);
                    return Ok(answer);
                }
                Err(error) if ends_session(&error) && Instant::now() < end => drop(session),
                Err(error) => {
                    let doing = format!("{doing} at {}", self.address.name);
                    return Err(log_error(doing, &error));
                }
            }
        }
    }

    /// Ends the server processes that may still be committing, and waits until they are gone. On another server than
    /// theirs there are none of them.
    fn end_doubt(&self, session: &mut Session) -> Result<(), postgres::Error> {
        const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE pid = $1 AND backend_start::text IS NOT DISTINCT FROM $2";
        loop {
            let Some(process) = locked(&self.doubtful).last().cloned() else {
                return Ok(());
            };
            while !session
                .query(END, &[&process.pid, &process.started])?
                .is_empty()
            {
                thread::sleep(FIRST_PAUSE);
            }
            locked(&self.doubtful).retain(|doubtful| *doubtful != process);
        }
    }
}

/// Whether what kept a connection from being made may pass: no answer, a server that starts or stops, or none that takes
/// records. A wrong password or an unknown database does not.
fn may_pass(error: &postgres::Error) -> bool {
    match error.code() {
        None => !super::tls::is_refusal(error) && !super::failure::is_of_client(error),
        // Connection exceptions, operator intervention (starting up, shutting down), too many connections.
        Some(code) => ["08", "57"].contains(&&code.code()[..2]) || code.code() == "53300",
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
