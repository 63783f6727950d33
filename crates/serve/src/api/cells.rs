//! Tables as JSON.

use serde_json::{Map, Value};

use servanda_report::report::{Cell, Row, Table};

/// A value of a table.
pub fn value(cell: &Cell) -> Value {
    match cell {
        Cell::None => Value::Null,
        Cell::Text(text) | Cell::Word(text, _) => text.clone().into(),
        Cell::Number(number) => (*number).into(),
        Cell::Flag(flag) => (*flag).into(),
        Cell::List(texts) => texts.iter().map(|text| Value::from(text.clone())).collect(),
    }
}

fn object(table: &Table<'_>, row: &Row) -> Value {
    let members = table.columns.iter().zip(row);
    let members = members.map(|(name, cell)| ((*name).to_owned(), value(cell)));
    Value::Object(members.collect::<Map<_, _>>())
}

/// Rows from a place on, at most so many, and whether there are more.
pub fn page(table: &Table<'_>, from: usize, most: usize) -> (Vec<Value>, bool) {
    let mut rows = table.rows.iter().skip(from);
    let page = rows
        .by_ref()
        .take(most)
        .map(|row| object(table, &row))
        .collect();
    (page, rows.next().is_some())
}
