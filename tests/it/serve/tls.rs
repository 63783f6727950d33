//! TLS, and what tells the system that a server is ready.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::client::Serving;
use super::communique;
use crate::program::Scratch;

/// Writes the certificate and the key of a server, and gives the certificate of the authority that made it.
fn certify(scratch: &Scratch) -> String {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    scratch.write("own.crt", own.signed_by(&key, &issuer).unwrap().pem());
    write_key(scratch, &key.serialize_pem());
    certificate.pem()
}

fn write_key(scratch: &Scratch, text: &str) {
    let path = scratch.write("own.key", text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Asks a server as a client that trusts one authority; an error where the server is not of it.
fn ask(serving: &Serving, authority: &str, request: &str) -> Result<String, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(serving.address())?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut stream = StreamOwned::new(client, stream);
    let request = format!("{request}\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

const FILES: &[&str] = &["--tls-cert", "own.crt", "--tls-key", "own.key"];

#[test]
fn it_speaks_tls_and_takes_other_certificates_while_it_runs() {
    let scratch = communique();
    let first = certify(&scratch);
    let serving = Serving::start(&scratch, FILES);
    let token = serving.token().to_owned();
    let entered = ask(
        &serving,
        &first,
        &format!("GET /enter?token={token} HTTP/1.1"),
    )
    .unwrap();
    assert!(entered.starts_with("HTTP/1.1 303 "), "{entered}");
    assert!(entered.contains("; Secure\r\n"), "{entered}");
    // Without TLS nothing is told, and who stalls in the middle of a handshake keeps nobody waiting.
    let mut plain = TcpStream::connect(serving.address()).unwrap();
    let _stalls = TcpStream::connect(serving.address()).unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"), "{said:?}");

    let health = "GET /healthz HTTP/1.1";
    let second = certify(&scratch);
    assert!(ask(&serving, &second, health).is_err());
    serving.signal("-HUP");
    let is_taken = |_: &u32| ask(&serving, &second, health).is_ok();
    assert!(
        (0..200)
            .inspect(|_| std::thread::sleep(Duration::from_millis(25)))
            .any(|n| is_taken(&n))
    );
    assert!(ask(&serving, &first, health).is_err());
    // What cannot be used changes nothing.
    write_key(&scratch, "no key");
    serving.signal("-HUP");
    std::thread::sleep(Duration::from_millis(200));
    assert!(ask(&serving, &second, health).unwrap().contains("200 OK"));
    let (code, said) = serving.stop("-TERM");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the certificates were read again"), "{said}");
    assert!(
        said.contains("the certificates stay as they were: own.crt and own.key"),
        "{said}"
    );
    assert!(
        !said.contains("no key") && !said.contains("PRIVATE"),
        "{said}"
    );
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let scratch = communique();
    certify(&scratch);
    let serve = [&["serve", "--listen", "127.0.0.1:0"], FILES].concat();
    let key = scratch.path("own.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    scratch
        .run(&serve)
        .fails(1, &["own.key can be read by others"]);
    let other = KeyPair::generate().unwrap().serialize_pem();
    std::fs::remove_file(&key).unwrap();
    write_key(&scratch, &other);
    scratch.run(&serve).fails(
        1,
        &["own.crt and own.key: the certificate and the key cannot be used"],
    );
    let alone = ["serve", "--tls-cert", "own.crt"];
    scratch.run(&alone).fails(2, &["--tls-key"]);
}

#[test]
#[cfg(target_os = "linux")]
fn systemd_is_told_when_it_is_ready_and_when_it_stops() {
    let scratch = communique();
    let path = scratch.path("notify");
    let listener = UnixDatagram::bind(&path).unwrap();
    listener
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let heard = || {
        let mut said = [0; 100];
        let length = listener.recv(&mut said).unwrap();
        String::from_utf8_lossy(&said[..length]).into_owned()
    };
    let mut command = scratch.servanda();
    command.env("NOTIFY_SOCKET", &path);
    let serving = Serving::run(command, &[], true);
    assert_eq!(heard().trim(), "READY=1");
    assert_eq!(serving.stop("-TERM").0, Some(0));
    assert_eq!(heard().trim(), "STOPPING=1");
}
