//! Tables, read one after the other, each with its second tables.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::findings::{BAD_COLUMNS, Findings, TableEvent, TableRemark};
use super::shared::read_file;
use crate::cli::error::CliError;
use crate::intake::change_log;
use crate::intake::compare::Known;
use crate::intake::mapper::{File, ImportJob, Index, Outcome, Remark, index};
use crate::intake::rules::Rules;
use crate::intake::table::{TABLE_LIMIT, Table};
use servanda_core::chain::record::document_digest;
use servanda_core::state::State;
use servanda_core::value::base::Digest;
use servanda_core::value::unicode::{normal, same};
use servanda_core::words::plural;

/// Reads tables one after the other.
pub(super) struct Tables<'a> {
    rules: &'a Rules,
    known: Known<'a>,
    /// The second tables read so far, by their path and the number of the lookup.
    lookups: HashMap<(PathBuf, usize), Rc<Index>>,
    files: Vec<File>,
    found: Findings,
}

impl<'a> Tables<'a> {
    /// Starts from rules and the state of a ledger.
    pub fn new(rules: &'a Rules, state: &'a State) -> Self {
        Self {
            rules,
            known: Known::new(state),
            lookups: HashMap::new(),
            files: Vec::new(),
            found: Findings::default(),
        }
    }

    /// Reads a table.
    pub fn read(&mut self, path: &Path) -> Result<(), CliError> {
        let bytes = read_file(path, TABLE_LIMIT)?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let directory = path.parent().and_then(Path::file_name);
        let digest = document_digest(bytes.as_slice())
            .map_err(|error| CliError::file("read", path, &error))?;
        let file = File {
            name: normal(&name).into_owned(),
            directory: normal(&directory.unwrap_or_default().to_string_lossy()).into_owned(),
            digest: Digest(digest.0).to_string(),
        };
        let table = Table::read(&bytes, &self.rules.form)
            .map_err(|error| CliError::refused(format!("{}: {error}", path.display())))?;
        let lookups = self.lookups(path, &file)?;
        let job = ImportJob {
            rules: self.rules,
            file: &file,
            table: &table,
            lookups: &lookups,
            version: None,
            touched: None,
        };
        self.found.tables += 1;
        self.found.rows += table.rows.len();
        let bad_before = self.found.bad.len();
        let log = self.rules.change_log.as_ref();
        match log.filter(|log| log.is_one(&file.name)) {
            None => {
                let outcome = job.run();
                self.warn_unused(&file, &outcome.unused);
                self.take(&file, outcome);
            }
            Some(log) => {
                let mut outcomes = Vec::new();
                let played = change_log::play(&job, log, |version| {
                    let job = ImportJob {
                        table: &version.table,
                        version: Some(&version.name),
                        touched: Some(&version.touched),
                        ..job
                    };
                    outcomes.push(job.run());
                });
                if let Err(bad) = played {
                    outcomes.push(Outcome {
                        bad,
                        ..Outcome::default()
                    });
                }
                self.warn_unused(&file, &unused_throughout(&outcomes));
                for outcome in outcomes {
                    self.take(&file, outcome);
                }
            }
        }
        if self.found.bad.len() > bad_before {
            self.found
                .bad_tables
                .push((name, self.rules.form.clone(), table));
        }
        self.files.push(file);
        Ok(())
    }

    fn warn_unused(&mut self, file: &File, unused: &[(String, usize)]) {
        let unused = unused
            .iter()
            .filter(|(header, _)| !BAD_COLUMNS.contains(&header.as_str()));
        for (header, cells) in unused {
            self.found.warnings.push(format!(
                "{}: the rules do not use the column `{header}` ({})",
                file.name,
                plural(*cells, "filled cell")
            ));
        }
    }

    /// Takes the result of mapping a table.
    fn take(&mut self, file: &File, outcome: Outcome) {
        let remark = |remark| TableRemark {
            table: file.name.clone(),
            remark,
        };
        self.found.bad.extend(outcome.bad.into_iter().map(remark));
        self.found
            .skipped
            .extend(outcome.skipped.into_iter().map(remark));
        for event in outcome.events {
            let place = event.place.clone();
            match self.known.take(self.rules, event) {
                Ok(events) => {
                    self.found
                        .events
                        .extend(events.into_iter().map(|event| TableEvent {
                            table: file.name.clone(),
                            event,
                        }))
                }
                Err(reason) => self.found.bad.push(remark(Remark { place, reason })),
            }
        }
    }

    /// Reads the second tables of a table; they are kept for the next table.
    fn lookups(&mut self, path: &Path, file: &File) -> Result<Vec<Rc<Index>>, CliError> {
        let mut all = Vec::with_capacity(self.rules.lookups.len());
        for (at, (name, lookup)) in self.rules.lookups.iter().enumerate() {
            let place = named_file(path.parent().unwrap_or(Path::new("")).join(&lookup.file));
            let found = match self.lookups.remove(&(place.clone(), at)) {
                Some(found) => found,
                None => {
                    let wrong = |error: String| {
                        CliError::refused(format!("{}: {error}", place.display()))
                            .hint(format!("[lookup.{name}] asks for it"))
                    };
                    let bytes = read_file(&place, TABLE_LIMIT)?;
                    let table = Table::read(&bytes, &lookup.form)
                        .map_err(|error| wrong(error.to_string()))?;
                    Rc::new(index(self.rules, lookup, file, table).map_err(wrong)?)
                }
            };
            self.lookups.insert((place, at), Rc::clone(&found));
            all.push(found);
        }
        Ok(all)
    }

    /// Ends after the last table.
    pub fn finish(mut self) -> Findings {
        for file in &self.files {
            for key in self.known.vanished(&file.key()) {
                self.found.warnings.push(format!(
                    "{}: `{key}` was recorded from an earlier version and is no longer in the table; it stays recorded",
                    file.name
                ));
            }
        }
        self.found.tally = self.known.tally;
        self.found
    }
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
