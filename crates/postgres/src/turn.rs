//! Turns: how an append whose events take long to check gets between those of others.
//!
//! An append belongs behind the head behind which its events were checked. Where others append without pause, it finds that
//! the head moved, however often it is tried. So its process asks for a turn, which is an advisory lock of the server. The
//! statement of every append tells whether somebody has that lock or waits for it, at no further cost, and the process that
//! is told so waits until the turn is over, before its next append.
//!
//! Whoever may connect can take the lock and keep it. So nobody waits for it for long, nor soon again after a wait in
//! vain, and no append fails or is refused for want of it: what decides between two appends is the table `heads` alone.

use std::time::{Duration, Instant};

use super::pool::Pool;
use super::session::Session;

/// The first of the two numbers of the lock, "serv" in ASCII, by which it differs from those of other programs.
pub(super) const CLASS: i32 = 0x7365_7276;

/// How long anybody waits for the lock.
const WAIT: Duration = Duration::from_secs(2);

/// How long nobody waits again after a wait in vain.
const REST: Duration = Duration::from_secs(10);

/// After how long the server takes a turn away from a process that has left it unused.
const UNUSED: Duration = Duration::from_secs(30);

/// A process and its turns in one ledger.
pub(super) struct Turns {
    /// The second number of the lock, which stands for the ledger.
    pub ledger: i32,
    /// The connection whose transaction has the lock. With the connection the turn ends too; who does not know it yet
    /// only waits for nobody.
    own: Option<Session>,
    /// Whether somebody else has asked for a turn, as the last append was told.
    is_asked: bool,
    /// Until when nobody waits.
    rests_until: Option<Instant>,
}

impl Turns {
    /// The turns in the ledger with this id. Two whose ids begin alike share them, which costs them time at most.
    pub fn of(id: &str) -> Self {
        let begin = id.get(..8).unwrap_or_default();
        Self {
            ledger: u32::from_str_radix(begin, 16).unwrap_or_default() as i32,
            own: None,
            is_asked: false,
            rests_until: None,
        }
    }

    /// Notes what an append was told: whether somebody has asked for a turn. It may have been this process.
    pub fn told(&mut self, is_asked: bool) {
        self.is_asked = is_asked && self.own.is_none();
    }

    /// Asks for a turn, and waits until the appends that are under way have ended. Without an answer it goes on without.
    pub fn ask(&mut self, pool: &Pool) {
        if let Some(session) = &mut self.own
            && session.batch("SELECT").is_ok()
        {
            return;
        }
        self.own = match self.rests() {
            true => None,
            false => self.locked(pool, "pg_advisory_xact_lock"),
        };
    }

    /// Ends the turn, if there is one.
    pub fn end(&mut self, pool: &Pool) {
        if let Some(session) = self.own.take() {
            roll_back(session, pool);
        }
    }

    /// Waits until the turn of somebody else is over, if there is one, and tells whether it waited.
    pub fn hold_back(&mut self, pool: &Pool) -> bool {
        if self.own.is_some() || !self.is_asked || self.rests() {
            return false;
        }
        self.is_asked = false;
        if let Some(session) = self.locked(pool, "pg_advisory_xact_lock_shared") {
            roll_back(session, pool);
        }
        true
    }

    fn rests(&self) -> bool {
        self.rests_until.is_some_and(|end| Instant::now() < end)
    }

    /// Begins a transaction that has the lock, by a function of the server; none where it waited in vain.
    fn locked(&mut self, pool: &Pool, function: &str) -> Option<Session> {
        let mut session = pool.take(Duration::ZERO).ok()?;
        let begin = format!(
            "BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL idle_in_transaction_session_timeout = {}; \
             SELECT {function}({CLASS}, {})",
            WAIT.as_millis(),
            UNUSED.as_millis(),
            self.ledger
        );
        if session.batch(&begin).is_ok() {
            return Some(session);
        }
        self.rests_until = Some(Instant::now() + REST);
        roll_back(session, pool);
        None
    }
}

/// Gives a connection back without its transaction, unless the connection has ended.
fn roll_back(mut session: Session, pool: &Pool) {
    if session.batch("ROLLBACK").is_ok() {
        pool.give(session);
    }
}
