//! Tables, read into memory with their second tables, and mapped to events.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::findings::Findings;
use super::shared::{BAD_COLUMNS, read_file, unread};
use crate::cli::error::CliError;
use crate::intake::change_log;
use crate::intake::compare::{Known, TableRemark, earlier};
use crate::intake::mapper::{File, ImportJob, Index, Outcome, Place, Remark, index};
use crate::intake::rules::{ChangeLog, Rules};
use crate::intake::table::{TABLE_LIMIT, Table};
use servanda_core::chain::record::document_digest;
use servanda_core::ndjson::Line;
use servanda_core::state::State;
use servanda_core::value::base::{Digest, excerpt};
use servanda_core::value::unicode::{normal, same};
use servanda_core::words::plural;

/// A table in memory.
pub(super) struct Loaded {
    /// Its name for messages: that of the file, or its path where several files have that name.
    pub name: String,
    /// Its file.
    pub file: File,
    /// Its rows.
    pub table: Table,
    lookups: Vec<Arc<Index>>,
    /// See [`Tables::changed_rows`].
    changed_rows: OnceCell<Vec<Option<String>>>,
}

/// The rows that are left out, by table and in their order, with the reasons.
pub(super) type LeftOut = Vec<BTreeMap<usize, Remark>>;

/// Tables that are imported together.
pub(super) struct Tables<'a> {
    rules: &'a Rules,
    recorded_by: Option<&'a str>,
    /// The tables, in order.
    pub all: Vec<Loaded>,
}

impl<'a> Tables<'a> {
    /// Reads the tables of these files.
    pub fn read(
        paths: &[&PathBuf],
        rules: &'a Rules,
        recorded_by: Option<&'a str>,
    ) -> Result<Self, CliError> {
        let mut lookups = HashMap::new();
        let mut all: Vec<Loaded> = Vec::with_capacity(paths.len());
        for path in paths {
            all.push(load(path, rules, &mut lookups)?);
        }
        let names: Vec<String> = all.iter().map(|loaded| loaded.name.clone()).collect();
        for (loaded, path) in all.iter_mut().zip(paths) {
            if names.iter().filter(|name| **name == loaded.name).count() > 1 {
                loaded.name = path.display().to_string();
            }
        }
        Ok(Self {
            rules,
            recorded_by,
            all,
        })
    }

