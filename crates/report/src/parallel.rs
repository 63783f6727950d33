//! Work on many items, shared among the processors. Results come in the order of the items.

use std::num::NonZero;
use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::vec;

use servanda_core::view::View;
use servanda_core::view::sentences::{Names, Sentences};

/// Fewer items than this are not worth a thread.
const FEW: usize = 256;

/// The most items that are worked on ahead of what was asked for.
const AHEAD: usize = 2_048;

/// A view, with sentences about its records.
pub(crate) struct Scope<'a> {
    /// The view.
    pub view: View<'a>,
    /// Sentences about its records.
    pub sentences: Sentences<'a>,
}

impl<'a> Scope<'a> {
    /// A view, with sentences that use names which were looked up before.
    pub fn new(view: &View<'a>, names: &Names) -> Self {
        Self {
            view: *view,
            sentences: Sentences::with(view.state, names.clone()),
        }
    }
}

/// What `each` makes of every number below `count`, in order. A bounded part is made at a time, by all processors. The
/// records that are read for a part are let go of with it.
pub(crate) fn ordered<'r, R, F>(
    view: &View<'r>,
    count: usize,
    each: F,
) -> impl Iterator<Item = R> + use<'r, R, F>
where
    R: Send,
    F: for<'a> Fn(&Scope<'a>, usize) -> R + Sync,
{
    made_in_parts(view, count, true, each)
}

/// As [`ordered`], of items each of which reads few records. Those of few items are kept for whoever asks the same view
/// again.
pub(crate) fn ordered_lightly<'r, R, F>(
    view: &View<'r>,
    count: usize,
    each: F,
) -> impl Iterator<Item = R> + use<'r, R, F>
where
    R: Send,
    F: for<'a> Fn(&Scope<'a>, usize) -> R + Sync,
{
    made_in_parts(view, count, count > AHEAD, each)
}

fn made_in_parts<'r, R, F>(
    view: &View<'r>,
    count: usize,
    lets_go: bool,
    each: F,
) -> Ordered<'r, R, F> {
    Ordered {
        view: *view,
        names: Names::default(),
        open: 0..count,
        lets_go,
        // The first part is small: a reader may ask for the first items only.
        part: 64,
        ready: Vec::new().into_iter(),
        each,
    }
}

struct Ordered<'r, R, F> {
    view: View<'r>,
    names: Names,
    open: Range<usize>,
    /// Whether the records that are read for a part are let go of with it.
    lets_go: bool,
    part: usize,
    ready: vec::IntoIter<R>,
    each: F,
}

impl<R: Send, F: for<'a> Fn(&Scope<'a>, usize) -> R + Sync> Iterator for Ordered<'_, R, F> {
    type Item = R;

    fn next(&mut self) -> Option<R> {
        if self.ready.len() == 0 {
            let end = self.open.end.min(self.open.start.saturating_add(self.part));
            let part = self.open.start..end;
            self.open.start = end;
            self.part = (self.part * 8).min(AHEAD);
            let make = |view: &View<'_>, stretch: Range<usize>| {
                let scope = Scope::new(view, &self.names);
                stretch.map(|at| (self.each)(&scope, at)).collect()
            };
            let made = shared(part, |stretch| match self.lets_go {
                true => self.view.apart(|view| make(view, stretch)),
                false => make(&self.view, stretch),
            });
            self.ready = made.into_iter();
        }
        self.ready.next()
    }
}

