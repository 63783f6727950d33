//! A witness that is asked by https.

use servanda_http::Tls;

use super::*;

/// The certificate of an authority, and a server's with its key, made by it: all as PEM.
fn certificates(name: &str) -> (String, String, String) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let own = params.signed_by(&key, &issuer).unwrap();
    (certificate.pem(), own.pem(), key.serialize_pem())
}

#[test]
fn a_witness_is_asked_by_https_and_must_be_the_one_it_says() {
    let witness = TestLog::of(0).witness(Volatile::default()).unwrap();
    let (authority, own, key) = certificates("localhost");
    let tls = Arc::new(Tls::new(own.as_bytes(), key.as_bytes()).unwrap());
    let running = bound(witness, LIMITS).with_tls(tls).start().unwrap();
    let port = running.address().port();
    let log = TestLog::of(3);
    let mut never = |_| Err("no proof is wanted");
    let mut asked = |host: &str, trust: &Trust| {
        let url = format!("https://{host}:{port}");
        ask(&url, trust, None, &log.checkpoint(3), &mut never)
    };
    let trust = Trust::only(authority.as_bytes()).unwrap();
    asked("localhost", &trust).unwrap();
    let other = Trust::only(certificates("localhost").0.as_bytes()).unwrap();
    for (host, trust) in [
        ("127.0.0.1", &trust),
        ("localhost", &other),
        ("localhost", &Trust::of_machine()),
    ] {
        let error = asked(host, trust).unwrap_err();
        assert!(matches!(error, AskError::Unreachable { .. }), "{error}");
    }
    // Nor is a witness that speaks TLS asked without it.
    let plain = format!("http://localhost:{port}");
    assert!(ask(&plain, &trust, None, &log.checkpoint(3), &mut never).is_err());
    assert!(Trust::only(b"no certificate").is_err());
    assert!(Tls::new(own.as_bytes(), certificates("localhost").2.as_bytes()).is_err());
}
