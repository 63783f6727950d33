//! `witness`: cosigns the checkpoints of other ledgers, or asks witnesses to cosign this one's.

mod ask;
mod serve;

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::session::Session;

pub(super) const COMMAND: Command = Command::of::<WitnessCommand>();

/// Cosign checkpoints of other ledgers
#[derive(clap::Parser)]
#[command(
    name = "witness",
    arg_required_else_help = true,
    after_help = "Examples:
  servanda witness serve --key witness.key --state witness \\
    --log servanda.example/log1+146d4a70+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c
  servanda witness ask --policy witnesses.policy --key log.key"
)]
struct WitnessCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    Serve(serve::Serve),
    Ask(ask::Ask),
}

impl Run for WitnessCommand {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self.action {
            Action::Serve(serve) => serve.run(session),
            Action::Ask(ask) => ask.run(session),
        }
    }
}