/// What `each` makes of stretches of these numbers, one after the other. Each processor takes a stretch.
pub fn shared<R: Send>(
    numbers: Range<usize>,
    each: impl Fn(Range<usize>) -> Vec<R> + Sync,
) -> Vec<R> {
    if numbers.len() < FEW {
        return each(numbers);
    }
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let length = numbers.len().div_ceil(processors);
    let mut made = Vec::with_capacity(numbers.len());
    thread::scope(|scope| {
        let each = &each;
        let starts = numbers.clone().step_by(length);
        let stretches: Vec<_> = starts
            .map(|start| {
                let stretch = start..(start + length).min(numbers.end);
                let again = stretch.clone();
                let thread = thread::Builder::new().spawn_scoped(scope, move || each(stretch));
                // Without a thread this one does it.
                thread.map_err(|_| each(again))
            })
            .collect();
        for stretch in stretches {
            let part = match stretch {
                Ok(thread) => thread.join(),
                Err(part) => Ok(part),
            };
            match part {
                Ok(part) => made.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    made
}

/// Numbers that go from hand to hand at once.
const PIECE: usize = 32;

/// Pieces of each thread that wait to be taken.
const WAITING: usize = 4;

/// Who makes pieces: a thread, or this one where the system has no thread to give.
enum Maker<'scope, R, M> {
    Thread(Receiver<Vec<R>>, thread::ScopedJoinHandle<'scope, ()>),
    Here(M),
}

/// Passes what is made of each of these numbers to `take`, in order. All processors make it ahead while this thread takes;
/// no more than a few pieces wait. `maker` gives what makes it, once for each processor, which has every number of its own
/// in order.
pub fn ahead<R: Send, M: FnMut(usize) -> R>(
    numbers: Range<usize>,
    maker: impl Fn() -> M + Sync,
    mut take: impl FnMut(usize, R),
) {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    if numbers.len() < FEW || processors == 1 {
        let mut make = maker();
        numbers.for_each(|at| take(at, make(at)));
        return;
    }
    let end = numbers.end;
    let piece = move |start: usize| start..(start + PIECE).min(end);
    thread::scope(|scope| {
        let maker = &maker;
        let mut makers: Vec<Maker<'_, R, M>> = (0..processors)
            .map(|nth| {
                let (sender, receiver) = sync_channel(WAITING);
                let starts = numbers.clone().step_by(PIECE).skip(nth);
                let mut starts = starts.step_by(processors);
                let work = move || {
                    let mut make = maker();
                    // Nobody takes them any more where another thread panicked.
                    _ = starts.try_for_each(|start| {
                        sender.send(piece(start).map(&mut make).collect::<Vec<R>>())
                    });
                };
                match thread::Builder::new().spawn_scoped(scope, work) {
                    Ok(thread) => Maker::Thread(receiver, thread),
                    Err(_) => Maker::Here(maker()),
                }
            })
            .collect();
        let starts = numbers.clone().step_by(PIECE);
        for (start, nth) in starts.zip((0..processors).cycle()) {
            let made = match &mut makers[nth] {
                Maker::Here(make) => piece(start).map(make).collect(),
                Maker::Thread(pieces, _) => match pieces.recv() {
                    Ok(made) => made,
                    Err(_) => break,
                },
            };
            piece(start).zip(made).for_each(|(at, made)| take(at, made));
        }
        for maker in makers {
            if let Maker::Thread(pieces, thread) = maker {
                drop(pieces);
                if let Err(panic) = thread.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use servanda_core::state::State;
    use servanda_core::view::View;

    #[test]
    fn the_order_stays() {
        let state = State::default();
        let view = View::whole(&state);
        for count in [0, 1, 63, 64, 65, 5_000, 40_000] {
            assert!(
                super::ordered(&view, count, |_, one| one * 2).eq((0..count).map(|one| one * 2))
            );
            let part = super::shared(0..count, |stretch| stretch.map(|one| one * 2).collect());
            assert!(part.into_iter().eq((0..count).map(|one| one * 2)));
            let mut taken = Vec::new();
            super::ahead(
                0..count,
                || |one| one * 2,
                |one, made| taken.push((one, made)),
            );
            assert!(taken.into_iter().eq((0..count).map(|one| (one, one * 2))));
        }
    }

    #[test]
    #[should_panic(expected = "at 3000")]
    fn a_panic_is_passed_on() {
        let make = |one| assert!(one != 3_000, "at {one}");
        super::ahead(0..5_000, || make, |_, ()| {});
    }
}
