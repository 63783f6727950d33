//! `serve`: the ledger over HTTP, for many at once.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::NaiveDate;

use super::access::access_file;
use super::checkpoint::LogKey;
use super::command::{Command, Run};
use super::demo;
use super::documents;
use super::error::{CliError, Exit};
use super::keys::read_signing_key;
use super::session::Session;
use crate::desk::names::Names;
use crate::desk::reading::Desk;
use servanda_core::event::{Fields, Kind};
use servanda_core::state::State;
use servanda_log::{Log as _, Watch};
use servanda_serve::access::new_token;
use servanda_serve::{Options, Service, Shared, Typed, TypedWrong, Verifier};

pub(super) const COMMAND: Command = Command::of::<Serve>();

/// How often to look what others appended, where nothing told of it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Serve the ledger to many at once: pages for people, an API for programs, tiles for auditors
#[derive(clap::Parser)]
#[command(
    name = "serve",
    after_help = "Speaks plain HTTP. To offer it to other machines, put a proxy that speaks TLS before it, and give \
the name under which the proxy is reached with --host.

Nothing is shown and nothing is recorded without a token, unless --public-read is given. `servanda \
access add` gives tokens. Where nobody has one, the server prints a link for whoever started it, which \
works once. While it runs, the ledger is open, and other commands wait for it. Ctrl-C or SIGTERM ends \
it: what was acknowledged is on the disk, and requests under way are finished.

Examples:
  servanda serve --demo
  servanda serve
  servanda serve --public-read --listen 127.0.0.1:8000 --host ledger.example.org"
)]
struct Serve {
    /// The address to listen on, such as [::1]:8377; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8377")]
    listen: SocketAddr,
    /// A name under which it is reached through a proxy; give the option once for each
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Record nothing, and show no form
    #[arg(long)]
    read_only: bool,
    /// Let anybody read and verify, without a token
    #[arg(long)]
    public_read: bool,
    /// Serve a ledger made from a communiqué of two defence ministers, which is gone when the server ends
    #[arg(long)]
    demo: bool,
    /// The file of those who have tokens; `access` in the ledger's directory without it
    #[arg(long, value_name = "FILE")]
    access: Option<PathBuf>,
    #[command(flatten)]
    log_key: LogKey,
}

impl Run for Serve {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        if session.dry_run {
            session.talk("nothing was served: this was a dry run");
            return Ok(Exit::Ok);
        }
        if session.has_signing_keys() {
            let message =
                "a server signs for no recorder: everybody who may record could sign then";
            return Err(CliError::new(Exit::Usage, message)
                .hint("leave out --sign-with and SERVANDA_SIGN_WITH"));
        }
        if !self.demo {
            return self.serve(session);
        }
        let scratch = tempfile::Builder::new().prefix("servanda-demo-").tempdir();
        let scratch = scratch.map_err(|error| {
            CliError::refused(format!("cannot make a directory for the demo: {error}"))
        })?;
        let ledger = scratch.path().join("ledger");
        let session = session.on(&ledger);
        demo::make(&ledger, &session, ("", ""))?;
        self.serve(&session)
    }
}

impl Serve {
    fn serve(self, session: &Session) -> Result<Exit, CliError> {
        let log_key = self
            .log_key
            .key
            .as_deref()
            .map(read_signing_key)
            .transpose()?;
        let access = access_file(self.access, session)?;
        let listen = self.listen;
        let only_shows = self.read_only && self.public_read;
        let needs_link = access.entries()?.is_empty() && !only_shows;
        let start_token = needs_link
            .then(new_token)
            .transpose()
            .map_err(|error| CliError::refused(format!("no random bytes for a token: {error}")))?;
        let ledger = session.open()?;
        let before = ledger.head().count;
        let others = ledger.log().watcher();
        let cannot = |error| CliError::refused(format!("cannot listen on {listen}: {error}"));
        let quiet = session.quiet;
        let options = Options {
            read_only: self.read_only,
            public_read: self.public_read,
            is_loopback: listen.ip().is_loopback(),
            hosts: self.host,
            log_key,
            start_token: start_token.clone(),
            access,
            documents: documents::of(session),
            desk: Box::new(PeoplesDesk),
            verifier: Verifier {
                page: include_str!("../../docs/verify.html"),
                script: include_str!("../../docs/verify.js"),
            },
            log: Box::new(move |line| log(line, quiet)),
        };
        let service = Arc::new(Service::new(Shared::new(ledger).map_err(cannot)?, options));
        let server = service.bind(listen).map_err(cannot)?;
        if let Some(others) = others {
            look_for_others(&service, others)?;
        }
        if !listen.ip().is_loopback() {
            session.hint("tokens and pages cross the network in the clear; put a proxy that speaks TLS before it");
        }
        let mut said = Ok(());
        let ran = server.run_until_interrupted(|address| {
            said = session.say(&format!("listening on http://{address}"));
            if let Some(token) = &start_token {
                let link = format!("open http://{address}/enter?token={token}");
                said = std::mem::replace(&mut said, Ok(())).and_then(|()| session.say(&link));
                session.hint("the link works once; its token works as long as the server runs");
            }
        });
        stop(&service, session, before)?;
        ran.map_err(cannot)?;
        said.map(|()| Exit::Ok)
    }
}

/// Takes in what others append, until the ledger is closed.
fn look_for_others(service: &Arc<Service>, mut others: Box<dyn Watch>) -> Result<(), CliError> {
    let service = Arc::clone(service);
    let look = move || while service.await_others(&mut *others, LOOK_EVERY).is_ok() {};
    let thread = thread::Builder::new().name("servanda-follower".into());
    let started = thread.spawn(look).map(drop);
    started.map_err(|error| CliError::refused(format!("cannot start a thread: {error}")))
}

/// Ends the ledger's part: all that was asked for is on the disk.
fn stop(service: &Service, session: &Session, before: u64) -> Result<(), CliError> {
    let closed = service
        .close()
        .map_err(|error| CliError::refused(error.to_string()))?;
    if let Some(ledger) = closed {
        session.keep(&ledger, before);
        let recorded = ledger.head().count - before;
        session.talk(&format!("stopped; {recorded} records came while it ran"));
        ledger.close_without_drop();
    }
    Ok(())
}

/// Writes a line for each answer, as JSON.
fn log(line: &str, quiet: bool) {
    if !quiet {
        // A failure to log is no error.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}

/// Reads the texts of forms as the command line reads those of its options.
struct PeoplesDesk;

impl servanda_serve::Desk for PeoplesDesk {
    fn today(&self) -> NaiveDate {
        Session::today()
    }

    fn read(&self, state: &State, kind: Kind, typed: &Fields) -> Result<Typed, Vec<TypedWrong>> {
        let desk = Desk {
            names: Some(Names::new(state)),
            today: Session::today(),
            zone: Session::zone(),
        };
        let read = desk.read(kind, typed, &[]);
        let event = desk.event(kind, &read).map_err(|wrong| {
            let wrong = wrong.into_iter().map(|wrong| TypedWrong {
                field: wrong.field,
                message: wrong.message,
            });
            wrong.collect::<Vec<_>>()
        })?;
        Ok(Typed {
            event,
            said: read.said,
        })
    }
}
