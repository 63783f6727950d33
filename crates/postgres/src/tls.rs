//! TLS to a server, as `sslmode`, `sslrootcert`, `sslcert` and `sslkey` say
//! (<https://www.postgresql.org/docs/current/libpq-ssl.html>).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use postgres::config::SslMode;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::file::{Holds, UnusableFile, read};
use super::parameters::{Environment, Parameters};

/// What is asked of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    Disable,
    /// TLS if the server has it. Whoever can change what crosses the network can prevent it.
    Prefer,
    Require,
    /// Also a certificate of an authority that is known.
    VerifyCa,
    /// Also the host's name in the certificate.
    VerifyFull,
}

const MODES: [(&str, Mode); 5] = [
    ("disable", Mode::Disable),
    ("prefer", Mode::Prefer),
    ("require", Mode::Require),
    ("verify-ca", Mode::VerifyCa),
    ("verify-full", Mode::VerifyFull),
];

/// Why TLS cannot be tried.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// Not one of [`MODES`].
    #[error("sslmode={0} is none of disable, prefer, require, verify-ca and verify-full")]
    Mode(String),
    /// The system's authorities certify anybody: only a name tells servers apart.
    #[error("sslrootcert=system needs sslmode=verify-full")]
    WeakForSystem,
    /// There is nothing to verify a certificate with.
    #[error(
        "there are no root certificates to verify the server with{0}: give sslrootcert=FILE, or sslrootcert=system"
    )]
    NoRoots(String),
    /// A client's certificate without its key, or the other way round.
    #[error("sslcert and sslkey belong together")]
    HalfOfTwo,
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] UnusableFile),
    /// What the library says.
    #[error("TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

/// How to connect.
#[derive(Clone)]
pub(super) struct Tls {
    mode: Mode,
    connect: Option<MakeRustlsConnect>,
}

impl Tls {
    /// Takes its parameters out of others, and reads the files that they name.
    ///
    /// # Errors
    /// [`TlsError`]
    pub fn of(parameters: &mut Parameters, environment: Environment<'_>) -> Result<Self, TlsError> {
        let mut take = |name: &str| parameters.take(name).filter(|value| !value.is_empty());
        let (mode, roots) = (take("sslmode"), take("sslrootcert"));
        let (certificate, key) = (take("sslcert"), take("sslkey"));
        let is_system = roots.as_deref() == Some("system");
        let mode = match mode {
            None if is_system => Mode::VerifyFull,
            None => Mode::Prefer,
            Some(word) => {
                let known = MODES.iter().find(|(name, _)| *name == word);
                known.map(|(_, mode)| *mode).ok_or(TlsError::Mode(word))?
            }
        };
        if is_system && mode != Mode::VerifyFull {
            return Err(TlsError::WeakForSystem);
        }
        if mode == Mode::Disable {
            return Ok(Self {
                mode,
                connect: None,
            });
        }
        let own = environment("HOME").map(|home| PathBuf::from(home).join(".postgresql"));
        let roots = match roots {
            _ if is_system => Some(system_roots()),
            Some(path) => Some(roots_of(Path::new(&path))?),
            None => own_file(own.as_deref(), "root.crt")
                .map(|path| roots_of(&path))
                .transpose()?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = match roots {
            None if mode >= Mode::VerifyCa => {
                let looked = own.map(|own| format!(" ({})", own.join("root.crt").display()));
                return Err(TlsError::NoRoots(looked.unwrap_or_default()));
            }
            Some(roots) if mode == Mode::VerifyFull => builder.with_root_certificates(roots),
            roots => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyName::new(roots, &provider))),
        };
        let mut config = match client(certificate, key, own.as_deref())? {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
        };
        // What servers that are asked for TLS at once want to hear.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Self {
            mode,
            connect: Some(MakeRustlsConnect::new(config)),
        })
    }

    /// What the client is told. It falls back where the server says that it has no TLS.
    pub fn mode(&self) -> SslMode {
        match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        }
    }

    /// The means to connect; none where TLS is not to be tried.
    pub fn connect(&self) -> Option<MakeRustlsConnect> {
        self.connect.clone()
    }
}

/// Whether an error says that the other side is not the one that was asked for, or takes no TLS: it will not pass.
pub(super) fn is_refusal(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<std::io::Error>();
        let inner = inner.and_then(std::io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) || error.is::<rustls::Error>() {
            return true;
        }
        next = error.source();
    }
    error
        .to_string()
        .starts_with("error performing TLS handshake")
        && error
            .source()
            .is_none_or(|cause| !cause.is::<std::io::Error>())
}

/// A file of the user's that libpq looks for too, if it is there.
fn own_file(own: Option<&Path>, name: &str) -> Option<PathBuf> {
    let path = own?.join(name);
    path.exists().then_some(path)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, UnusableFile> {
    let bytes = read(path, Holds::NoSecret)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(UnusableFile::new(path, "it holds no certificate")),
        found => found.map_err(|error| UnusableFile::new(path, error)),
    }
}

fn roots_of(path: &Path) -> Result<RootCertStore, UnusableFile> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let added = roots.add(certificate);
        added.map_err(|error| UnusableFile::new(path, error))?;
    }
    Ok(roots)
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

type Client = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The certificate by which the server knows this user, and its key: as named, or where libpq looks for them.
fn client(
    certificate: Option<String>,
    key: Option<String>,
    own: Option<&Path>,
) -> Result<Option<Client>, TlsError> {
    let found = |given: Option<String>, name| match given {
        Some(path) => Some(PathBuf::from(path)),
        None => own_file(own, name),
    };
    let (certificate, key) = match (
        found(certificate, "postgresql.crt"),
        found(key, "postgresql.key"),
    ) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => return Err(TlsError::HalfOfTwo),
    };
    let chain = certificates(&certificate)?;
    let secret = PrivateKeyDer::from_pem_slice(&read(&key, Holds::Secret)?);
    let secret = secret.map_err(|error| UnusableFile::new(&key, error))?;
    Ok(Some((chain, secret)))
}

/// Verifies that a certificate is of an authority that is known, if any is, and asks for no name in it.
#[derive(Debug)]
struct AnyName {
    roots: Option<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyName {
    fn new(roots: Option<RootCertStore>, provider: &CryptoProvider) -> Self {
        Self {
            roots,
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(certificate)?,
                roots,
                intermediates,
                now,
                self.algorithms.all,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
