//! The server: connections in, answers out.

use std::borrow::Cow;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{self, HttpBody as _};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request as Incoming, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::serve::IncomingStream;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::connections::{Limits, Listener};
use crate::message::{Head, Request};
use crate::reply::{Became, Body, Feed, Make, Next, Parts, Reply, Start};
use crate::running::{self, HungUp, Pools, Running, Stop};
use crate::tls::Tls;

/// How long requests that are under way may take once the server is to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How often a follower hears something, so that both sides notice when the other is gone.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// Parts of a stream that wait for a follower.
const FOLLOWER_PARTS: usize = 4;

/// Most followers for whom a part of their own is made at once, so that the others leave the threads to those who ask.
const FOLLOWERS_MADE_FOR: usize = 2;

/// An app bound to an address; it answers once it runs.
pub struct Server<A> {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<A>,
    limits: Limits,
    tls: Option<Arc<Tls>>,
}

struct Shared<A> {
    app: Arc<A>,
    limits: Limits,
    /// Becomes true when the server is to stop.
    stopping: watch::Receiver<bool>,
    pools: Pools,
    /// Where parts for single followers are made.
    making: Arc<Semaphore>,
}

impl<A: App> Server<A> {
    /// Listens on an address; with port 0 on one that is free.
    ///
    /// # Errors
    /// What the system says: the address may be in use.
    pub fn bind(app: Arc<A>, listen: SocketAddr, limits: Limits) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            app,
            limits,
            tls: None,
        })
    }

    /// Speaks TLS, with these certificates.
    #[must_use]
    pub fn with_tls(mut self, tls: Arc<Tls>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the process is interrupted or told to terminate, and finishes what is under way. Calls
    /// `ready` with the address once it can be stopped that way, and `hung_up` at each SIGHUP, which ends the process
    /// without it.
    ///
    /// # Errors
    /// What the system says.
    pub fn run_until_interrupted(
        self,
        hung_up: Option<HungUp>,
        ready: impl FnOnce(SocketAddr),
    ) -> io::Result<()> {
        let address = self.address;
        let ready = || ready(address);
        running::run_until_interrupted(hung_up, ready, |stop, pools| self.answer(stop, pools))
    }

    /// Answers on a thread of its own until the returned handle is dropped.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(self) -> io::Result<Running> {
        let address = self.address;
        running::start("http", address, |stop, pools| self.answer(stop, pools))
    }

    async fn answer(self, stop: Stop, pools: Pools) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let listener = Listener::new(listener, self.limits, self.tls);
        let (stopping, mut stopped) = watch::channel(false);
        let shared = Shared {
            app: self.app,
            limits: self.limits,
            stopping: stopped.clone(),
            pools,
            making: Arc::new(Semaphore::new(FOLLOWERS_MADE_FOR)),
        };
        let router = Router::new()
            .fallback(serve::<A>)
            .with_state(Arc::new(shared))
            .into_make_service_with_connect_info::<Peer>();
        let stop = async move {
            stop.await;
            stopping.send_replace(true);
        };
        let serve = axum::serve(listener, router).with_graceful_shutdown(stop);
        let give_up = async {
            // The sender goes with the server at the latest.
            let _ = stopped.wait_for(|stopping| *stopping).await;
            sleep(GRACE).await;
        };
        tokio::select! {
            result = serve.into_future() => result,
            () = give_up => Ok(()),
        }
    }
}

// ---- Requests ----

/// The address that a connection came from.
#[derive(Clone, Copy)]
struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self(*stream.remote_addr())
    }
}

async fn serve<A: App>(
    State(shared): State<Arc<Shared<A>>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    incoming: Incoming,
) -> Response {
    let (parts, body) = incoming.into_parts();
    let headers = parts.headers.iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let mut request = Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
        peer: peer.ip().to_canonical(),
    };
    match whole(&shared, &request, body).await {
        Ok(bytes) => request.body = bytes.into(),
        Err((status, why)) => {
            shared.app.refused(&request, status.as_u16());
            return (status, why).into_response();
        }
    }
    let pools = &shared.pools;
    let (mut reply, started) = Reply::new(pools.changing.clone());
    let threads = match request.method.as_str() {
        "GET" | "HEAD" if shared.app.is_long(&request) => Some(pools.long.clone()),
        "GET" | "HEAD" => Some(Handle::current()),
        _ if shared.app.is_brief(&request) => None,
        _ => Some(pools.changing.clone()),
    };
    let app = Arc::clone(&shared.app);
    // What it panics with, the client is told as a failure: the reply is dropped.
    let answer = move || app.answer(&request, &mut reply);
    match threads {
        Some(threads) => drop(threads.spawn_blocking(answer)),
        None => drop(catch_unwind(AssertUnwindSafe(answer))),
    }
    match started.await {
        Ok(Became::Started(start)) => response(start, &shared),
        Ok(Became::Make(make)) => made_now(make, &shared),
        Err(_) => failed(),
    }
}

