//! A server's process or thread: what runs it, and what stops it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::priority::let_others_go_first;

/// Most threads that answer, and as many for requests that change something. More requests wait.
const THREADS: usize = 64;

/// Most threads for answers that take long.
const LONG_THREADS: usize = 16;

/// After so many steps of connections the thread looks for what came in, so that a thousand followers who are told of
/// something hold up nobody else.
const TURNS: u32 = 8;

/// Ends when the server is to stop.
pub(crate) type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is done at SIGHUP.
pub type HungUp = Box<dyn FnMut() + Send>;

/// Runs a server in the calling thread until the process is interrupted or told to terminate. Calls `ready` once it can
/// be stopped that way.
///
/// # Errors
/// What the system says, and what the server ends with.
pub(crate) fn run_until_interrupted<F>(
    hung_up: Option<HungUp>,
    ready: impl FnOnce(),
    serve: impl FnOnce(Stop, Pools) -> F,
) -> io::Result<()>
where
    F: Future<Output = io::Result<()>>,
{
    let threads = Threads::new()?;
    let guard = threads.runtime.enter();
    let stop = interrupted(hung_up)?;
    drop(guard);
    ready();
    threads.run(Box::pin(stop), serve)
}

/// Runs a server that listens on this address in a thread with a name, until the returned handle is dropped.
///
/// # Errors
/// What the system says.
pub(crate) fn start<F>(
    name: &str,
    address: SocketAddr,
    serve: impl FnOnce(Stop, Pools) -> F + Send + 'static,
) -> io::Result<Running>
where
    F: Future<Output = io::Result<()>>,
{
    let threads = Threads::new()?;
    let (stop, stopped) = oneshot::channel();
    let stopped = async {
        // Dropped or sent, it is the end.
        let _: Result<(), _> = stopped.await;
    };
    let run = move || threads.run(Box::pin(stopped), serve);
    let thread = thread::Builder::new().name(name.into()).spawn(run)?;
    Ok(Running {
        address,
        stop: Some(stop),
        thread: Some(thread),
    })
}

/// A server on a thread of its own. Dropping it stops it, and waits until it has.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ended, however it did.
            let _ = thread.join();
        }
    }
}

/// What a server runs on: one thread that moves the bytes of all connections, and those that answer.
struct Threads {
    // Dropped first, it hangs up on those for whom answers are still made.
    runtime: Runtime,
    /// These have threads for answers, and run nothing else.
    changing: Runtime,
    long: Runtime,
}

/// Where answers are made that do not share threads with the others.
pub(crate) struct Pools {
    /// Those to requests that change something: they wait for no page.
    pub(crate) changing: Handle,
    /// Those that take long.
    pub(crate) long: Handle,
}

impl Threads {
    fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(THREADS)
            .event_interval(TURNS)
            .global_queue_interval(TURNS)
            .build()?;
        let changing = Builder::new_current_thread()
            .max_blocking_threads(THREADS)
            .build()?;
        let long = Builder::new_current_thread()
            .max_blocking_threads(LONG_THREADS)
            .on_thread_start(let_others_go_first)
            .build()?;
        Ok(Self {
            runtime,
            changing,
            long,
        })
    }

    /// Runs a server.
    fn run<F>(self, stop: Stop, serve: impl FnOnce(Stop, Pools) -> F) -> io::Result<()>
    where
        F: Future<Output = io::Result<()>>,
    {
        let pools = Pools {
            changing: self.changing.handle().clone(),
            long: self.long.handle().clone(),
        };
        self.runtime.block_on(serve(stop, pools))
    }
}

/// Ends when the process is interrupted or told to terminate, from now on.
#[cfg(unix)]
fn interrupted(hung_up: Option<HungUp>) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = match hung_up {
        None => None,
        Some(act) => Some((signal(SignalKind::hangup())?, act)),
    };
    Ok(async move {
        loop {
            let next_hang_up = async {
                match &mut hang_up {
                    None => std::future::pending().await,
                    Some((signal, act)) => {
                        signal.recv().await;
                        act();
                    }
                }
            };
            tokio::select! {
                _ = interrupt.recv() => return,
                _ = terminate.recv() => return,
                () = next_hang_up => {}
            }
        }
    })
}

#[cfg(not(unix))]
fn interrupted(_: Option<HungUp>) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        // Where it cannot be had, the process ends at once instead.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
