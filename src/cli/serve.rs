//! `serve`: the ledger over HTTP, for many at once.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use self::forms::PeoplesDesk;
use self::logging::log;
use super::access::access_file;
use super::checkpoint::LogKey;
use super::command::{Command, Run};
use super::demo;
use super::documents;
use super::error::{CliError, Exit};
use super::keys::read_signing_key;
use super::mirror::Trust;
use super::published;
use super::session::Session;
use super::tls::{self, TlsFiles};
use super::verify::COSIGNED;
use servanda_core::words::plural;
use servanda_log::{Location, Log as _};
use servanda_serve::access::new_token;
use servanda_serve::{Options, Service, Shared, Trusted, Verifier};

mod forms;
mod lending;
mod logging;
mod mirroring;

pub(super) const COMMAND: Command = Command::of::<Serve>();

/// Serve the ledger to many at once: pages for people, an API for programs, tiles for auditors
#[derive(clap::Parser)]
#[command(
    name = "serve",
    after_help = "To offer it to other machines, give it a certificate (--tls-cert, --tls-key), or put a proxy that \
speaks TLS before it, and give the name under which it is reached with --host.

Nothing is shown and nothing is recorded without a token, unless --public-read is given. `servanda \
access add` gives tokens. Where nobody has one, the server prints a link for whoever started it, which \
works once. While it runs, other commands of the same user on the ledger go through it, by a socket in \
the ledger's directory. Ctrl-C or SIGTERM ends it: what was acknowledged is on the disk, and requests \
under way are finished.

With --mirror it is a read replica: what is published at URL is verified before it is shown, twice a second. A place that \
is damaged, was set back or shows another history is not followed any further, and that is said on standard error.

Examples:
  servanda serve --demo
  servanda serve
  servanda serve --public-read --listen 127.0.0.1:8000 --host ledger.example.org
  servanda serve --listen 0.0.0.0:443 --tls-cert ledger.crt --tls-key ledger.key
  servanda serve --host ledger.example.org --trust-header x-forwarded-user --proxy 127.0.0.1
  servanda serve --ledger replica --mirror s3://example-log/commission --policy witnesses.policy"
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
    tls: TlsFiles,
    /// A header in which a proxy that knows people names who asks, by a name that `access add` gave; from nobody else
    #[arg(long, value_name = "NAME", requires = "proxy")]
    trust_header: Option<String>,
    /// The address of that proxy; give the option once for each
    #[arg(long, value_name = "ADDRESS", requires = "trust_header")]
    proxy: Vec<IpAddr>,
    #[command(flatten)]
    log_key: LogKey,
    /// Show a published ledger: copy it into the ledger's directory, follow it, and record nothing
    #[arg(long, value_name = "URL", value_parser = published::location(), conflicts_with = "demo")]
    mirror: Option<Location>,
    #[command(flatten)]
    trust: Trust,
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
        if self.trust.is_given() && self.mirror.is_none() {
            return Err(CliError::new(
                Exit::Usage,
                "--policy and --log-key are for --mirror URL",
            ));
        }
        if self.mirror.is_some() {
            return self.serve(session);
        }
        if !self.demo {
            return match super::offer::made_where_there_is_none(session, "serve")? {
                None => self.serve(session),
                Some(made) => self.serve(&made),
            };
        }
        let (scratch, _temporary) = demo::scratch()?;
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
        let read_only = self.read_only || self.mirror.is_some();
        let tls = self.tls.read()?;
        let trusted = trusted(self.trust_header.as_deref(), &self.proxy)?;
        let (ledger, mirror) = mirroring::opened(self.mirror, &self.trust, session)?;
        let access = access_file(self.access, session)?;
        let listen = self.listen;
        let only_shows = read_only && self.public_read;
        let needs_link = access.entries()?.is_empty() && !only_shows;
        let start_token = needs_link
            .then(new_token)
            .transpose()
            .map_err(|error| CliError::refused(format!("no random bytes for a token: {error}")))?;
        let before = ledger.head().count;
        let others = ledger.log().watcher();
        let cannot = |error| CliError::refused(format!("cannot listen on {listen}: {error}"));
        let quiet = session.quiet;
        let options = Options {
            read_only,
            public_read: self.public_read,
            is_loopback: listen.ip().is_loopback(),
            is_tls: tls.is_some(),
            trusted,
            hosts: self.host,
            log_key,
            cosigned: session.beside(COSIGNED).ok(),
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
        let hosting = lending::lend(&service, session, others)?;
        if let Some(mirror) = mirror {
            mirroring::follow(&service, mirror, move |line| log(line, quiet))?;
        }
        if !listen.ip().is_loopback() && tls.is_none() {
            session.hint("tokens and pages cross the network in the clear; put a proxy that speaks TLS before it");
        }
        let mut said = Ok(());
        let ran = tls::run(server, tls, quiet, |url| {
            said = session.say(&format!("listening on {url}"));
            if let Some(token) = &start_token {
                let link = format!("open {url}/enter?token={token}");
                said = std::mem::replace(&mut said, Ok(())).and_then(|()| session.say(&link));
                session.hint("the link works once; its token works as long as the server runs");
            }
        });
        drop(hosting);
        logging::flush();
        stop(&service, session, before)?;
        ran.map_err(cannot)?;
        said.map(|()| Exit::Ok)
    }
}

/// The proxy that names who asks, if the user named one.
fn trusted(header: Option<&str>, proxies: &[IpAddr]) -> Result<Option<Trusted>, CliError> {
    let Some(header) = header else {
        return Ok(None);
    };
    let trusted = Trusted::new(header, proxies);
    trusted.map(Some).ok_or_else(|| {
        CliError::new(
            Exit::Usage,
            format!("{header:?} is no header that a proxy can set"),
        )
        .hint("such as x-forwarded-user; the proxy must remove it from what its clients send")
    })
}

/// Ends the ledger's part: all that was asked for is on the disk.
fn stop(service: &Service, session: &Session, before: u64) -> Result<(), CliError> {
    let closed = service
        .close()
        .map_err(|error| CliError::refused(error.to_string()))?;
    if let Some(ledger) = closed {
        session.keep(&ledger, before);
        let recorded = usize::try_from(ledger.head().count - before).unwrap_or(usize::MAX);
        let records = plural(recorded, "record");
        session.talk(&format!("stopped; {records} came while it ran"));
        ledger.close_without_drop();
    }
    Ok(())
}
