//! How lists grow.

/// Makes room for `more` values. There are millions of such lists, and most are short: they grow by a quarter or by 16
/// bytes. A plain vector starts with four values and doubles.
pub(super) fn grow<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        let few = 16 / size_of::<T>().max(1);
        list.reserve_exact(more.max(few).max(list.len() / 4));
    }
}
