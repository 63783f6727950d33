//! Work on many things, shared among the processors.

use std::num::NonZero;
use std::thread;

/// Fewer things than this are not worth a thread.
const FEW: usize = 2_048;

/// What `each` makes of all of them, in their order.
pub fn map<T: Sync, R: Send>(all: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    if all.len() < FEW || processors == 1 {
        return all.iter().map(each).collect();
    }
    let each = &each;
    let part = all.len().div_ceil(processors);
    thread::scope(|scope| {
        let parts: Vec<_> = all
            .chunks(part)
            .map(|part| scope.spawn(move || part.iter().map(each).collect::<Vec<R>>()))
            .collect();
        let mut made = Vec::with_capacity(all.len());
        for part in parts {
            match part.join() {
                Ok(part) => made.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_order_stays() {
        for count in [0, 1, 5_000] {
            let all: Vec<usize> = (0..count).collect();
            assert!(
                super::map(&all, |one| one * 2)
                    .into_iter()
                    .eq((0..count).map(|one| one * 2))
            );
        }
    }
}
