//! Work on many items, shared among the processors, whose results come in the order of the items.

use std::num::NonZero;
use std::ops::Range;
use std::thread;
use std::vec;

/// Fewer items than this are not worth a thread.
const FEW: usize = 2_048;

/// The most items that are worked on ahead of what was asked for.
const AHEAD: usize = 8_192;

/// What `each` makes of every number below `count`, in order. With many numbers a bounded part is made at a time, by
/// all processors.
pub fn ordered<R: Send, F: Fn(usize) -> R + Sync>(
    count: usize,
    each: F,
) -> impl Iterator<Item = R> {
    let processors = match count {
        0..FEW => 1,
        _ => thread::available_parallelism().map_or(1, NonZero::get),
    };
    Ordered {
        open: 0..count,
        processors,
        // The first part is small, for who asks for the first items only.
        part: 64,
        ready: Vec::new().into_iter(),
        each,
    }
}

struct Ordered<R, F> {
    open: Range<usize>,
    processors: usize,
    part: usize,
    ready: vec::IntoIter<R>,
    each: F,
}

impl<R: Send, F: Fn(usize) -> R + Sync> Iterator for Ordered<R, F> {
    type Item = R;

    fn next(&mut self) -> Option<R> {
        if self.processors == 1 {
            return self.open.next().map(&self.each);
        }
        if self.ready.len() == 0 {
            let end = self.open.end.min(self.open.start.saturating_add(self.part));
            let part = self.open.start..end;
            self.open.start = end;
            self.part = (self.part * 2).min(AHEAD);
            self.ready = shared(part, self.processors, &self.each).into_iter();
        }
        self.ready.next()
    }
}

/// What `each` makes of these numbers, in order, each processor a stretch of them.
fn shared<R: Send>(
    numbers: Range<usize>,
    processors: usize,
    each: &(impl Fn(usize) -> R + Sync),
) -> Vec<R> {
    let stretch = numbers.len().div_ceil(processors).max(1);
    let mut made = Vec::with_capacity(numbers.len());
    thread::scope(|scope| {
        let starts = numbers.clone().step_by(stretch);
        let stretches: Vec<_> = starts
            .map(|start| {
                let stretch = start..(start + stretch).min(numbers.end);
                scope.spawn(move || stretch.map(each).collect::<Vec<R>>())
            })
            .collect();
        for stretch in stretches {
            match stretch.join() {
                Ok(part) => made.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    made
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_order_stays() {
        for count in [0, 1, 63, 64, 65, 5_000, 40_000] {
            assert!(super::ordered(count, |one| one * 2).eq((0..count).map(|one| one * 2)));
            let part = super::shared(0..count, 3, &|one| one * 2);
            assert!(part.into_iter().eq((0..count).map(|one| one * 2)));
        }
    }
}
