//! Where a server is, and who asks it: the URL of a location, the environment and the password file.

use std::str::FromStr as _;

use postgres::Config;
use postgres::config::Host;
use servanda_log::Location;

use super::passfile::{self, PasswordFileError};

/// The schema in which a ledger's tables lie, unless the URL names another.
const SCHEMA: &str = "servanda";

/// An address, as a URL gives it.
#[derive(Clone)]
pub(super) struct Address {
    /// How to connect, without what each connection adds.
    pub config: Config,
    /// The schema that holds the ledger's tables.
    pub schema: String,
    /// The server's name for people: hosts and database, and no user or password.
    pub name: String,
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
    PasswordFile(#[from] PasswordFileError),
}

impl Address {
    /// Reads the URL of a location. Besides what libpq knows, `schema=NAME` may be among its parameters.
    pub fn of(location: &Location) -> Result<Self, AddressError> {
        let (base, parameters) = match location.address().split_once('?') {
            Some((base, parameters)) => (base, parameters),
            None => (location.address(), ""),
        };
        let mut schema = SCHEMA.to_owned();
        let mut rest = Vec::new();
        for parameter in parameters.split('&').filter(|text| !text.is_empty()) {
            match parameter.split_once('=') {
                Some(("schema", name)) => schema = name.to_owned(),
                Some(("password", _)) => return Err(AddressError::Password),
                _ => rest.push(parameter),
            }
        }
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if schema.is_empty() || schema.len() > 63 || !schema.chars().all(is_plain) {
            return Err(AddressError::Schema(schema));
        }
        let url = format!("postgres:{base}?{}", rest.join("&"));
        let mut config = Config::from_str(&url)
            .map_err(|error| AddressError::Url(super::failure::text(&error)))?;
        if config.get_password().is_some() {
            return Err(AddressError::Password);
        }
        let name = name(&config);
        if let Some(password) = passfile::password(&config)? {
            config.password(password);
        }
        Ok(Self {
            config,
            schema,
            name,
        })
    }
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
        Address::of(&Location::new(url)).map_err(|error| error.to_string())
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
