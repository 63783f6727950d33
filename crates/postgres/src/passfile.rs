//! Passwords: from `PGPASSWORD`, or from the file that libpq reads too
//! (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).

use std::path::PathBuf;

use postgres::Config;
use postgres::config::Host;

use super::file::{Holds, UnusableFile, read};
use super::parameters::Environment;

/// Finds the password for a connection; none where there is none, as where the server asks for none.
///
/// # Errors
/// [`UnusableFile`]: others can read it, or it cannot be read at all.
pub(super) fn password(
    config: &Config,
    environment: Environment<'_>,
) -> Result<Option<String>, UnusableFile> {
    if let Some(password) = environment("PGPASSWORD") {
        return Ok(Some(password));
    }
    let named = environment("PGPASSFILE").map(PathBuf::from);
    let home = || Some(PathBuf::from(environment("HOME")?).join(".pgpass"));
    let Some(path) = named.or_else(home).filter(|path| path.exists()) else {
        return Ok(None);
    };
    let bytes = read(&path, Holds::Secret)?;
    Ok(find(&String::from_utf8_lossy(&bytes), config))
}

/// The password of the first line that fits one of the hosts.
fn find(lines: &str, config: &Config) -> Option<String> {
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    let user = config.get_user().unwrap_or_default();
    let ports = config.get_ports();
    let hosts: Vec<(String, String)> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(at, host)| {
            let host = match host {
                Host::Tcp(host) => host.clone(),
                Host::Unix(_) => "localhost".to_owned(),
            };
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
            (host, port.to_string())
        })
        .collect();
    let fits = |pattern: &str, value: &str| pattern == "*" || pattern == value;
    let lines = lines.lines().filter(|line| !line.starts_with('#'));
    lines.map(fields).find_map(|fields| match &fields[..] {
        [host, port, name, who, password]
            if fits(name, database)
                && fits(who, user)
                && hosts
                    .iter()
                    .any(|(at, number)| fits(host, at) && fits(port, number)) =>
        {
            Some(password.clone())
        }
        _ => None,
    })
}

/// The fields of a line, parted by colons; `\` makes the next character an ordinary one.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let last = fields.len() - 1;
        match letter {
            ':' if last < 4 => fields.push(String::new()),
            '\\' => fields[last].extend(letters.next()),
            letter => fields[last].push(letter),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr as _;

    #[test]
    fn the_first_line_that_fits_counts() {
        let lines = "# comment:*:*:*:no\n\
            other:5432:db:anna:no\n\
            one:5433:*:anna:a\\:b\\\\c:d\n\
            *:*:*:*:last\n";
        let of = |url: &str| find(lines, &Config::from_str(url).unwrap());
        assert_eq!(
            of("postgres://anna@one:5433/db").as_deref(),
            Some("a:b\\c:d")
        );
        assert_eq!(
            of("postgres://anna@two,one:5433/db").as_deref(),
            Some("a:b\\c:d")
        );
        assert_eq!(of("postgres://bert@one:5433/db").as_deref(), Some("last"));
        assert_eq!(
            find("", &Config::from_str("postgres://one/db").unwrap()),
            None
        );
    }
}
