//! How lists grow.

/// Makes room for so many more. There are millions of such lists, mostly short: they grow by a quarter, or by 16 bytes,
/// where a vector would take four at first and then twice as many.
pub(super) fn grow<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        let few = 16 / size_of::<T>().max(1);
        list.reserve_exact(more.max(few).max(list.len() / 4));
    }
}
