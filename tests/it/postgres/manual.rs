//! The commands of `docs/engines.md`, as they stand there, on a server of the test's own. Only its places are others: the
//! host, and the directories.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use servanda_postgres::testing::{Server, free_port};

use super::{lines, server};
use crate::program::{SERVANDA, Scratch};

/// The programs of PostgreSQL that the page names.
const PROGRAMS: &[&str] = &[
    "createdb",
    "initdb",
    "pg_archivecleanup",
    "pg_basebackup",
    "pg_ctl",
    "pg_dump",
    "pg_restore",
    "pg_upgrade",
    "psql",
];

const PAGE: &str = include_str!("../../../docs/engines.md");

/// The blocks of a language.
fn blocks(language: &str) -> BTreeSet<&'static str> {
    let fence = format!("```{language}\n");
    let begun = PAGE.split(fence.as_str()).skip(1);
    begun
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

/// The only block of a language that has these words.
#[track_caller]
fn block(language: &str, words: &str) -> &'static str {
    let mut found = blocks(language)
        .into_iter()
        .filter(|block| block.contains(words));
    let block = found
        .next()
        .unwrap_or_else(|| panic!("no block has {words}"));
    assert_eq!(found.next(), None, "two blocks have {words}");
    block
}

/// Where the commands run.
struct Desk {
    scratch: Scratch,
    bin: PathBuf,
    data: PathBuf,
    port: u16,
    left: BTreeSet<&'static str>,
}

/// A server that the page's commands started. It is stopped when this is dropped.
struct Started<'a>(&'a Desk, &'static str);

impl Drop for Started<'_> {
    fn drop(&mut self) {
        let desk = self.0;
        let dir = desk.path(self.1);
        let stop = format!("pg_ctl --pgdata={} --mode=immediate stop", dir.display());
        let _ = desk.shell(&stop, desk.port);
    }
}

impl Desk {
    fn at(server: &Server) -> Self {
        let scratch = Scratch::empty();
        for name in ["", "path", "archive", "backup", "var", "home"] {
            let dir = scratch.path(name);
            fs::create_dir_all(&dir).unwrap();
            // The server's programs may run as another user.
            fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
        }
        for name in PROGRAMS {
            let program = Server::as_its_user(&server.programs().join(name));
            let words = std::iter::once(program.get_program()).chain(program.get_args());
            let words: Vec<&str> = words.map(|word| word.to_str().unwrap()).collect();
            let script = scratch.path("path").join(name);
            fs::write(
                &script,
                format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")),
            )
            .unwrap();
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        }
        symlink(SERVANDA, scratch.path("path/servanda")).unwrap();
        Self {
            scratch,
            bin: server.programs().to_owned(),
            data: server.data(),
            port: server.port,
            left: blocks("sh"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path(name)
    }

    /// Runs commands, for which the server is at a port.
    fn shell(&self, commands: &str, port: u16) -> Output {
        let text = |path: &Path| path.display().to_string();
        let mut script = commands
            .replace("db.example.org", &format!("127.0.0.1:{port}"))
            .replace("/var/lib/postgresql/old", &text(&self.data))
            .replace("/var/lib/postgresql", &text(&self.path("var")))
            .replace("/archive/", &format!("{}/", text(&self.path("archive"))))
            .replace("/archive ", &format!("{} ", text(&self.path("archive"))))
            .replace("/backup/", &format!("{}/", text(&self.path("backup"))));
        for version in [15, 18] {
            let bin = format!("/usr/lib/postgresql/{version}/bin");
            script = script.replace(&bin, &text(&self.bin));
        }
        let path = format!(
            "{}:{}",
            text(&self.path("path")),
            std::env::var("PATH").unwrap()
        );
        let unseen = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-euc", &script]).current_dir(self.path(""));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command
            .env("PATH", path)
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", port.to_string())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", "postgres")
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("home"))
            // A user who never saw the ledger.
            .env("XDG_STATE_HOME", unseen.path())
            .env("NO_COLOR", "1")
            .output()
            .unwrap()
    }

