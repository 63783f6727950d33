//! Rows of items that are kept as numbers or ids. The rows are made as they are asked for.

use std::sync::Arc;

use servanda_core::view::View;

use super::document::Row;
use super::flow::Flow;
use crate::parallel::{self, Scope};

/// A row for each of these items, in their order; none for those of which `row` makes none.
pub fn of<'r, T: Send + Sync + 'r>(
    view: &View<'r>,
    items: Vec<T>,
    row: impl for<'a> Fn(&Scope<'a>, &T) -> Option<Row> + Send + Sync + 'r,
) -> Flow<'r, Row> {
    let count = items.len();
    several(view, items, count, move |scope, item| row(scope, item))
}

/// Any number of rows for each of these items, in their order: `count` of them in all.
pub fn several<'r, T, I>(
    view: &View<'r>,
    items: Vec<T>,
    count: usize,
    rows: impl for<'a> Fn(&Scope<'a>, &T) -> I + Send + Sync + 'r,
) -> Flow<'r, Row>
where
    T: Send + Sync + 'r,
    I: IntoIterator<Item = Row> + Send + 'r,
{
    let view = *view;
    let (items, rows) = (Arc::<[T]>::from(items), Arc::new(rows));
    Flow::made(count, move || {
        let (items, rows) = (items.clone(), rows.clone());
        let length = items.len();
        parallel::ordered(&view, length, move |scope, at| rows(scope, &items[at])).flatten()
    })
}

/// A row for each number below `count`, in their order.
pub fn numbered<'r>(
    view: &View<'r>,
    count: usize,
    row: impl for<'a> Fn(&Scope<'a>, usize) -> Option<Row> + Send + Sync + 'r,
) -> Flow<'r, Row> {
    let (view, row) = (*view, Arc::new(row));
    Flow::made(count, move || {
        let row = row.clone();
        parallel::ordered(&view, count, move |scope, at| row(scope, at)).flatten()
    })
}
