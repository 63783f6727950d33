//! How processes that have the same ledger open hear of each other's appends: by LISTEN and NOTIFY.
//!
//! An append itself notifies nobody, because the server lets only one transaction that does so commit at a time, on all of
//! its databases, and an append may wait for standbys. A thread does it a moment later, once for all of that moment.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::address::Address;
use super::failure::log_error;
use super::pool::Pool;
use super::session::Session;
use servanda_log::{LogError, Watch};

/// How long a thread waits for more appends before it tells others.
const MOMENT: Duration = Duration::from_millis(10);

/// What is told need not survive, so its commit waits for no disk and no standby.
const NOTIFY: &str = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, '')";

/// The channel of a ledger with this id.
pub(super) fn channel(id: &str) -> String {
    format!("servanda_{}", id.replace('-', "_"))
}

/// Tells others that there are new records.
pub(super) struct Bell {
    channel: String,
    ringer: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Bell {
    /// A bell that nobody has rung yet.
    pub fn new(channel: String) -> Self {
        Self {
            channel,
            ringer: None,
        }
    }

    /// Tells others soon, and at the latest when this is dropped. Where it fails they look by themselves after a while.
    pub fn ring(&mut self, pool: &Arc<Pool>) {
        if self.ringer.is_none() {
            let (rings, heard) = sync_channel(1);
            let (pool, channel) = (Arc::clone(pool), self.channel.clone());
            let thread = thread::Builder::new().name("servanda-notifier".to_owned());
            let started = thread.spawn(move || tell(&pool, &channel, &heard));
            self.ringer = started.ok().map(|thread| (rings, thread));
        }
        if let Some((rings, _)) = &self.ringer {
            // One that waits already stands for this one too.
            let _ = rings.try_send(());
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some((rings, thread)) = self.ringer.take() {
            drop(rings);
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn tell(pool: &Pool, channel: &str, heard: &Receiver<()>) {
    while heard.recv().is_ok() {
        // Those who ring meanwhile wake nobody.
        thread::park_timeout(MOMENT);
        let more = heard.try_recv();
        if let Ok(mut session) = pool.take(Duration::ZERO)
            && session.execute(NOTIFY, &[&channel]).is_ok()
        {
            pool.give(session);
        }
        if more == Err(TryRecvError::Disconnected) {
            return;
        }
    }
}

/// Hears what others tell.
pub(super) struct Listener {
    address: Address,
    who: String,
    channel: String,
    session: Option<Session>,
}

impl Listener {
    /// Listens to a channel, once it is waited for.
    pub fn new(pool: &Pool, channel: String) -> Self {
        Self {
            address: pool.address.clone(),
            who: pool.who.clone(),
            channel,
            session: None,
        }
    }

    fn listen(&self) -> Result<Session, postgres::Error> {
        let mut session = Session::connect(&self.address, &self.who)?;
        session.batch(&format!("LISTEN {}", self.channel))?;
        Ok(session)
    }
}

impl Watch for Listener {
    fn wait(&mut self, at_most: Duration) -> Result<(), LogError> {
        let doing = || format!("listening to {}", self.address.name);
        let Some(session) = &mut self.session else {
            // What was told before nobody heard, so this does not wait.
            let listening = self.listen().map_err(|error| {
                thread::sleep(at_most);
                log_error(doing(), &error)
            })?;
            self.session = Some(listening);
            return Ok(());
        };
        match session.hear(at_most) {
            true => Ok(()),
            false => {
                self.session = None;
                Err(LogError::Unreachable {
                    doing: doing(),
                    why: "the connection ended".to_owned(),
                })
            }
        }
    }
}