    /// Runs commands that must succeed, and gives what they print.
    #[track_caller]
    fn does_at(&self, commands: &str, port: u16) -> String {
        let output = self.shell(commands, port);
        let said = String::from_utf8_lossy(&output.stderr);
        let log = |name| fs::read_to_string(self.path(name)).unwrap_or_default();
        let logs = ["restored.log", "new.log"].map(log).concat();
        assert!(output.status.success(), "{commands}\n{said}\n{logs}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[track_caller]
    fn does(&self, commands: &str) -> String {
        self.does_at(commands, self.port)
    }

    /// Runs the block of the page that has these words.
    #[track_caller]
    fn block_at(&mut self, words: &str, port: u16) -> String {
        let block = block("sh", words);
        self.left.remove(block);
        self.does_at(block, port)
    }

    #[track_caller]
    fn block(&mut self, words: &str) -> String {
        self.block_at(words, self.port)
    }

    /// Runs statements of SQL in the ledger's database.
    #[track_caller]
    fn sql(&self, statements: &str) -> String {
        fs::write(self.path("statements.sql"), statements).unwrap();
        self.does("psql --dbname=commission --set=ON_ERROR_STOP=1 --file=statements.sql")
    }

    /// Records a note as the recorder, and gives its number.
    #[track_caller]
    fn note(&self, text: &str) -> String {
        let ledger = "--ledger postgres://recorder@db.example.org/commission";
        let said = self.does(&format!("servanda record note --text '{text}' {ledger}"));
        let words = said.split_once("record ").unwrap().1;
        words.chars().take_while(char::is_ascii_digit).collect()
    }

    #[track_caller]
    fn keep(&self, name: &str) {
        let ledger = "--ledger postgres://reader@db.example.org/commission";
        self.does(&format!("servanda checkpoint {ledger} > {name}"));
    }

    /// Archives what was written so far.
    fn archive(&self) {
        let switched = "SELECT pg_walfile_name(pg_switch_wal())";
        let last = self.does(&format!("psql -Atc '{switched}'"));
        let file = self.path("archive").join(last.trim());
        until("it is archived", || file.exists());
    }

    /// The files below a place that have these bytes.
    fn files_with(place: &Path, bytes: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(place) else {
            // Its server may just have removed it.
            let held = fs::read(place).unwrap_or_default();
            let mut parts = held.windows(bytes.len());
            let is_there = parts.any(|part| part == bytes.as_bytes());
            return is_there.then(|| place.to_owned()).into_iter().collect();
        };
        let below = entries.map(|entry| Self::files_with(&entry.unwrap().path(), bytes));
        below.flatten().collect()
    }
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn each_command_does_what_the_page_says() {
    let Some(mut server) = server() else {
        return;
    };
    let mut desk = Desk::at(&server);
    // Servers that are restored have no other place for their sockets.
    let sockets = desk.path("home").display().to_string();
    desk.does(&format!(
        "psql -c \"ALTER SYSTEM SET unix_socket_directories = '{sockets}'\""
    ));
    desk.block("createdb commission");
    desk.sql(block("sql", "CREATE ROLE"));
    desk.block("ALTER SYSTEM SET archive_mode");
    server.restart(&[]);
    fs::write(desk.path("lines"), lines(200)).unwrap();
    desk.does("servanda import lines --ledger postgres://recorder@db.example.org/commission");
    copies(&mut desk);
    desk.block("> kept.checkpoint");
    let verified = desk.block("pg_dump");
    assert!(verified.contains("sound, 205 records"), "{verified}");
    desk.does("psql -c 'DROP DATABASE restored'");
    restored(&mut desk);
    let said = desk.sql(block("sql", "pg_stat_replication"));
    assert!(said.contains("209"), "{said}");
    desk.block("openssl req");
    assert!(desk.path("server.crt").exists());
    let desk = upgraded(desk);
    assert_eq!(desk.left, BTreeSet::new(), "commands that nobody tried");
}

/// To a schema of its own, and back to a directory: the same bytes.
fn copies(desk: &mut Desk) {
    let reader = "postgres://reader@db.example.org/commission";
    desk.does(&format!("servanda copy {reader} paper"));
    desk.block("servanda copy paper");
    let raw = |ledger: &str| desk.does(&format!("servanda export --raw --ledger {ledger}"));
    assert_eq!(raw("back"), raw(reader));
    desk.sql("DROP SCHEMA paper CASCADE");
}

/// A base backup and the archive: restored up to what was archived, and a checkpoint tells what is missing. Then words are
/// erased everywhere.
fn restored(desk: &mut Desk) {
    let words = "unmistakable words of somebody";
    let record = desk.note(words);
    desk.block("pg_basebackup --pgdata=/backup/base");
    desk.note("after the backup");
    desk.keep("late.checkpoint");
    desk.archive();
    desk.note("not archived");
    desk.keep("lost.checkpoint");
    let port = free_port();
    desk.block_at("recovery.signal", port);
    let started = Started(desk, "var/restored");
    let verify = "servanda verify --ledger postgres://reader@db.example.org/commission --against";
    for kept in ["kept.checkpoint", "late.checkpoint"] {
        let verified = desk.does_at(&format!("{verify} {kept}"), port);
        assert!(verified.contains("sound, 207 records"), "{verified}");
    }
    let lost = desk.shell(&format!("{verify} lost.checkpoint"), port);
    assert_eq!(lost.status.code(), Some(10), "{lost:?}");
    let lost = String::from_utf8_lossy(&lost.stdout).into_owned();
    assert!(lost.contains("only 207 records"), "{lost}");
    // It goes on, as if nothing had been lost.
    let recorder = "--ledger postgres://recorder@db.example.org/commission";
    desk.does_at(
        &format!("servanda record note --text another {recorder}"),
        port,
    );
    let forked = desk.shell(&format!("{verify} lost.checkpoint"), port);
    assert_eq!(forked.status.code(), Some(10), "{forked:?}");
    assert!(String::from_utf8_lossy(&forked.stdout).contains("the root "));
    drop(started);
    fs::remove_dir_all(desk.path("var/restored")).unwrap();
    erased(desk, &record, words);
}

fn erased(desk: &mut Desk, record: &str, words: &str) {
    let places = [desk.data.clone(), desk.path("archive"), desk.path("backup")];
    let found = || -> Vec<PathBuf> {
        let places = places.iter();
        places
            .flat_map(|place| Desk::files_with(place, words))
            .collect()
    };
    desk.archive();
    assert!(found().len() > 2, "{:?}", found());
    let eraser = "--ledger postgres://eraser@db.example.org/commission";
    desk.does(&format!(
        "servanda redact {record} --reason r --authority a {eraser}"
    ));
    desk.block("pg_archivecleanup");
    // The server keeps what is not archived yet until its next checkpoint.
    until("the words are gone", || {
        desk.does("psql -c CHECKPOINT");
        found().is_empty()
    });
    desk.does("servanda verify --ledger postgres://reader@db.example.org/commission");
}

/// By the programs of one version, because a machine rarely has two.
fn upgraded(mut desk: Desk) -> Desk {
    let verified = desk.block("pg_upgrade");
    let started = Started(&desk, "var/new");
    assert!(verified.contains("sound, 209 records"), "{verified}");
    desk.does("servanda verify --ledger postgres://recorder@db.example.org/commission");
    drop(started);
    desk
}
