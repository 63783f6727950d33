//! The sessions of browsers. They are in memory: after a restart people enter their tokens again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use servanda_core::event::Event;

use super::secret::{digest, is_same, random};

/// How long a session lasts without a request.
const IDLE: Duration = Duration::from_secs(12 * 60 * 60);

/// Most sessions. The one that was not used for the longest goes first.
const MOST: usize = 10_000;

/// Forms that were saved, which are answered the same when they come again.
const SAVED: usize = 64;

/// Most events of a session that wait to be recorded together.
pub const HELD: usize = 100;

/// A session, by what the browser sends.
#[derive(Debug, Clone)]
pub struct Session {
    /// The name of whoever logged in.
    pub name: String,
    /// What is kept of the token by which they did.
    pub token_digest: String,
    /// What each form of the session carries.
    pub csrf: String,
}

#[derive(Debug)]
struct Kept {
    session: Session,
    used: Instant,
    /// The forms that were saved, each with where it led.
    saved: Vec<(String, String)>,
    /// Events that wait to be recorded together.
    held: Vec<Event>,
}

/// All sessions, by the digests of their ids.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<String, Kept>>);

impl Sessions {
    /// Begins a session, and returns its id.
    ///
    /// # Errors
    /// What the system says where it has no randomness.
    pub fn begin(&self, name: &str, token: &str) -> std::io::Result<String> {
        let id = random()?;
        self.keep(digest(&id), name, digest(token))?;
        Ok(id)
    }

    /// The session of somebody whom a proxy names each time: no browser has its id.
    ///
    /// # Errors
    /// As [`Sessions::begin`].
    pub fn of_proxy(&self, name: &str) -> std::io::Result<Session> {
        // No digest begins like this.
        let key = format!("proxy {name}");
        if let Some(kept) = self.lock().get_mut(&key) {
            kept.used = Instant::now();
            return Ok(kept.session.clone());
        }
        self.keep(key, name, String::new())
    }

    fn keep(&self, key: String, name: &str, token_digest: String) -> std::io::Result<Session> {
        let session = Session {
            name: name.to_owned(),
            token_digest,
            csrf: random()?,
        };
        let mut all = self.lock();
        let now = Instant::now();
        all.retain(|_, kept| now.duration_since(kept.used) < IDLE);
        if all.len() >= MOST {
            let oldest = all.iter().min_by_key(|(_, kept)| kept.used);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                all.remove(&oldest);
            }
        }
        let kept = Kept {
            session: session.clone(),
            used: now,
            saved: Vec::new(),
            held: Vec::new(),
        };
        all.insert(key, kept);
        Ok(session)
    }

    /// The session of this id.
    pub fn find(&self, id: &str) -> Option<Session> {
        let mut all = self.lock();
        let kept = all.get_mut(&digest(id))?;
        if kept.used.elapsed() >= IDLE {
            return None;
        }
        kept.used = Instant::now();
        Some(kept.session.clone())
    }

    /// Ends a session.
    pub fn end(&self, id: &str) {
        self.lock().remove(&digest(id));
    }

    /// Where a form led that was saved before.
    pub fn saved(&self, csrf: &str, form: &str) -> Option<String> {
        self.with(csrf, |kept| {
            let mut saved = kept.saved.iter();
            let found = saved.find(|(saved, _)| saved == form);
            found.map(|(_, led_to)| led_to.clone())
        })?
    }

    /// Notes where a form led.
    pub fn note_saved(&self, csrf: &str, form: &str, led_to: &str) {
        self.with(csrf, |kept| {
            if kept.saved.len() == SAVED {
                kept.saved.remove(0);
            }
            kept.saved.push((form.to_owned(), led_to.to_owned()));
        });
    }

    /// The events that wait to be recorded together.
    pub fn held(&self, csrf: &str) -> Vec<Event> {
        self.with(csrf, |kept| kept.held.clone())
            .unwrap_or_default()
    }

    /// Lets these events wait in place of those that did; false where they are too many.
    pub fn hold(&self, csrf: &str, events: Vec<Event>) -> bool {
        let is_few = events.len() <= HELD;
        is_few && self.with(csrf, |kept| kept.held = events).is_some()
    }

    fn with<T>(&self, csrf: &str, act: impl FnOnce(&mut Kept) -> T) -> Option<T> {
        let mut all = self.lock();
        let mut kept = all.values_mut();
        let found = kept.find(|kept| is_same(&kept.session.csrf, csrf));
        found.map(act)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
