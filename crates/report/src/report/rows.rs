//! Rows of items that are kept as numbers or references, while the rows are made as they are asked for.

use std::sync::Arc;

use super::document::Row;
use super::flow::Flow;
use crate::parallel;

/// A row for each of these items, in their order; none for those of which `row` makes none.
pub fn of<'r, T: Send + Sync + 'r>(
    items: Vec<T>,
    row: impl Fn(&T) -> Option<Row> + Send + Sync + 'r,
) -> Flow<'r, Row> {
    let (items, row) = (Arc::<[T]>::from(items), Arc::new(row));
    let count = items.len();
    Flow::made(count, move || {
        let (items, row) = (items.clone(), row.clone());
        parallel::ordered(count, move |at| row(&items[at])).flatten()
    })
}
