//! Work that is done on other threads: ranges of records, and what is written while more is checked.

use std::sync::mpsc;
use std::thread;

use servanda_core::ranges::{Range, Workers};
use servanda_log::LogError;

/// Does something on a thread of its own, and something else here meanwhile. Gives what came of both, in this order. It
/// panics where either does.
///
/// # Errors
/// What the system says where it gives no thread; neither was done then.
pub(crate) fn side_by_side<T: Send, H>(
    there: impl FnOnce() -> T + Send,
    here: impl FnOnce() -> H,
) -> Result<(T, H), LogError> {
    thread::scope(|scope| {
        let running = thread::Builder::new().spawn_scoped(scope, there);
        let running = running.map_err(|source| LogError::Io {
            doing: "starting a thread".to_owned(),
            source,
        })?;
        let here = here();
        let there = running.join();
        let there = there.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((there, here))
    })
}

/// Ranges that a thread may have ready before they are asked for.
const AHEAD: usize = 2;

/// Threads that take turns: what is left of a range goes back to the thread that made it, for memory that another
/// thread gives back costs both of them their turns.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Threads;

impl Workers for Threads {
    fn in_order<P: Send>(
        &self,
        ranges: &[(u64, u64)],
        check: impl Fn(u64, u64) -> Option<Range<P>> + Sync,
        mut take: impl FnMut(&mut Range<P>) -> Option<()>,
    ) -> Option<()> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(ranges.len());
        let check = &check;
        thread::scope(|scope| {
            // The threads take turns, so it is known whose range comes next.
            let workers: Option<Vec<Worker<P>>> = (0..threads)
                .map(|first| {
                    let (hand_over, checked) = mpsc::sync_channel(AHEAD);
                    let (give_back, used) = mpsc::channel();
                    let thread = thread::Builder::new().spawn_scoped(scope, move || {
                        for (start, end) in ranges.iter().skip(first).step_by(threads) {
                            used.try_iter().for_each(drop);
                            let range = check(*start, *end);
                            // Nobody listens any more: another range did not hold.
                            if hand_over.send(range).is_err() {
                                break;
                            }
                        }
                    });
                    // Without a thread the ranges are left to the way that needs none.
                    thread.ok().map(|_| Worker { checked, give_back })
                })
                .collect();
            let workers = workers?;
            let mut next = workers.iter().cycle();
            ranges.iter().try_for_each(|_| {
                let worker = next.next()?;
                let mut range = worker.checked.recv().ok()??;
                take(&mut range)?;
                // A worker that is done takes nothing back any more.
                let _ = worker.give_back.send(range);
                Some(())
            })
        })
    }
}

/// A thread that checks ranges.
struct Worker<P> {
    checked: mpsc::Receiver<Option<Range<P>>>,
    give_back: mpsc::Sender<Range<P>>,
}
