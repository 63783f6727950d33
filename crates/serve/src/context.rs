//! What all answers share: the ledger, who has access, how the server was started.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;

use servanda_core::chain::key::SigningKey;
use servanda_core::event::{Event, Fields, Kind};
use servanda_core::state::State;
use servanda_ledger::documents::Documents;

use servanda_http::Request;

use crate::access::{AccessFile, Role, Session, Sessions, Throttle, Who, digest, is_same};
use crate::metrics::Metrics;
use crate::news::News;
use crate::problem::Problem;
use crate::shared::Shared;

/// Where texts that people type are read.
pub trait Desk: Send + Sync {
    /// Today, where the server is.
    fn today(&self) -> NaiveDate;

    /// The event that the fields of a form make, with what was read as something else.
    ///
    /// # Errors
    /// All fields that are wrong.
    fn read(&self, state: &State, kind: Kind, typed: &Fields) -> Result<Typed, Vec<TypedWrong>>;
}

/// An event that somebody typed.
#[derive(Debug, Clone)]
pub struct Typed {
    /// The event.
    pub event: Event,
    /// What was read as something else, a line each: `on: next month is 2023-06`.
    pub said: Vec<String>,
}

/// A field that is wrong as it was typed.
#[derive(Debug, Clone)]
pub struct TypedWrong {
    /// Its name; empty where it is about none.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// The page that verifies raw records and bundles in a browser, and trusts no server.
#[derive(Debug, Clone, Copy)]
pub struct Verifier {
    /// The page. Its `http-equiv` policy is the policy that it is served with.
    pub page: &'static str,
    /// The script that it loads as `verify.js`.
    pub script: &'static str,
}

/// A proxy that knows people, and names them in a header of each request.
#[derive(Debug, Clone)]
pub struct Trusted {
    /// The header, in lower case.
    header: String,
    /// The addresses of the proxy.
    proxies: Vec<IpAddr>,
}

impl Trusted {
    /// A header, and the addresses that it is taken from; none where a client sends this header for other purposes, or
    /// it is no name of a header.
    pub fn new(header: &str, proxies: &[IpAddr]) -> Option<Self> {
        const OTHERS: &[&str] = &[
            "accept",
            "authorization",
            "content-length",
            "content-type",
            "cookie",
            "host",
            "if-match",
            "last-event-id",
            "origin",
            "sec-fetch-site",
            "transfer-encoding",
            "user-agent",
        ];
        let header = header.to_ascii_lowercase();
        let is_name = !header.is_empty()
            && header
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (is_name && !OTHERS.contains(&header.as_str())).then(|| Self {
            header,
            proxies: proxies.iter().map(IpAddr::to_canonical).collect(),
        })
    }

    /// Whom the proxy names; none where it names nobody.
    ///
    /// # Errors
    /// Where somebody else than the proxy sends the header, or it stands twice.
    pub fn named<'r>(&self, request: &'r Request) -> Result<Option<&'r str>, Problem> {
        let is_sent = request.headers.iter().any(|(name, _)| *name == self.header);
        if !is_sent {
            return Ok(None);
        }
        let refused = |why: &str| Problem::new(403, "forbidden", format!("{} {why}", self.header));
        if !self.proxies.contains(&request.peer) {
            return Err(refused("is taken from the proxy alone"));
        }
        let name = request.header(&self.header);
        name.map(|name| Some(name.trim()).filter(|name| !name.is_empty()))
            .ok_or_else(|| refused("stands twice, or is no text"))
    }
}

