//! TLS to a server, and what shows who asks: passwords, which nobody else sees, and certificates.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use servanda_postgres::testing::Server;

use super::{OnServer, servanda_on, server};
use crate::program::{Outcome, run};

/// The password that must be nowhere.
const SECRET: &str = "hunter2-and-more";

/// Who may come how.
const WHO: &str = "host all postgres 127.0.0.1/32 trust
hostssl all tls 127.0.0.1/32 trust
hostnossl all plain 127.0.0.1/32 trust
hostssl all certified 127.0.0.1/32 cert
hostssl all secret 127.0.0.1/32 scram-sha-256
";

/// One that makes certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut about = CertificateParams::default();
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        about.distinguished_name.push(DnType::CommonName, name);
        let pem = about.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(about, key),
        }
    }

    /// A certificate for a name, good until the first day of a year; and its key.
    fn certify(&self, name: &str, until: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut about = CertificateParams::new(vec![name.to_owned()]).unwrap();
        about.distinguished_name.push(DnType::CommonName, name);
        about.not_before = date_time_ymd(2020, 1, 1);
        about.not_after = date_time_ymd(until, 1, 1);
        let made = about.signed_by(&key, &self.issuer).unwrap();
        (made.pem(), key.serialize_pem())
    }
}

/// A ledger on a server that has this certificate.
struct Site<'a> {
    ledger: OnServer<'a>,
}

impl Site<'_> {
    /// The program on the ledger, by the server's name.
    fn log(&self, user: &str, host: &str, parameters: &str, with: &[(&str, &str)]) -> Outcome {
        let (port, schema) = (self.ledger.server.port, &self.ledger.schema);
        let url = format!("postgres://{user}@{host}:{port}/postgres?schema={schema}&{parameters}");
        let mut command = servanda_on(&self.ledger.scratch, &url);
        command
            .args(["log", "--wait", "0"])
            .envs(with.iter().copied());
        let outcome = run(command, b"");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!said.contains(SECRET), "{outcome:#?}");
        outcome
    }

    /// Asserts that it is refused, with these words.
    #[track_caller]
    fn refused(&self, user: &str, host: &str, parameters: &str, says: &str) {
        self.log(user, host, parameters, &[])
            .fails(1, &["error: ", says]);
    }

    #[track_caller]
    fn taken(&self, user: &str, host: &str, parameters: &str) {
        self.log(user, host, parameters, &[]).ok();
    }

    /// A file of the user's.
    fn write(&self, name: &str, text: &str, mode: u32) -> String {
        let path: PathBuf = self.ledger.scratch.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    }
}

