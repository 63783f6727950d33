//! A sequence whose items are made when they are asked for, and made again when they are asked for again.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

/// What makes items.
trait Source<T> {
    fn items(&self) -> Box<dyn Iterator<Item = T> + '_>;
}

/// A function that makes items which live for `'v`.
struct Made<'v, F>(F, PhantomData<&'v ()>);

impl<'v, T, I, F> Source<T> for Made<'v, F>
where
    I: Iterator<Item = T> + 'v,
    F: Fn() -> I,
{
    fn items(&self) -> Box<dyn Iterator<Item = T> + '_> {
        Box::new(self.0())
    }
}

/// Those items of a flow that pass.
struct Passing<'v, T, F>(Flow<'v, T>, F);

impl<T: Clone, F: Fn(&T) -> bool> Source<T> for Passing<'_, T, F> {
    fn items(&self) -> Box<dyn Iterator<Item = T> + '_> {
        let passing = self.0.iter().filter(|item| (self.1)(item));
        Box::new(passing.map(Cow::into_owned))
    }
}

/// Items that are made one after the other each time they are iterated, followed by items that are kept.
///
/// Small tables keep their rows. Tables with a row for each commitment or record make them, so that no answer is in
/// memory as a whole.
pub struct Flow<'v, T> {
    /// What makes items, and how many; none where only making them tells.
    made: Option<(Option<usize>, Box<dyn Source<T> + 'v>)>,
    pub(crate) kept: Vec<T>,
    limit: usize,
}

impl<T> Default for Flow<'_, T> {
    fn default() -> Self {
        Self {
            made: None,
            kept: Vec::new(),
            limit: usize::MAX,
        }
    }
}

impl<T> From<Vec<T>> for Flow<'_, T> {
    fn from(kept: Vec<T>) -> Self {
        Self {
            kept,
            ..Self::default()
        }
    }
}

impl<T> FromIterator<T> for Flow<'_, T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        items.into_iter().collect::<Vec<T>>().into()
    }
}

impl<'v, T: Clone> Flow<'v, T> {
    /// Items that `make` makes, always the same `count` of them.
    pub fn made<I>(count: usize, make: impl Fn() -> I + 'v) -> Self
    where
        I: Iterator<Item = T> + 'v,
    {
        Self {
            made: Some((Some(count), Box::new(Made(make, PhantomData)))),
            ..Self::default()
        }
    }

    /// Items that `make` makes, always the same. How many there are is known once they are made.
    pub fn uncounted<I>(make: impl Fn() -> I + 'v) -> Self
    where
        I: Iterator<Item = T> + 'v,
    {
        Self {
            made: Some((None, Box::new(Made(make, PhantomData)))),
            ..Self::default()
        }
    }

    /// The same items, made now and kept.
    #[must_use]
    pub fn kept(self) -> Flow<'v, T> {
        self.iter().map(Cow::into_owned).collect()
    }

    /// Those of the items that pass, made when they are asked for.
    #[must_use]
    pub fn passing(self, passes: impl Fn(&T) -> bool + 'v) -> Self
    where
        T: 'v,
    {
        Self {
            made: Some((None, Box::new(Passing(self, passes)))),
            ..Self::default()
        }
    }

    /// The items in another order, made now and kept, by what `key` makes of each once. Items that compare equal keep their
    /// order.
    #[must_use]
    pub fn sorted<K>(
        self,
        key: impl Fn(&T) -> K,
        mut order: impl FnMut(&K, &K) -> Ordering,
    ) -> Self {
        let items = self.iter().map(Cow::into_owned);
        let mut keyed: Vec<(K, T)> = items.map(|item| (key(&item), item)).collect();
        keyed.sort_by(|(one, _), (other, _)| order(one, other));
        keyed.into_iter().map(|(_, item)| item).collect()
    }

    /// Appends an item, which is kept.
    pub fn push(&mut self, item: T) {
        self.kept.push(item);
    }

    /// The number of items. It makes them all where nothing else tells.
    pub fn len(&self) -> usize {
        let made = match &self.made {
            None => 0,
            Some((Some(count), _)) => *count,
            Some((None, source)) => source.items().take(self.limit).count(),
        };
        (made + self.kept.len()).min(self.limit)
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Leaves out all items but the first `limit`.
    pub fn truncate(&mut self, limit: usize) {
        self.limit = self.limit.min(limit);
    }

    /// The items. Those that are made are made now, one by one or a few at a time.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, T>> {
        let made = self.made.iter().flat_map(|(_, source)| source.items());
        let kept = self.kept.iter().map(Cow::Borrowed);
        made.map(Cow::Owned).chain(kept).take(self.limit)
    }
}

impl<T: Clone + PartialEq> PartialEq for Flow<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Clone + Eq> Eq for Flow<'_, T> {}

impl<T: Clone + fmt::Debug> fmt::Debug for Flow<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::Flow;

    #[test]
    fn items_are_made_when_they_are_asked_for() {
        let made = Cell::new(0);
        let count = |item| {
            made.set(made.get() + 1);
            item
        };
        let mut flow = Flow::made(3, || (0..3).map(&count));
        flow.push(7);
        assert_eq!((flow.len(), made.get()), (4, 0));
        assert_eq!(flow.iter().next().as_deref(), Some(&0));
        assert_eq!(made.get(), 1, "only what was asked for");
        let all = |flow: &Flow<'_, i32>| flow.iter().map(|item| *item).collect::<Vec<i32>>();
        assert_eq!(all(&flow), [0, 1, 2, 7]);
        assert_eq!(all(&flow), [0, 1, 2, 7]);
        flow.truncate(2);
        assert_eq!((flow.len(), all(&flow)), (2, vec![0, 1]));
    }
    #[test]
    fn rows_that_nobody_limits_are_not_counted() {
        let counted = || -> std::vec::IntoIter<crate::report::Row> { panic!("they are counted") };
        let mut table = crate::report::Table::new("t", "T", &["a"]).with(Flow::uncounted(counted));
        assert_eq!(table.cut(None), None);
    }
}
