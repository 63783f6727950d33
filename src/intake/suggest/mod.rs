//! Rules guessed from a table, to start from: a rules file with comments, to be read and changed before it is used.

mod column;
mod words;
mod write;

use self::column::{Column, dates_of};
use self::words::{DUE, NUMBER, TITLE, WHAT, WHO};
use self::write::Writer;
use super::table::{Form, Table, TableError, encoding, has_mark};

/// Guesses rules for a table, and writes them with comments.
///
/// # Errors
/// When the bytes are no table.
pub fn suggest(file: &str, bytes: &[u8]) -> Result<String, TableError> {
    let (mut form, mut table, others) = read(file, bytes)?;
    name_apart(&mut form, &mut table);
    let columns = Column::all(&table);
    let dates = dates_of(&columns);
    let mut writer = Writer::new(file, &table);
    writer.form(&form, &table, &columns, &others);
    let dated: Vec<&Column> = columns.iter().filter(|column| column.is_dated()).collect();
    let is_text = |column: &&Column| column.is_text() && !column.is_identifier && column.filled > 0;
    let called = |words: &[&str]| {
        columns
            .iter()
            .filter(is_text)
            .find(|one| one.is_called(words))
    };
    let is_key = |column: &&Column| column.is_distinct;
    let number = columns
        .iter()
        .find(|column| column.is_called(NUMBER) && is_key(column))
        .or_else(|| {
            columns
                .iter()
                .find(|column| column.is_identifier && is_key(column))
        });
    let (title, due) = (
        called(TITLE),
        dated.iter().find(|column| column.is_called(DUE)),
    );
    let what = called(WHAT).or(title.filter(|_| due.is_some()));
    let title = title.filter(|_| what.is_none());
    let is_other = |column: &&Column| {
        let other = [what, title, number].into_iter().flatten();
        is_text(column) && other.clone().all(|other| other.at != column.at)
    };
    let who = called(WHO).filter(is_other).or_else(|| {
        let others: Vec<&Column> = columns.iter().filter(is_other).collect();
        repeating(&others, title.is_none())
    });
    let used = |columns: &[Option<&'_ Column>]| -> Vec<usize> {
        let used = columns.iter().flatten().map(|column| column.at);
        used.chain(dated.iter().map(|column| column.at)).collect()
    };
    match (who, what, title) {
        (Some(who), Some(what), _) => {
            writer.columns(&columns, &used(&[Some(who), Some(what), number]));
            writer.dates(&dates, &columns);
            writer.commitments(who, what, number, &dated);
        }
        (Some(who), None, Some(title)) => {
            writer.columns(&columns, &used(&[Some(who), Some(title), number]));
            writer.dates(&dates, &columns);
            writer.agreements(who, title, number, &dated);
        }
        (Some(who), None, None) if !dated.is_empty() => {
            writer.columns(&columns, &used(&[Some(who)]));
            writer.dates(&dates, &columns);
            writer.participations(who, &dated);
        }
        _ => {
            let text = columns.iter().max_by_key(|column| column.longest);
            writer.columns(&columns, &used(&[text, number]));
            writer.dates(&dates, &columns);
            writer.notes(text, number, &dated);
        }
    }
    Ok(writer.out)
}

/// A column of parties that is not called so: it has the same names again and again, or lists of them. With `or_any`,
/// it may be any column.
fn repeating<'c>(columns: &[&'c Column], or_any: bool) -> Option<&'c Column> {
    let mut others = columns
        .iter()
        .copied()
        .filter(|column| !column.is_called(NUMBER));
    let repeats = |column: &&Column| column.list.is_some() || !column.is_distinct;
    let found = others.clone().find(repeats);
    found.or_else(|| others.next().filter(|_| or_any))
}

/// Reads a table of unknown form. Of several sheets or lists it takes the first, and gives the names of the others.
fn read(file: &str, bytes: &[u8]) -> Result<(Form, Table, Vec<String>), TableError> {
    let is_utf8 = has_mark(bytes) || std::str::from_utf8(bytes).is_ok();
    let mut form = Form {
        encoding: encoding("windows-1252").filter(|_| !is_utf8),
        ..Form::default()
    };
    let error = match Table::read(file, bytes, &form) {
        Ok(table) => return Ok((form, table, Vec::new())),
        Err(error) => error,
    };
    let mut parts = error.parts.iter().cloned();
    match parts.next() {
        Some(first) => form.sheet = Some(first),
        None => form.quotes = false,
    }
    match Table::read(file, bytes, &form) {
        Ok(table) => Ok((form, table, parts.collect())),
        Err(_) => Err(error),
    }
}

/// Gives columns with the same header different names, which the rules then state.
fn name_apart(form: &mut Form, table: &mut Table) {
    let headers = table.headers.clone();
    for (at, header) in table.headers.iter_mut().enumerate() {
        if headers[..at].contains(header) {
            *header = format!("{header} {}", at + 1).trim().to_owned();
            form.skip_lines = 1;
        }
    }
    form.header = (form.skip_lines > 0).then(|| table.headers.clone());
}

#[cfg(test)]
mod tests;
