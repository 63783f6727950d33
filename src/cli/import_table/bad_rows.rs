//! The file of the rows that are left out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::findings::Findings;
use super::shared::{BAD_COLUMNS, column};
use super::tables::Tables;
use crate::cli::error::CliError;
use crate::cli::files;
use crate::intake::rules::Rules;
use servanda_core::value::unicode;
use servanda_files::{Existing, FileError};

/// Where the bad rows are written: those of one table to the file, those of several into a directory.
fn files_of_bad(found: &Findings, path: &Path, tables: &Tables<'_>) -> Vec<(usize, PathBuf)> {
    let mut bad: Vec<usize> = found.bad.iter().map(|bad| bad.table).collect();
    bad.sort_unstable();
    bad.dedup();
    let place = |table: usize| {
        let loaded = &tables.all[table];
        let file = match unicode::same(&loaded.name, &loaded.file.name) {
            true => loaded.file.name.clone(),
            false => format!("{}-{}", loaded.file.directory, loaded.file.name),
        };
        let place = match tables.all.len() {
            1 => path.to_owned(),
            _ => path.join(file),
        };
        (table, place)
    };
    bad.into_iter().map(place).collect()
}

/// Checks that the bad rows can be written once the others are appended.
pub(super) fn check_bad_files(
    found: &Findings,
    path: &Path,
    existing: Existing,
    tables: &Tables<'_>,
) -> Result<(), CliError> {
    for (_, place) in files_of_bad(found, path, tables) {
        if existing == Existing::Refuse && std::fs::symlink_metadata(&place).is_ok() {
            return Err(files::cannot("write", &place, FileError::Exists));
        }
    }
    Ok(())
}

/// Writes the bad rows, each with its line and the reasons.
pub(super) fn write_bad(
    found: &Findings,
    path: &Path,
    existing: Existing,
    tables: &Tables<'_>,
    rules: &Rules,
) -> Result<(), CliError> {
    for (at, place) in files_of_bad(found, path, tables) {
        let table = &tables.all[at].table;
        let mut reasons: HashMap<usize, Vec<String>> = HashMap::new();
        for bad in found.bad.iter().filter(|bad| bad.table == at) {
            let text = format!("{}{}", column(&bad.remark.place), bad.remark.why());
            reasons.entry(bad.remark.place.line).or_default().push(text);
        }
        let rows = table.rows.iter().filter_map(|row| {
            let reasons = reasons.get(&row.lines.0)?;
            Some((row, [row.lines.0.to_string(), reasons.join("; ")]))
        });
        let bytes = table
            .write(&rules.form, BAD_COLUMNS, rows)
            .map_err(|error| {
                CliError::refused(format!("cannot write {}: {error}", place.display()))
            })?;
        files::write(&place, bytes, existing)?;
    }
    Ok(())
}
