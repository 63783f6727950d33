//! Where a server is, and who asks it: the URL of a location, the environment and the password file.

use std::str::FromStr as _;
use std::time::Duration;

use postgres::Config;
use postgres::config::Host;
use servanda_log::Location;

use super::file::UnusableFile;
use super::parameters::{Environment, Parameters, ServiceError};
use super::passfile;
use super::tls::{Tls, TlsError};

/// The schema in which a ledger's tables lie, unless the URL names another.
const SCHEMA: &str = "servanda";

/// After how long without a word the other side is asked whether it is there; how often; and after how long without an
/// answer to what was sent it is given up: unless the address says otherwise. Without these, a network that is cut would
/// be noticed after hours.
const KEEPALIVE: Duration = Duration::from_secs(10);
const KEEPALIVE_AGAIN: Duration = Duration::from_secs(5);
const KEEPALIVES: u32 = 3;
const UNANSWERED: Duration = Duration::from_secs(30);

/// An address, as a URL gives it.
#[derive(Clone)]
pub(super) struct Address {
    /// How to connect, without what each connection adds.
    pub config: Config,
    /// The schema that holds the ledger's tables.
    pub schema: String,
    /// The server's name for people: hosts and database, and no user or password.
    pub name: String,
    /// How to speak TLS.
    pub tls: Tls,
}

/// Why a URL is not an address. No message repeats the URL, because it may hold a password.
#[derive(Debug, thiserror::Error)]
pub(super) enum AddressError {
    /// It holds a password, which others can read in the list of processes and in the shell's history.
    #[error(
        "a password does not belong into an address: put it into the environment as PGPASSWORD, or into ~/.pgpass"
    )]
    Password,
    /// The name of the schema has other characters than these.
    #[error(
        "the schema {0:?} is not made of small letters, digits and _, or is longer than 63 of them"
    )]
    Schema(String),
    /// The client does not understand it.
    #[error("the address cannot be read: {0}")]
    Url(String),
    /// The password file cannot be used.
    #[error(transparent)]
    PasswordFile(#[from] UnusableFile),
    /// The service that it names cannot be used.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// TLS cannot be tried as it says.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Address {
    /// Reads the URL of a location. Besides what libpq knows, `schema=NAME` may be among its parameters.
    ///
    /// # Errors
    /// [`AddressError`]
    pub fn of(location: &Location) -> Result<Self, AddressError> {
        Self::read(location, &|name| std::env::var(name).ok())
    }

    fn read(location: &Location, environment: Environment<'_>) -> Result<Self, AddressError> {
        let address = location.address();
        let (base, query) = address.split_once('?').unwrap_or((address, ""));
        let mut parameters = Parameters::of(query);
        if parameters.has("password") {
            return Err(AddressError::Password);
        }
        let plain = config(base, "")?;
        if plain.get_password().is_some() {
            return Err(AddressError::Password);
        }
        parameters.complete(environment, |name| match name {
            "host" | "port" => !plain.get_hosts().is_empty(),
            "user" => plain.get_user().is_some(),
            "dbname" => plain.get_dbname().is_some(),
            _ => false,
        })?;
        let schema = parameters
            .take("schema")
            .unwrap_or_else(|| SCHEMA.to_owned());
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if schema.is_empty() || schema.len() > 63 || !schema.chars().all(is_plain) {
            return Err(AddressError::Schema(schema));
        }
        // Of the service file: the address has none.
        let password = parameters.take("password");
        let tls = Tls::of(&mut parameters, environment)?;
        let mut config = config(base, &parameters.query())?;
        config.ssl_mode(tls.mode());
        if !parameters.has("keepalives_idle") {
            config.keepalives_idle(KEEPALIVE);
        }
        if !parameters.has("keepalives_interval") {
            config.keepalives_interval(KEEPALIVE_AGAIN);
        }
        if !parameters.has("keepalives_retries") {
            config.keepalives_retries(KEEPALIVES);
        }
        if !parameters.has("tcp_user_timeout") {
            config.tcp_user_timeout(UNANSWERED);
        }
        let name = name(&config);
        let password = match password {
            Some(password) => Some(password),
            None => passfile::password(&config, environment)?,
        };
        if let Some(password) = password {
            config.password(password);
        }
        Ok(Self {
            config,
            schema,
            name,
            tls,
        })
    }
}

