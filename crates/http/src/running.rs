//! A server's process or thread: what runs it, and what stops it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

/// Ends when the server is to stop.
pub(crate) type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is done at SIGHUP.
pub type HungUp = Box<dyn FnMut() + Send>;

/// Runs a server in the calling thread until the process is interrupted or told to terminate. At most `threads` answer
/// beside it. Calls `ready` once it can be stopped that way.
///
/// # Errors
/// What the system says, and what the server ends with.
pub(crate) fn run_until_interrupted<F>(
    threads: usize,
    hung_up: Option<HungUp>,
    ready: impl FnOnce(),
    serve: impl FnOnce(Stop) -> F,
) -> io::Result<()>
where
    F: Future<Output = io::Result<()>>,
{
    let runtime = runtime(threads)?;
    let guard = runtime.enter();
    let stop = interrupted(hung_up)?;
    drop(guard);
    ready();
    runtime.block_on(serve(Box::pin(stop)))
}

/// Runs a server that listens on this address in a thread with a name, until the returned handle is dropped. At most
/// `threads` answer beside it.
///
/// # Errors
/// What the system says.
pub(crate) fn start<F>(
    threads: usize,
    name: &str,
    address: SocketAddr,
    serve: impl FnOnce(Stop) -> F + Send + 'static,
) -> io::Result<Running>
where
    F: Future<Output = io::Result<()>>,
{
    let runtime = runtime(threads)?;
    let (stop, stopped) = oneshot::channel();
    let stopped = async {
        // Dropped or sent, it is the end.
        let _: Result<(), _> = stopped.await;
    };
    let run = move || runtime.block_on(serve(Box::pin(stopped)));
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

fn runtime(threads: usize) -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .build()
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
