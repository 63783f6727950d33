//! The parameters of a connection: those of the address, and what a service file and the environment add to them, as libpq
//! reads both (<https://www.postgresql.org/docs/current/libpq-pgservice.html>).

use std::path::PathBuf;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::file::{Holds, UnusableFile, read};

/// The environment's variables, by name.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The parameters that the environment can give, each with its variable.
const VARIABLES: &[(&str, &str)] = &[
    ("host", "PGHOST"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("options", "PGOPTIONS"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
];

/// A service that is in no service file.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceError {
    /// No file has it.
    #[error("there is no service {0:?} in {1}")]
    Unknown(String, String),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] UnusableFile),
}

/// Parameters, by name.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads what follows the `?` of an address.
    pub fn of(query: &str) -> Self {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let parameters = query.split('&').filter(|text| !text.is_empty());
        let pairs = parameters.map(|text| {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    /// Whether there is a parameter.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| given == name)
    }

    /// Takes a parameter out. Where it is given more than once, the last counts.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let taken = self.0.extract_if(.., |(given, _)| given == name);
        taken.last().map(|(_, value)| value)
    }

    /// Adds what a service file and the environment give, but for what is given, here or in the rest of the address.
    ///
    /// # Errors
    /// [`ServiceError`]
    pub fn complete(
        &mut self,
        environment: Environment<'_>,
        is_given: impl Fn(&str) -> bool,
    ) -> Result<(), ServiceError> {
        let service = self.take("service").or_else(|| environment("PGSERVICE"));
        if let Some(service) = service {
            for (name, value) in of_service(&service, environment)? {
                if !is_given(&name) && !self.has(&name) {
                    self.0.push((name, value));
                }
            }
        }
        for (name, variable) in VARIABLES {
            if !is_given(name)
                && !self.has(name)
                && let Some(value) = environment(variable).filter(|value| !value.is_empty())
            {
                self.0.push(((*name).to_owned(), value));
            }
        }
        Ok(())
    }

    /// The parameters as they follow the `?` of an address. There, each host is a parameter of its own.
    pub fn query(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let one = |(name, value): &(String, String)| match name.as_str() {
            "host" => {
                let hosts = value.split(',');
                let hosts = hosts.map(|host| format!("host={}", encoded(host)));
                hosts.collect::<Vec<_>>().join("&")
            }
            name => format!("{}={}", encoded(name), encoded(value)),
        };
        self.0.iter().map(one).collect::<Vec<_>>().join("&")
    }
}

/// The parameters of a service, from the first file that has it.
fn of_service(
    service: &str,
    environment: Environment<'_>,
) -> Result<Vec<(String, String)>, ServiceError> {
    let named = environment("PGSERVICEFILE").map(PathBuf::from);
    let home = || Some(PathBuf::from(environment("HOME")?).join(".pg_service.conf"));
    let common = environment("PGSYSCONFDIR").map(|dir| PathBuf::from(dir).join("pg_service.conf"));
    let files: Vec<PathBuf> = [named.or_else(home), common]
        .into_iter()
        .flatten()
        .collect();
    for path in files.iter().filter(|path| path.exists()) {
        let text = read(path, Holds::NoSecret)?;
        let found = section(&String::from_utf8_lossy(&text), service);
        let found = found
            .map_err(|line| UnusableFile::new(path, format!("line {line} is no NAME=VALUE")))?;
        let Some(found) = found else { continue };
        if found.iter().any(|(name, _)| name == "password") {
            read(path, Holds::Secret)?;
        }
        return Ok(found);
    }
    let files: Vec<String> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let files = match files.is_empty() {
        true => "~/.pg_service.conf".to_owned(),
        false => files.join(" or "),
    };
    Err(ServiceError::Unknown(service.to_owned(), files))
}

/// The lines of a section of a service file; none if it has no such section, or the number of a line that is wrong.
fn section(text: &str, name: &str) -> Result<Option<Vec<(String, String)>>, usize> {
    let mut found: Option<Vec<(String, String)>> = None;
    let lines = text.lines().map(str::trim).enumerate();
    for (at, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        if let Some(section) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            found = (section.strip_suffix(']') == Some(name)).then(Vec::new);
        } else if let Some(found) = &mut found {
            let (name, value) = line.split_once('=').ok_or(at + 1)?;
            found.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_of_a_service_file_is_read() {
        let text = "# all\n[one]\nhost = a,b\nport=5433\n\n[two]\nhost=c\nnonsense\n";
        let one = section(text, "one").unwrap().unwrap();
        assert_eq!(one[0], ("host".to_owned(), "a,b".to_owned()));
        assert_eq!(one.len(), 2);
        assert_eq!(section(text, "two"), Err(8));
        assert_eq!(section(text, "three"), Ok(None));
    }

    #[test]
    fn what_is_given_counts_before_the_environment() {
        let mut parameters = Parameters::of("sslmode=require&user=a%20b");
        let environment = |name: &str| match name {
            "PGSSLMODE" => Some("disable".to_owned()),
            "PGHOST" => Some("/run/pg,two".to_owned()),
            "PGPORT" => Some("1".to_owned()),
            _ => None,
        };
        parameters
            .complete(&environment, |name| name == "port")
            .unwrap();
        assert_eq!(
            parameters.query(),
            "sslmode=require&user=a%20b&host=%2Frun%2Fpg&host=two"
        );
        assert_eq!(parameters.take("sslmode").as_deref(), Some("require"));
        assert!(!parameters.has("sslmode"));
    }
}
