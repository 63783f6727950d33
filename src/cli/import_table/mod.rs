//! `import --rules`: the rows of foreign tables become events. Rows that do not fit are reported, and nothing is appended,
//! unless `--skip-bad` collects them.

mod append;
mod bad_rows;
mod findings;
mod shared;
mod tables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use self::append::{Appended, append, print};
use self::bad_rows::{check_bad_files, write_bad};
use self::shared::{listed, read_file, unread};
use self::tables::{LeftOut, Tables};
use super::error::{CliError, Exit};
use super::files::Overwrite;
use super::interrupt::Interrupt;
use super::session::{AGAIN, Session};
use crate::intake::rules::{RULES_LIMIT, Rules};
use crate::intake::suggest;
use crate::intake::table::TABLE_LIMIT;
use servanda_core::value::when::Instant;
use servanda_core::words::plural;

/// The arguments that `import` has for tables.
pub(super) fn args() -> [Arg; 4] {
    [
        Arg::new("rules")
            .long("rules")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .conflicts_with("key")
            .help(
                "Each FILE is a table (CSV, JSON, XLSX or ODS): make events of its rows by these rules (docs/import.md)",
            ),
        Arg::new("suggest")
            .long("suggest")
            .action(ArgAction::SetTrue)
            .conflicts_with_all(["rules", "key"])
            .help("FILE is a table: guess rules for it, print them as a start, and import nothing"),
        Arg::new("skip_bad")
            .long("skip-bad")
            .value_name("FILE")
            .requires("rules")
            .value_parser(value_parser!(PathBuf))
            .help("Leave out the rows that do not fit, and write them to this CSV file"),
        Arg::new("force")
            .long("force")
            .action(ArgAction::SetTrue)
            .requires("skip_bad")
            .help("Replace the file of --skip-bad if it exists"),
    ]
}

/// Whether a file is a table by its name, and no NDJSON.
pub(super) fn is_table(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    ["csv", "tsv", "json", "xlsx", "ods"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

/// Imports tables.
pub(super) fn run(matches: &ArgMatches, rules: &Path, session: &Session) -> Result<Exit, CliError> {
    let rules = read_rules(rules)?;
    let paths: Vec<&PathBuf> = matches.get_many("file").into_iter().flatten().collect();
    let recorded_by = matches.get_one::<String>("recorded_by").map(String::as_str);
    let tables = Tables::read(&paths, &rules, recorded_by)?;
    let skip_bad = matches.get_one::<PathBuf>("skip_bad").map(PathBuf::as_path);
    let existing = Overwrite {
        force: matches.get_flag("force"),
    }
    .existing();
    let mut ledger = session.open()?;
    if skip_bad.is_some() {
        ledger.listing_refusals(usize::MAX);
    }
    let recorded_at = matches.get_one::<Instant>("recorded_at").copied();
    let mut left_out: LeftOut = vec![BTreeMap::new(); tables.all.len()];
    let mut warnings = None;
    let interrupt = Interrupt::noted();
    let mut outrun = 0;
    // Each turn leaves out at least one more row, or comes after what other writers appended.
    loop {
        let mut found = tables.map(ledger.state(), &left_out);
        // Which columns the rules use is known while no row is left out.
        let first = warnings.get_or_insert_with(|| found.warnings.clone());
        found.warnings.clone_from(first);
        match skip_bad {
            None if !found.bad.is_empty() => return Err(found.errors()),
            _ if !found.wrong.is_empty() => return Err(found.errors()),
            Some(_) if tables.leave_out_of_logs(&found, &mut left_out)? => continue,
            Some(path) => check_bad_files(&found, path, existing, &tables)?,
            None => {}
        }
        match append(
            session,
            &mut ledger,
            &mut found,
            &rules,
            recorded_at,
            &interrupt,
        )? {
            Appended::Refused(refused) => {
                let is_skipping = skip_bad.is_some();
                if !is_skipping || !refused.leave_out(&found, &tables, &mut left_out) {
                    return Err(refused.error(&found));
                }
            }
            Appended::Outrun(error) if outrun == AGAIN => return Err(error.into()),
            Appended::Outrun(_) => outrun += 1,
            Appended::Done(placed) => {
                if let Some(path) = skip_bad.filter(|_| !session.dry_run) {
                    write_bad(&found, path, existing, &tables, &rules)?;
                }
                if session.dry_run {
                    print(&ledger, &placed, &found)?;
                }
                found.report(session, placed.irregular);
                return Ok(Exit::Ok);
            }
        }
    }
}

/// Prints guessed rules, to start from.
pub(super) fn suggest(path: &Path, session: &Session) -> Result<Exit, CliError> {
    let bytes = read_file(path, TABLE_LIMIT)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let rules = suggest::suggest(&name, &bytes).map_err(|error| unread(path, error))?;
    session.say_lines(&rules)?;
    Ok(Exit::Ok)
}

fn read_rules(path: &Path) -> Result<Rules, CliError> {
    let bytes = read_file(path, RULES_LIMIT as u64)?;
    let name = path.display();
    let text = String::from_utf8(bytes)
        .map_err(|_| CliError::refused(format!("{name}: rules are written in UTF-8")))?;
    text.parse().map_err(|errors: Vec<_>| {
        let message = format!("{name}: {}", plural(errors.len(), "error"));
        listed(message, errors.iter().map(ToString::to_string).collect())
            .hint("docs/import.md explains every key")
    })
}
