//! The options of every command.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser as _};
use servanda_log::Location;
use servanda_report::render::FORMATS;

/// The heading over the options of every command.
pub const GLOBAL_OPTIONS: &str = "Global options";

/// The global options.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = GLOBAL_OPTIONS)]
pub struct Globals {
    /// The ledger: a directory or a URL
    #[arg(
        long,
        global = true,
        value_name = "DIR|URL",
        env = "SERVANDA_LEDGER",
        hide_env_values = true,
        value_parser = OsStringValueParser::new().map(Location::new)
    )]
    pub ledger: Option<Location>,
    /// How to write data
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        value_parser = PossibleValuesParser::new(FORMATS.iter().map(|format| format.name())),
        default_value = "table"
    )]
    pub format: String,
    /// Write data and errors, and nothing else
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Use no colour (nor where NO_COLOR is set, nor in a pipe)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Check and show what would be recorded, and record nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// How long to wait for a ledger that another process holds
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(0..=86_400)
    )]
    pub wait: u64,
    /// Private keys of the recorders who sign what is appended
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "SERVANDA_SIGN_WITH",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub sign_with: Vec<PathBuf>,
    /// Append although this machine's clock is more than a year ahead of the last record
    #[arg(long, global = true)]
    pub clock_is_right: bool,
    /// Take new ids that differ from others in upper and lower case only
    #[arg(long, global = true)]
    pub case_matters: bool,
    /// Neither compare with the newest checkpoint that was seen of this ledger, nor remember one
    #[arg(long, global = true)]
    pub no_memory: bool,
}