    /// Whether a table lists the changes of another one.
    pub fn log_of(&self, table: usize) -> Option<&'a ChangeLog> {
        let log = self.rules.change_log.as_ref();
        log.filter(|log| log.is_one(&self.all[table].file.name))
    }

    fn job(&self, table: usize) -> ImportJob<'_> {
        let loaded = &self.all[table];
        ImportJob {
            lookups: &loaded.lookups,
            recorded_by: self.recorded_by,
            ..ImportJob::new(self.rules, &loaded.file, &loaded.table)
        }
    }

    /// For each row of a log of changes, the row of the other table that it changes; none for other tables.
    fn changed_rows(&self, table: usize) -> Option<&[Option<String>]> {
        let log = self.log_of(table)?;
        let changed = &self.all[table].changed_rows;
        Some(changed.get_or_init(|| change_log::changed_rows(&self.job(table), log)))
    }

    /// The rows of its table that made an event; of a log of changes, one about each row of the other table: the one that is
    /// the place of the event, or the first.
    pub fn rows_behind(&self, found: &Findings, index: usize, left_out: &LeftOut) -> Vec<usize> {
        let table = found.events[index].table;
        let rows = found.rows_of(index);
        let Some(changed) = self.changed_rows(table) else {
            return rows;
        };
        let mut names = HashSet::new();
        let played = changed.iter().enumerate().filter(|(row, name)| {
            !left_out[table].contains_key(row)
                && name.as_ref().is_some_and(|name| names.insert(name))
        });
        let firsts: Vec<usize> = played.map(|(row, _)| row).collect();
        let line = found.events[index].event.place.line;
        let mut all = self.all[table].table.rows.iter();
        let place = all.position(|row| row.lines.0 == line);
        let one = |first: usize| {
            let place = place.filter(|place| changed[*place] == changed[first]);
            place.unwrap_or(first)
        };
        rows.into_iter().map(|row| one(firsts[row])).collect()
    }

    /// Leaves out a row; in a log of changes, with all others about the same row of the other table. Says whether any row
    /// was not left out before.
    pub fn leave_out(
        &self,
        table: usize,
        row: usize,
        remark: &Remark,
        left_out: &mut LeftOut,
    ) -> bool {
        let before = left_out[table].len();
        let rows = &self.all[table].table.rows;
        if let Some(changed) = self.changed_rows(table)
            && let Some(name) = &changed[row]
        {
            let line = remark.place.line;
            let others = (0..rows.len()).filter(|other| changed[*other].as_ref() == Some(name));
            for other in others.filter(|other| *other != row) {
                let reason = format!(
                    "is about `{}`, as line {line} is, which is left out",
                    excerpt(name)
                );
                let remark = Remark::new(Place::of(rows[other].lines), None, reason);
                left_out[table].entry(other).or_insert(remark);
            }
        }
        left_out[table].entry(row).or_insert_with(|| remark.clone());
        left_out[table].len() > before
    }

    /// Leaves out the rows of logs of changes that have errors. Says whether there are any that were not left out before.
    ///
    /// # Errors
    /// A row does not say for certain what it changes: nobody knows which later rows rest on it.
    pub fn leave_out_of_logs(
        &self,
        found: &Findings,
        left_out: &mut LeftOut,
    ) -> Result<bool, CliError> {
        let mut are_more = false;
        let mut uncertain = Vec::new();
        for bad in &found.bad {
            let Some(changed) = self.changed_rows(bad.table) else {
                continue;
            };
            let mut rows = self.all[bad.table].table.rows.iter();
            let row = rows.position(|row| row.lines.0 == bad.remark.place.line);
            match row.filter(|row| changed[*row].is_some()) {
                Some(row) => are_more |= self.leave_out(bad.table, row, &bad.remark, left_out),
                None => uncertain.push(bad),
            }
        }
        match uncertain.is_empty() {
            true => Ok(are_more),
            false => Err(found.error_of(uncertain.into_iter()).hint(
                "these rows do not say for certain what they change, and later rows may rest on them: mend them",
            )),
        }
    }

    /// Maps the tables to events, without the rows that are left out, and compares these with the ledger.
    pub fn map(&self, state: &State, left_out: &LeftOut) -> Findings {
        let mut known = Known::new(state, self.rules);
        let earlier = |key: &str, line: &Line| earlier(state, key, line);
        let mut found = Findings {
            names: self.all.iter().map(|loaded| loaded.name.clone()).collect(),
            ..Findings::default()
        };
        for (at, loaded) in self.all.iter().enumerate() {
            found.rows += loaded.table.rows.len();
            let rows: HashSet<usize> = left_out[at].keys().copied().collect();
            let job = ImportJob {
                left_out: Some(&rows),
                earlier: &earlier,
                ..self.job(at)
            };
            let mut outcomes = match self.log_of(at) {
                None => vec![job.run()],
                Some(log) => played(&job, log),
            };
            let wrong = outcomes
                .iter_mut()
                .find_map(|outcome| outcome.wrong_source.take());
            found
                .wrong
                .extend(wrong.map(|remark| TableRemark { table: at, remark }));
            warn_unused(&mut found, &loaded.name, &unused_throughout(&outcomes));
            let source = outcomes.iter().find_map(|outcome| outcome.events.first());
            known.begin(
                &loaded.name,
                &loaded.file,
                source,
                self.log_of(at).is_some(),
            );
            found.columns.push(
                outcomes
                    .last_mut()
                    .map(|last| std::mem::take(&mut last.columns))
                    .unwrap_or_default(),
            );
            found.together.push(
                outcomes
                    .last_mut()
                    .map(|last| std::mem::take(&mut last.together))
                    .unwrap_or_default(),
            );
            let bad_before = found.bad.len();
            for outcome in outcomes {
                take(&mut found, &mut known, at, outcome);
            }
            let remarks = left_out[at].values();
            found.bad.extend(remarks.map(|remark| TableRemark {
                table: at,
                remark: remark.clone(),
            }));
            found.bad[bad_before..].sort_by_key(|bad| bad.remark.place.line);
        }
        for at in 0..self.all.len() {
            found.vanished.push(known.vanished(at));
        }
        found.tally = known.tally;
        found.events = known.events;
        found.changed = known.changed;
        found.older = known.older;
        found
    }
}