/// Starts the server again, with a certificate.
fn with_certificate(server: &mut Server, (certificate, key): &(String, String), ca: &Authority) {
    server.give("data/pg_hba.conf", WHO);
    let options = [
        ("ssl_cert_file", server.give("server.crt", certificate)),
        ("ssl_key_file", server.give("server.key", key)),
        ("ssl_ca_file", server.give("ca.crt", &ca.pem)),
    ];
    let options = options.map(|(name, path)| format!("{name}={}", path.display()));
    let mut options: Vec<&str> = options.iter().map(String::as_str).collect();
    options.push("ssl=on");
    server.crash(&options);
    let mut client = server.client();
    for role in ["tls", "plain", "certified", "secret"] {
        let make = format!(
            "DO $$ BEGIN CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{SECRET}'; \
            EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        );
        // The statement holds the password; the server logs none that succeeds.
        client.batch_execute(&make).unwrap();
    }
}

#[test]
fn each_mode_asks_for_what_it_says() {
    let Some(mut server) = server() else {
        return;
    };
    let (ca, other) = (Authority::named("ours"), Authority::named("another"));
    with_certificate(&mut server, &ca.certify("localhost", 2099), &ca);
    let site = Site {
        ledger: OnServer::with_ledger(&server),
    };
    let known = site.write("ca.pem", &ca.pem, 0o644);
    let unknown = site.write("other.pem", &other.pem, 0o644);
    let (here, number) = ("localhost", "127.0.0.1");
    let full = format!("sslmode=verify-full&sslrootcert={known}");
    site.taken("tls", here, &full);
    site.refused("tls", number, &full, "not valid for name");
    site.taken(
        "tls",
        number,
        &format!("sslmode=verify-ca&sslrootcert={known}"),
    );
    for mode in ["verify-full", "verify-ca", "require"] {
        let with = format!("sslmode={mode}&sslrootcert={unknown}");
        site.refused("tls", here, &with, "UnknownIssuer");
    }
    site.refused(
        "tls",
        here,
        "sslmode=verify-full",
        "there are no root certificates",
    );
    site.refused("tls", here, "sslrootcert=system", "UnknownIssuer");
    // Nothing is verified with these, and all but the first two are TLS.
    site.refused("tls", here, "sslmode=disable", "no pg_hba.conf entry");
    site.taken("plain", here, "sslmode=disable");
    site.taken("tls", here, "");
    site.taken("tls", number, "sslmode=require");
    // What is only preferred falls back, where the server wants that or its certificate is of an authority unknown.
    site.taken("plain", here, "");
    site.refused("plain", here, "sslmode=require", "no pg_hba.conf entry");
    let prefer = format!("sslmode=prefer&sslrootcert={unknown}");
    site.taken("plain", here, &prefer);
    site.refused("tls", here, &prefer, "no pg_hba.conf entry");
    // The user's own authorities count wherever there is TLS, as they do for libpq.
    site.write("home/.postgresql/root.crt", &other.pem, 0o644);
    site.refused("tls", here, "sslmode=require", "UnknownIssuer");
    site.write("home/.postgresql/root.crt", &ca.pem, 0o644);
    site.taken("tls", here, "sslmode=verify-full");

    // A user whom the server knows by a certificate.
    let (mine, key) = ca.certify("certified", 2099);
    let mine = site.write("mine.pem", &mine, 0o644);
    let open = site.write("open.key", &key, 0o644);
    let key = site.write("mine.key", &key, 0o600);
    let with = |key: &str| format!("sslmode=verify-full&sslcert={mine}&sslkey={key}");
    site.taken("certified", here, &with(&key));
    site.refused("certified", here, &with(&open), "chmod 600");
    site.refused("certified", here, "sslmode=verify-full", "certificate");
}

#[test]
fn an_expired_certificate_is_refused_and_a_server_without_tls_too() {
    let Some(mut server) = server() else {
        return;
    };
    let ca = Authority::named("ours");
    with_certificate(&mut server, &ca.certify("localhost", 2021), &ca);
    let schema = {
        let site = Site {
            ledger: OnServer::with_ledger(&server),
        };
        let known = site.write("ca.pem", &ca.pem, 0o644);
        for mode in ["verify-full", "verify-ca"] {
            let with = format!("sslmode={mode}&sslrootcert={known}");
            site.refused("tls", "localhost", &with, "expired");
        }
        site.taken("tls", "localhost", "sslmode=require");
        site.ledger.schema.clone()
    };
    server.crash(&["ssl=off"]);
    let mut ledger = OnServer::empty(&server);
    ledger.schema = schema;
    let site = Site { ledger };
    let known = site.write("ca.pem", &ca.pem, 0o644);
    site.taken("plain", "localhost", "sslmode=prefer");
    for mode in ["require", "verify-ca", "verify-full"] {
        let with = format!("sslmode={mode}&sslrootcert={known}");
        site.refused("plain", "localhost", &with, "does not support TLS");
    }
}

#[test]
fn passwords_come_from_where_nobody_sees_them_and_go_nowhere_else() {
    let Some(mut server) = server() else {
        return;
    };
    let ca = Authority::named("ours");
    with_certificate(&mut server, &ca.certify("localhost", 2099), &ca);
    let site = Site {
        ledger: OnServer::with_ledger(&server),
    };
    let known = site.write("home/.postgresql/root.crt", &ca.pem, 0o644);
    let full = format!("sslmode=verify-full&sslrootcert={known}&channel_binding=require");
    let log = |with: &[(&str, &str)]| site.log("secret", "localhost", &full, with);
    log(&[("PGPASSWORD", SECRET)]).ok();
    log(&[("PGPASSWORD", "another")]).fails(1, &["password authentication failed"]);
    log(&[]).fails(1, &["password"]);
    let line = format!("localhost:*:*:secret:{SECRET}\n");
    let own = site.write("pass", &line, 0o600);
    log(&[("PGPASSFILE", &own)]).ok();
    let open = site.write("open", &line, 0o644);
    log(&[("PGPASSFILE", &open)]).fails(1, &["open", "chmod 600"]);
    site.write("home/.pgpass", &line, 0o600);
    log(&[]).ok();
    // All of it from a service file.
    let (port, schema) = (server.port, &site.ledger.schema);
    let service = format!(
        "[commission]\nhost=localhost\nport={port}\ndbname=postgres\nuser=secret\n\
        password={SECRET}\nschema={schema}\nsslmode=verify-full\n"
    );
    let service = site.write("services", &service, 0o600);
    let mut command = servanda_on(&site.ledger.scratch, "postgres:///?service=commission");
    command.env("PGSERVICEFILE", service).args(["log"]);
    run(command, b"").ok();
    // A server of the ledger logs no password either.
    #[cfg(feature = "serve")]
    {
        let url = format!("postgres://secret@localhost:{port}/postgres?schema={schema}&{full}");
        let mut command = servanda_on(&site.ledger.scratch, &url);
        command.env("PGPASSWORD", SECRET);
        let serving = crate::serve::client::Serving::run(command, &[], true);
        serving.starter().get("/api/v1/records/0");
        let (code, said) = serving.stop("-TERM");
        assert_eq!(code, Some(0), "{said}");
        assert!(!said.contains(SECRET), "{said}");
    }
    assert!(!server.said().contains(SECRET));
}
