//! Second tables.

use std::collections::HashMap;

use crate::intake::table::{Named, Table};
use servanda_core::value::base::excerpt;

/// A second table, and its rows by their keys.
#[derive(Debug, Clone, Default)]
pub struct Index {
    pub(super) table: Table,
    pub(super) rows: HashMap<String, usize>,
}

impl Index {
    /// Looks up the cell under a header in the row of a key; `name` is the lookup's, for messages.
    pub(super) fn value(
        &self,
        name: &str,
        key: &str,
        header: &str,
    ) -> Result<Option<&str>, String> {
        let column = match self.table.column(header) {
            Named::Column(at) => at,
            Named::Nothing => {
                return Err(format!(
                    "[lookup.{name}] has no column called `{}`",
                    excerpt(header)
                ));
            }
            Named::Several => {
                return Err(format!(
                    "[lookup.{name}] has several columns called `{}`",
                    excerpt(header)
                ));
            }
        };
        let row = self
            .rows
            .get(key)
            .ok_or_else(|| format!("[lookup.{name}] has no row `{}`", excerpt(key)))?;
        Ok(self.table.rows[*row].cells.get(column).map(String::as_str))
    }
}
