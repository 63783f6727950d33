//! The certificates of a server, and what tells the system that it is ready.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::CliError;
use super::files;
use super::interrupt;
use super::keys::read_private;
use servanda_core::words::harmless;
use servanda_http::{App, HungUp, Server, Tls, TlsError};

/// The files for TLS.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct TlsFiles {
    /// Speak TLS with this certificate and those that follow it, in PEM; read again at SIGHUP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM, in a file of mode 600
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// Certificates, and the files that they come from.
pub(super) struct Certificates {
    tls: Arc<Tls>,
    cert: PathBuf,
    key: PathBuf,
}

impl TlsFiles {
    /// Reads the certificates; none where the user named none.
    pub fn read(&self) -> Result<Option<Certificates>, CliError> {
        let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let tls = Tls::new(
            &files::read(cert, files::TEXT_BYTES)?,
            read_private(key)?.as_bytes(),
        );
        Ok(Some(Certificates {
            tls: Arc::new(tls.map_err(|error| unusable(cert, key, &error))?),
            cert: cert.clone(),
            key: key.clone(),
        }))
    }
}

fn unusable(cert: &Path, key: &Path, error: &TlsError) -> CliError {
    CliError::refused(format!("{} and {}: {error}", cert.display(), key.display()))
}

impl Certificates {
    /// Reads the files again.
    fn read_again(&self) -> Result<(), CliError> {
        let cert = files::read(&self.cert, files::TEXT_BYTES)?;
        let key = read_private(&self.key)?;
        let replaced = self.tls.replace(&cert, key.as_bytes());
        replaced.map_err(|error| unusable(&self.cert, &self.key, &error))
    }
}

/// Runs a server until it is interrupted. Calls `ready` with its URL, and tells systemd, if that started it.
///
/// # Errors
/// What the system says.
pub(super) fn run<A: App>(
    server: Server<A>,
    certificates: Option<Certificates>,
    quiet: bool,
    ready: impl FnOnce(&str),
) -> io::Result<()> {
    let scheme = match certificates {
        None => "http",
        Some(_) => "https",
    };
    let (server, hung_up) = match certificates {
        None => (server, None),
        Some(certificates) => {
            let server = server.with_tls(Arc::clone(&certificates.tls));
            let hung_up: HungUp = Box::new(move || say_read_again(&certificates, quiet));
            (server, Some(hung_up))
        }
    };
    let takes_hangup = hung_up.is_some();
    let ran = server.run_until_interrupted(hung_up, |address| {
        interrupt::hand_over(takes_hangup);
        ready(&format!("{scheme}://{address}"));
        tell_systemd(true);
    });
    tell_systemd(false);
    ran
}

/// Reads the certificates again. Those before stay where that fails, which is said in any case.
fn say_read_again(certificates: &Certificates, quiet: bool) {
    let line = match certificates.read_again() {
        Ok(()) if quiet => return,
        Ok(()) => "the certificates were read again".to_owned(),
        Err(error) => format!("the certificates stay as they were: {error}"),
    };
    // A failure to print talk is no error.
    let _ = writeln!(io::stderr().lock(), "{}", harmless(&line));
}

/// Tells systemd that the server is ready, or that it ends.
fn tell_systemd(is_ready: bool) {
    #[cfg(target_os = "linux")]
    {
        use sd_notify::NotifyState::{Ready, Stopping};
        let state = if is_ready { Ready } else { Stopping };
        // Where nobody listens, nobody waits.
        let _ = sd_notify::notify(&[state]);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = is_ready;
}
