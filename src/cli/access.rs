//! `access`: who may do what with a ledger that is served.

use std::path::PathBuf;

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::session::Session;
use servanda_report::report::{Cell, Document, Table};
use servanda_serve::access::{AccessFile, FileError, Role};

pub(super) const COMMAND: Command = Command::of::<Access>();

/// Give tokens for a ledger that is served, and take them back
#[derive(clap::Parser)]
#[command(
    name = "access",
    arg_required_else_help = true,
    after_help = "Roles: a reader reads; an auditor also takes raw records, proofs and tiles; a recorder also records, \
in one name; an admin records in any name. Tokens are kept nowhere, only their digests are. A running \
server notices a change of the file at once.

Examples:
  servanda access add ana --role recorder --as \"Ana Pérez\"
  servanda access list
  servanda access remove ana"
)]
struct Access {
    #[command(subcommand)]
    action: Action,
    /// The file of those who have tokens; `access` in the ledger's directory without it
    #[arg(long, global = true, value_name = "FILE")]
    access: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Give somebody a token, which is printed once
    #[command(
        after_help = "Examples:\n  servanda access add ana --role recorder --as \"Ana Pérez\"\n  servanda access add press --role reader"
    )]
    Add {
        /// A name for log lines and for this list
        #[arg(value_name = "NAME")]
        name: String,
        /// What the token is good for: reader, auditor, recorder or admin
        #[arg(long, value_name = "ROLE", value_parser = |word: &str| word.parse::<Role>())]
        role: Role,
        /// Whom events are recorded by; NAME without it
        #[arg(long = "as", value_name = "TEXT")]
        records_as: Option<String>,
    },
    /// List those who have a token
    #[command(after_help = "Examples:\n  servanda access list")]
    List,
    /// Take somebody's token back
    #[command(after_help = "Examples:\n  servanda access remove ana")]
    Remove {
        /// The name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

impl Run for Access {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let file = access_file(self.access, session)?;
        if session.dry_run && !matches!(self.action, Action::List) {
            session.talk("nothing was changed: this was a dry run");
            return Ok(Exit::Ok);
        }
        match self.action {
            Action::Add {
                name,
                role,
                records_as,
            } => {
                let name = name.trim();
                if name.is_empty() || name.chars().any(char::is_control) {
                    return Err(CliError::new(
                        Exit::Usage,
                        "a name has letters, and no control characters",
                    ));
                }
                let token = file.add(name, role, records_as.as_deref())?;
                session.say(&token)?;
                session.hint(&format!(
                    "this is shown once: give it to {name} on a safe way; `{}` takes it back",
                    session.command(&format!("access remove {name}"))
                ));
            }
            Action::List => session.show(&list(&file)?)?,
            Action::Remove { name } => {
                file.remove(&name)?;
                session.talk(&format!("{name} has no token any more"));
            }
        }
        Ok(Exit::Ok)
    }
}

fn list(file: &AccessFile) -> Result<Document<'static>, CliError> {
    let mut table = Table::new(
        "access",
        "Those who have a token",
        &["name", "role", "records_as"],
    )
    .or("nobody");
    for entry in file.entries()? {
        table.push(vec![
            Cell::text(entry.name),
            Cell::text(entry.role),
            Cell::maybe(entry.records_as),
        ]);
    }
    Ok(Document {
        report: "access",
        title: "Access".into(),
        tables: vec![table],
        ..Document::default()
    })
}

/// The file of those who have tokens for the ledger.
pub(super) fn access_file(
    named: Option<PathBuf>,
    session: &Session,
) -> Result<AccessFile, CliError> {
    let path = named.map_or_else(|| session.beside("access"), Ok)?;
    Ok(AccessFile::new(path))
}

impl From<FileError> for CliError {
    fn from(error: FileError) -> Self {
        let refused = Self::refused(error.to_string());
        match error {
            FileError::Known(_) => {
                refused.hint("take the old token back first: `servanda access remove NAME`")
            }
            FileError::Unknown(_) => {
                refused.hint("`servanda access list` lists those who have one")
            }
            FileError::Malformed { .. } => {
                refused.hint("put an earlier copy back, or remove the file and give new tokens")
            }
            FileError::File { .. } | FileError::Entropy(_) => refused,
        }
    }
}