/// Reads a table and its second tables, which are kept for the next table.
fn load(
    path: &Path,
    rules: &Rules,
    lookups: &mut HashMap<(PathBuf, usize), Arc<Index>>,
) -> Result<Loaded, CliError> {
    let bytes = read_file(path, TABLE_LIMIT)?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let directory = path.parent().and_then(Path::file_name);
    let digest =
        document_digest(bytes.as_slice()).map_err(|error| CliError::file("read", path, &error))?;
    let file = File {
        name: normal(&name).into_owned(),
        directory: normal(&directory.unwrap_or_default().to_string_lossy()).into_owned(),
        digest: Digest(digest.0).to_string(),
    };
    let table = Table::read(&name, &bytes, &rules.form).map_err(|error| unread(path, error))?;
    let mut all = Vec::with_capacity(rules.lookups.len());
    for (at, (name, lookup)) in rules.lookups.iter().enumerate() {
        let place = named_file(path.parent().unwrap_or(Path::new("")).join(&lookup.file));
        if let Some(found) = lookups.get(&(place.clone(), at)) {
            all.push(Arc::clone(found));
            continue;
        }
        let asks = format!("[lookup.{name}] asks for it");
        let bytes = read_file(&place, TABLE_LIMIT).map_err(|error| error.hint(&asks))?;
        let second = Table::read(&lookup.file, &bytes, &lookup.form)
            .map_err(|error| unread(&place, error).hint(&asks))?;
        let found = index(rules, lookup, &file, second).map_err(|error| {
            CliError::refused(format!("{}: {error}", place.display())).hint(&asks)
        })?;
        let found = Arc::new(found);
        lookups.insert((place, at), Arc::clone(&found));
        all.push(found);
    }
    Ok(Loaded {
        name,
        file,
        table,
        lookups: all,
        changed_rows: OnceCell::new(),
    })
}

/// The file of this name, or the one whose name is another spelling of it in Unicode: rules are read in NFC.
fn named_file(place: PathBuf) -> PathBuf {
    let (Some(directory), Some(name)) = (place.parent(), place.file_name()) else {
        return place;
    };
    if place.exists() {
        return place;
    }
    let name = name.to_string_lossy();
    let directory = match directory.as_os_str().is_empty() {
        true => Path::new("."),
        false => directory,
    };
    let mut names = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let found = names.find(|entry| same(&entry.file_name().to_string_lossy(), &name));
    found.map_or(place.clone(), |entry| entry.path())
}

/// The outcomes of the versions that a log of changes describes.
fn played(job: &ImportJob<'_>, log: &ChangeLog) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let played = change_log::play(job, log, |version| {
        let job = ImportJob {
            table: &version.table,
            version: Some(&version.name),
            touched: Some(&version.touched),
            left_out: None,
            ..*job
        };
        outcomes.push(job.run());
    });
    outcomes.extend(played.err().map(|bad| Outcome {
        bad,
        ..Outcome::default()
    }));
    outcomes
}

/// Takes the result of mapping a table.
fn take(found: &mut Findings, known: &mut Known<'_>, table: usize, outcome: Outcome) {
    let remark = |remark| TableRemark { table, remark };
    found.bad.extend(outcome.bad.into_iter().map(remark));
    found
        .skipped
        .extend(outcome.skipped.into_iter().map(remark));
    known.expect(outcome.events.len());
    for event in outcome.events {
        found.bad.extend(known.take(table, event).err().map(remark));
    }
}

fn warn_unused(found: &mut Findings, name: &str, unused: &[(String, usize)]) {
    let unused = unused
        .iter()
        .filter(|(header, _)| !BAD_COLUMNS.contains(&header.as_str()));
    for (header, cells) in unused {
        found.warnings.push(format!(
            "{name}: the rules do not use the column `{header}` ({})",
            plural(*cells, "filled cell")
        ));
    }
}

/// The columns that were used in no version of a table.
fn unused_throughout(outcomes: &[Outcome]) -> Vec<(String, usize)> {
    let Some(last) = outcomes.last() else {
        return Vec::new();
    };
    let is_unused = |outcome: &Outcome, header: &str| {
        outcome.rows == 0 || outcome.unused.iter().any(|(found, _)| found == header)
    };
    let unused = last.unused.iter();
    unused
        .filter(|(header, _)| outcomes.iter().all(|outcome| is_unused(outcome, header)))
        .cloned()
        .collect()
}
