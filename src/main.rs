//! The `servanda` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    servanda::cli::main()
}
