//! A line of the server's log for each answer.

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use servanda_http::Request;

use crate::context::Context;

/// The most characters of a path.
const PATH: usize = 200;

/// What the log says of a request, once it is answered.
pub struct LogEntry {
    begun: Instant,
    method: String,
    path: String,
    peer: IpAddr,
    /// The name of whoever asks; none where nobody is known.
    pub who: Option<String>,
}

/// A line of the log.
#[derive(Serialize)]
struct Line<'a> {
    at: String,
    method: &'a str,
    path: &'a str,
    status: u16,
    ms: u64,
    peer: IpAddr,
    who: Option<&'a str>,
}

impl LogEntry {
    /// What it says of a request that comes now.
    pub fn of(request: &Request) -> Self {
        Self {
            begun: Instant::now(),
            method: request.method.clone(),
            // No query and no header: a query may hold what somebody looks for, or a token.
            path: request.path.chars().take(PATH).collect(),
            peer: request.peer,
            who: None,
        }
    }

    /// Writes the line, and counts the answer.
    pub fn answered(self, context: &Context, status: u16) {
        let took = self.begun.elapsed();
        self.written(context, status, took);
    }

    /// As [`LogEntry::answered`], of a request that nothing was done for.
    pub fn refused(self, context: &Context, status: u16) {
        self.written(context, status, Duration::ZERO);
    }

    fn written(self, context: &Context, status: u16, took: Duration) {
        context.metrics.answered(status, took);
        let now = servanda_log::clock::utc(SystemTime::now());
        let line = Line {
            at: now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            method: &self.method,
            path: &self.path,
            status,
            ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            peer: self.peer,
            who: self.who.as_deref(),
        };
        // Texts and numbers alone: it can be written.
        let line = serde_json::to_string(&line).unwrap_or_default();
        (context.options.log)(&line);
    }
}
