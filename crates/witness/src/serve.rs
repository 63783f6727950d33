//! A [`Witness`] over HTTP: C2SP tlog-witness 1.0.0.
//!
//! ```text
//! POST /add-checkpoint              asks for a cosignature
//! GET  /<origin hash>/checkpoint    the checkpoint cosigned last, for monitors
//! GET  /                            a line with the witness's name and key
//! ```
//!
//! Plain HTTP/1.1: to offer it beyond this machine, put a proxy that speaks TLS before it. Anybody may ask; the cost of
//! a request is bounded in bytes, in time and in connections at once, also in those of one address. Behind a proxy all
//! clients have its address, so that the proxy has to bound what each of them takes up.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{HttpBody as _, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::{Answer, Witness};
use servanda_http::connections::{Limits, Listener};
use servanda_http::running::{self, Stop};

/// The default address of a witness: this machine only.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:8378";

/// Longest body of a request. A proof has less than 3 KiB; the rest is for the checkpoint's signatures.
pub const MAX_BODY: usize = 64 * 1024;

/// Most connections at once. More wait in the system's queue.
pub const MAX_CONNECTIONS: usize = 256;

/// Most connections at once from one address, or from the 64 bits of a network of IP version 6. More are refused.
pub const MAX_CONNECTIONS_OF_ONE: usize = 32;

/// How long the head of a request may take to arrive, in seconds.
pub const HEAD_SECONDS: u64 = 5;

/// How long its body may take then, in seconds.
pub const BODY_SECONDS: u64 = 10;

/// How long a connection may last, in seconds.
pub const CONNECTION_SECONDS: u64 = 60;

const LIMITS: Limits = Limits {
    head: Duration::from_secs(HEAD_SECONDS),
    idle: Duration::from_secs(HEAD_SECONDS),
    body: Duration::from_secs(BODY_SECONDS),
    connection: Duration::from_secs(CONNECTION_SECONDS),
    connections: MAX_CONNECTIONS,
    connections_of_one: MAX_CONNECTIONS_OF_ONE,
    trusts_loopback: false,
};

/// How long requests that are under way may take once the server is to stop.
const GRACE: Duration = Duration::from_secs(3);

/// Requests are answered one after another anyway; more threads would only wait.
const MAX_THREADS: usize = 4;

type Watch = Box<dyn Fn(&Answer) + Send + Sync>;

/// A witness bound to an address; it answers once it runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Shared,
}

struct Shared {
    witness: Witness,
    watch: Watch,
    limits: Limits,
}

impl Server {
    /// Listens on an address; with port 0 on one that is free.
    ///
    /// # Errors
    /// What the system says: the address may be in use.
    pub fn bind(witness: Witness, listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let watch: Watch = Box::new(|_| {});
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            shared: Shared {
                witness,
                watch,
                limits: LIMITS,
            },
        })
    }

    /// Calls this with every answer, for the operator of the witness: a log that forks shows it here.
    #[must_use]
    pub fn on_answer(mut self, watch: impl Fn(&Answer) + Send + Sync + 'static) -> Self {
        self.shared.watch = Box::new(watch);
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the process is interrupted or told to terminate, and finishes what is under way. Calls
    /// `ready` with the address once it can be stopped that way.
    ///
    /// # Errors
    /// What the system says.
    pub fn run_until_interrupted(self, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
        let address = self.address;
        running::run_until_interrupted(MAX_THREADS, || ready(address), |stop| self.answer(stop))
    }

    /// Answers on a thread of its own until the returned handle is dropped.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(self) -> io::Result<Running> {
        let address = self.address;
        running::start(MAX_THREADS, "witness", address, |stop| self.answer(stop)).map(Running)
    }

    async fn answer(self, stop: Stop) -> io::Result<()> {
        let limits = self.shared.limits;
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let listener = Listener::new(listener, limits);
        let router = Router::new()
            .route("/", get(name))
            .route("/add-checkpoint", post(add))
            .route("/{origin_hash}/checkpoint", get(latest))
            .with_state(Arc::new(self.shared));
        let (stopping, stopped) = oneshot::channel();
        let stop = async move {
            stop.await;
            // Nobody listens any more if all is over already.
            let _ = stopping.send(());
        };
        let serve = axum::serve(listener, router).with_graceful_shutdown(stop);
        let give_up = async {
            let _ = stopped.await;
            sleep(GRACE).await;
        };
        tokio::select! {
            result = serve.into_future() => result,
            () = give_up => Ok(()),
        }
    }
}

/// A server on a thread of its own. Dropping it stops it, and waits until it has.
#[derive(Debug)]
pub struct Running(running::Running);

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Its submission prefix: what [`ask`](super::ask::ask) wants.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }
}

// ---- Requests ----

async fn name(State(shared): State<Arc<Shared>>) -> String {
    let key = shared.witness.verifier();
    format!("servanda witness {} {key}\n", key.name())
}

async fn add(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if request.body().size_hint().lower() > MAX_BODY as u64 {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n");
    }
    let body = match timeout(shared.limits.body, to_bytes(request.into_body(), MAX_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            return plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is too long, or broke off\n",
            );
        }
        Err(_) => return plain(StatusCode::REQUEST_TIMEOUT, "the body took too long\n"),
    };
    let answer = blocking(move || {
        // A clock before 1970 is refused as one at 1970.
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = since.map_or(0, |since| since.as_secs());
        let answer = shared.witness.add_checkpoint(&body, now);
        (shared.watch)(&answer);
        answer
    });
    let Some(answer) = answer.await else {
        return failed();
    };
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [(CONTENT_TYPE, answer.content_type())];
    (status, headers, answer.body()).into_response()
}

async fn latest(State(shared): State<Arc<Shared>>, Path(hash): Path<String>) -> Response {
    let found = blocking(move || {
        let found = shared.witness.latest_by_hash(&hash);
        found.map_err(|error| (shared.watch)(&Answer::Failed(error)))
    });
    match found.await {
        Some(Ok(Some(checkpoint))) => plain(StatusCode::OK, checkpoint.to_string()),
        Some(Ok(None)) => plain(
            StatusCode::NOT_FOUND,
            "nothing was cosigned under that name\n",
        ),
        Some(Err(())) | None => failed(),
    }
}

/// Runs what waits for the disk where it keeps nobody else waiting. `None` if it panicked.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

fn plain(status: StatusCode, body: impl Into<String>) -> Response {
    (status, body.into()).into_response()
}

fn failed() -> Response {
    plain(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the witness cannot answer now\n",
    )
}

#[cfg(test)]
mod tests;