/// An answer that is made in a moment.
fn made_now<A>(make: Make, shared: &Shared<A>) -> Response {
    let (mut reply, mut started) = Reply::new(shared.pools.changing.clone());
    // What it panics with, the client is told as a failure.
    drop(catch_unwind(AssertUnwindSafe(|| make(&mut reply))));
    match started.try_recv() {
        Ok(Became::Started(start)) => response(start, shared),
        _ => failed(),
    }
}

fn failed() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, "the server failed\n").into_response()
}

/// The body of a request, if it is short enough and comes in time.
async fn whole<A: App>(
    shared: &Shared<A>,
    request: &Request,
    body: body::Body,
) -> Result<Bytes, (StatusCode, &'static str)> {
    let limit = shared.app.body_limit(&request.method, &request.path);
    let too_long = (StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n");
    if body.size_hint().lower() > limit as u64 {
        return Err(too_long);
    }
    match timeout(shared.limits.body, body::to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_long),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the body took too long\n")),
    }
}

fn response<A>(start: Start, shared: &Shared<A>) -> Response {
    let body = match start.body {
        Body::Whole(bytes) => body::Body::from(bytes),
        Body::Parts(parts) => body::Body::new(Parts(parts)),
        Body::Feed(bell, feed) => {
            let (sender, parts) = mpsc::channel(FOLLOWER_PARTS);
            let (stopping, making) = (shared.stopping.clone(), Arc::clone(&shared.making));
            tokio::spawn(follow(sender, bell, feed, stopping, making));
            body::Body::new(Parts(parts))
        }
    };
    let mut response = Response::new(body);
    let Head { status, headers } = start.head;
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().reserve(headers.len());
    for (name, value) in headers.into_iter().filter(|(_, value)| value.is_ascii()) {
        let value = match value {
            Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
            Cow::Owned(text) => text.into(),
        };
        if let Ok(value) = HeaderValue::from_maybe_shared(value) {
            response
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Sends what a feed gives, until somebody has enough.
async fn follow(
    parts: mpsc::Sender<io::Result<Bytes>>,
    mut bell: watch::Receiver<u64>,
    mut feed: Box<dyn Feed>,
    mut stopping: watch::Receiver<bool>,
    making: Arc<Semaphore>,
) {
    loop {
        bell.borrow_and_update();
        let part = match feed.next() {
            Next::Nothing => None,
            Next::Part(part) => Some(Ok(part)),
            Next::Make => {
                let asked = made(feed, &making).await;
                let Some((again, part)) = asked else {
                    return;
                };
                feed = again;
                Some(part)
            }
        };
        if let Some(part) = part {
            let is_last = part.is_err();
            if parts.send(part).await.is_err() || is_last {
                return;
            }
            // There may be more than one part.
            continue;
        }
        let is_silent = tokio::select! {
            rung = bell.changed() => match rung {
                Ok(()) => false,
                Err(_) => return,
            },
            () = sleep(HEARTBEAT) => true,
            () = parts.closed() => return,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        let beat = Ok(Bytes::from_static(b":\n\n"));
        if is_silent && parts.send(beat).await.is_err() {
            return;
        }
    }
}

/// A part that is made for one follower; none where making it panicked.
async fn made(
    mut feed: Box<dyn Feed>,
    making: &Semaphore,
) -> Option<(Box<dyn Feed>, io::Result<Bytes>)> {
    // The semaphore is never closed.
    let _place = making.acquire().await.ok()?;
    let make = move || {
        let part = feed.make();
        (feed, part)
    };
    tokio::task::spawn_blocking(make).await.ok()
}
