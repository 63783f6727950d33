//! `servanda-benches`: the generator of histories, and the benchmarks that are run on them.

mod generator;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
}

fn generate(events: u64, seed: u64) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in generator::Generator::new(seed, events) {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Generate { events, seed } => generate(events, seed),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