/// How a server is started.
pub struct Options {
    /// Whether nothing is recorded.
    pub read_only: bool,
    /// Whether anybody may read.
    pub public_read: bool,
    /// Whether only this machine can reach it, so that a request for another name comes from a page that tricked a
    /// browser.
    pub is_loopback: bool,
    /// Whether browsers speak TLS with it.
    pub is_tls: bool,
    /// The proxy that names who asks.
    pub trusted: Option<Trusted>,
    /// The names under which it is reached, beside addresses of this machine.
    pub hosts: Vec<String>,
    /// The key that signs checkpoints.
    pub log_key: Option<SigningKey>,
    /// The file with the newest checkpoint that witnesses cosigned, if the ledger has a place for it.
    pub cosigned: Option<PathBuf>,
    /// The token of whoever started it.
    pub start_token: Option<String>,
    /// Those who have tokens.
    pub access: AccessFile,
    /// The documents beside the ledger; none where it has no directory.
    pub documents: Option<Documents>,
    /// Where forms are read.
    pub desk: Box<dyn Desk>,
    /// The page that verifies a ledger in a browser.
    pub verifier: Verifier,
    /// Takes a line for each answer.
    pub log: Box<dyn Fn(&str) + Send + Sync>,
}

/// What all answers share.
pub struct Context {
    /// The ledger.
    pub shared: Shared,
    /// How the server was started.
    pub options: Options,
    /// The sessions of browsers.
    pub sessions: Sessions,
    /// Those who try tokens.
    pub throttle: Throttle,
    /// What is counted.
    pub metrics: Metrics,
    /// What followers are told.
    pub news: Arc<News>,
    /// The digest of the token of whoever started it.
    started: Option<String>,
    /// The same, until its link was opened.
    unopened: Mutex<Option<String>>,
}

/// The name of whoever started the server.
const STARTER: &str = "whoever-started-the-server";

impl Context {
    /// A server of a ledger.
    pub fn new(shared: Shared, options: Options) -> Self {
        let started = options.start_token.as_deref().map(digest);
        Self {
            shared,
            options,
            sessions: Sessions::default(),
            throttle: Throttle::default(),
            metrics: Metrics::default(),
            news: Arc::default(),
            unopened: Mutex::new(started.clone()),
            started,
        }
    }

    /// Who has a token.
    pub fn who(&self, token: &str) -> Option<Who> {
        self.starter(&digest(token))
            .or_else(|| self.options.access.who(token))
    }

    /// Who has a token that somebody sent. Those who send many wrong ones have to wait.
    ///
    /// # Errors
    /// A problem with the token, or that the address has to wait.
    pub fn who_has(&self, token: &str, peer: IpAddr) -> Result<Who, Problem> {
        if let Some(seconds) = self.throttle.wait(peer) {
            let message =
                format!("too many wrong tokens came from your address: wait {seconds} seconds");
            return Err(Problem {
                retry_after: Some(seconds),
                ..Problem::new(429, "too-many", message)
            });
        }
        self.who(token).ok_or_else(|| {
            self.throttle.note_wrong(peer);
            self.metrics.wrong_token();
            Problem::new(
                401,
                "unauthorized",
                "the token is not one that this ledger gave, or it was taken back",
            )
        })
    }

    /// Who began a session, if the token by which they did is still good.
    pub fn still(&self, name: &str, token_digest: &str) -> Option<Who> {
        self.starter(token_digest)
            .or_else(|| self.options.access.still(name, token_digest))
    }

    /// Somebody whom the proxy named, with a session for their forms.
    ///
    /// # Errors
    /// Where nobody has this name.
    pub fn named_by_proxy(&self, name: &str) -> Result<(Who, Session), Problem> {
        let who = self.options.access.named(name).ok_or_else(|| {
            let message = "nobody who has access has the name that the proxy gave";
            Problem::new(403, "forbidden", message)
        })?;
        let session = self.sessions.of_proxy(name);
        let session =
            session.map_err(|error| Problem::new(503, "unavailable", error.to_string()))?;
        Ok((who, session))
    }

    /// Whether a link that holds the start token is opened for the first time.
    pub fn opens(&self, token: &str) -> bool {
        let mut unopened = self.unopened.lock().unwrap_or_else(PoisonError::into_inner);
        let given = digest(token);
        unopened
            .take_if(|unopened| is_same(unopened, &given))
            .is_some()
    }

    fn starter(&self, token_digest: &str) -> Option<Who> {
        let started = self.started.as_deref()?;
        is_same(started, token_digest).then(|| Who {
            name: STARTER.to_owned(),
            role: Role::Admin,
            records_as: None,
        })
    }
}