/// Reads an address with these parameters.
fn config(base: &str, query: &str) -> Result<Config, AddressError> {
    let url = format!("postgres:{base}?{query}");
    Config::from_str(&url).map_err(|error| AddressError::Url(super::failure::text(&error)))
}

/// The hosts and the database.
fn name(config: &Config) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(host) => format!("{host}:{port}"),
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    });
    let hosts = hosts.collect::<Vec<_>>().join(",");
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    format!("{hosts}/{database}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Result<Address, String> {
        Address::read(&Location::new(url), &|_| None).map_err(|error| error.to_string())
    }

    /// A directory with a service file, and the address that `?service=s` with it gives.
    fn of_service(lines: &str, mode: u32) -> Result<Address, String> {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".pg_service.conf");
        std::fs::write(&path, lines).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let home = home.path().to_str().unwrap().to_owned();
        let environment = |name: &str| (name == "HOME").then(|| home.clone());
        let at = Location::new("postgres:///?service=s");
        Address::read(&at, &environment).map_err(|error| error.to_string())
    }

    #[test]
    fn a_service_file_gives_what_the_address_does_not() {
        let lines =
            "[s]\nhost=one,two\nport=5433\ndbname=db\nuser=anna\npassword=hunter2\nschema=a\n";
        let found = of_service(lines, 0o600).unwrap();
        assert_eq!(found.name, "one:5433,two:5433/db");
        assert_eq!(found.schema, "a");
        assert_eq!(found.config.get_password(), Some(&b"hunter2"[..]));
        let open = of_service(lines, 0o644).err().unwrap();
        assert!(
            open.contains("chmod 600") && !open.contains("hunter2"),
            "{open}"
        );
        let unknown = of_service("[t]\n", 0o644).err().unwrap();
        assert!(unknown.contains("there is no service \"s\""), "{unknown}");
    }

    #[test]
    fn the_way_to_speak_tls_is_checked() {
        for (given, says) in [
            ("sslmode=allow", "none of disable, prefer"),
            ("sslmode=verify-full", "no root certificates"),
            ("sslmode=verify-ca&sslrootcert=system", "verify-full"),
            ("sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem"),
            ("sslcert=/nowhere/a.pem", "belong together"),
        ] {
            let error = address(&format!("postgres://one/db?{given}"))
                .err()
                .unwrap();
            assert!(error.contains(says), "{given}: {error}");
        }
        assert!(address("postgres://one/db?sslrootcert=system").is_ok());
        assert!(address("postgres://one/db?sslmode=disable&sslrootcert=/nowhere").is_ok());
    }

    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        let found =
            address("postgres://anna@one:5433,two:5434/db?schema=a_1&connect_timeout=3").unwrap();
        assert_eq!(found.schema, "a_1");
        assert_eq!(found.name, "one:5433,two:5434/db");
        assert_eq!(found.config.get_user(), Some("anna"));
        assert_eq!(address("postgres://one/db").unwrap().schema, "servanda");
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for url in [
            "postgres://anna:secret@one/db",
            "postgres://one/db?password=secret",
            "postgres://anna:secret@one/db?nonsense=1",
            "postgres://anna:secret@one:port/db",
        ] {
            let error = address(url).err().unwrap();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn schemas_need_no_quoting() {
        for schema in ["", "A", "a-b", "a;drop", "a\"b", &"a".repeat(64)] {
            assert!(address(&format!("postgres://one/db?schema={schema}")).is_err());
        }
    }
}
