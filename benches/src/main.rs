//! `servanda-benches`: the generator of histories, and the benchmarks that are run on them.

mod generator;
mod measure;
mod peers;
#[cfg(feature = "postgres")]
mod postgres;
mod suite;
mod table;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::peers::Outcome;
use crate::suite::Suite;

#[derive(Parser)]
#[command(about = "Histories from a seed, and benchmarks on them")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a history as NDJSON, to be imported into a new ledger
    Generate {
        /// How many events
        events: u64,
        /// The same seed gives the same history
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Write a table of treaties and rules for it into a directory, to be imported with --rules
    Table {
        /// The directory
        dir: PathBuf,
        /// How many rows
        #[arg(long, default_value_t = 8_000)]
        rows: u64,
        /// The same seed gives the same table
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Measure ledgers on a PostgreSQL server of this run's own, beside that server alone
    #[cfg(feature = "postgres")]
    Postgres {
        /// How often each takes its turn
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Appends of a turn
        #[arg(long, default_value_t = 400)]
        appends: usize,
        /// Events of the history that is replayed
        #[arg(long, default_value_t = 300_000)]
        events: u64,
        /// The program, which imports that history
        #[arg(long, default_value = "../target/release/servanda")]
        servanda: PathBuf,
    },
    /// Measure servanda and its peers in turns, print a table, and write it as JSON
    Run {
        /// Events of the history
        #[arg(long, default_value_t = 1_000_000)]
        events: u64,
        /// How often each import and verification takes its turn
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Single appends of each
        #[arg(long, default_value_t = 300)]
        appends: usize,
        /// Only measurements whose name contains this: append, group, sealed, import
        #[arg(long)]
        only: Option<String>,
        /// Import and verify with servanda alone, which takes a fraction of the time
        #[arg(long)]
        alone: bool,
        /// The program that is measured
        #[arg(long, default_value = "../target/release/servanda")]
        servanda: PathBuf,
        /// Where ledgers and peers lie meanwhile: on the disk that is to be measured
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// Where the results go as JSON
        #[arg(long)]
        json: Option<PathBuf>,
    },
}

fn generate(events: u64, seed: u64) -> Outcome<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in generator::Generator::new(seed, events) {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

fn measure(suite: &Suite, json: Option<PathBuf>) -> Outcome<()> {
    let results = suite.run()?;
    print!("{}", results.table());
    if let Some(path) = json {
        std::fs::write(path, format!("{:#}\n", results.json()))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Generate { events, seed } => generate(events, seed),
        Command::Table { dir, rows, seed } => table::write(&dir, rows, seed),
        #[cfg(feature = "postgres")]
        Command::Postgres {
            rounds,
            appends,
            events,
            servanda,
        } => postgres::OnPostgres {
            rounds,
            appends,
            events,
            servanda,
        }
        .run()
        .map(|results| print!("{}", results.table())),
        Command::Run {
            events,
            rounds,
            appends,
            only,
            alone,
            servanda,
            dir,
            json,
        } => measure(
            &Suite {
                events,
                rounds,
                appends,
                servanda,
                dir,
                with_peers: !alone,
                only,
            },
            json,
        ),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error)
            if error
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
