//! For tests alone: a PostgreSQL server of their own, with its data in a scratch directory.

// A panic is how tests report.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use tempfile::TempDir;

/// A running server. It is stopped, and its data removed, when this is dropped.
pub struct Server {
    bin: PathBuf,
    dir: TempDir,
    process: Child,
    /// The port on the loopback address.
    pub port: u16,
}

/// Where the server's programs are: as `SERVANDA_POSTGRES_BIN` says, or where Debian puts them.
fn programs() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("SERVANDA_POSTGRES_BIN") {
        return Some(named.into());
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let bins = versions.flatten().map(|entry| entry.path().join("bin"));
    bins.filter(|bin| bin.join("initdb").exists()).max()
}

/// Whether the tests run as root, whom the server refuses.
fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// A program of the server, run as a user that it accepts.
fn command(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
        // What a killed test leaves running ends with it.
        .args(["--pdeathsig", "KILL"])
        .arg(program);
    command
}

/// A directory in which the server may write.
fn scratch() -> TempDir {
    let dir = tempfile::Builder::new().prefix("pg").tempdir().unwrap();
    if is_root() {
        let owned = Command::new("chown")
            .arg("postgres")
            .arg(dir.path())
            .status();
        assert!(owned.unwrap().success());
    }
    dir
}

/// A port of the loopback address that nobody uses.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Server {
    /// Starts a server with more options, each `NAME=VALUE`; none where PostgreSQL is not installed, which only a person's
    /// machine may do without.
    pub fn start(options: &[&str]) -> Option<Self> {
        let Some(bin) = programs() else {
            assert!(
                std::env::var_os("CI").is_none(),
                "PostgreSQL is not installed"
            );
            return None;
        };
        let dir = scratch();
        let made = command(&bin.join("initdb"))
            .arg("--pgdata")
            .arg(dir.path().join("data"))
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-sync",
                "--locale=C",
            ])
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        Some(Self::run(bin, dir, free_port(), options))
    }

    /// Starts a standby that follows this server under a name, with more options.
    pub fn standby(&self, name: &str, options: &[&str]) -> Self {
        self.standby_at(free_port(), name, options)
    }

    /// As [`Server::standby`], on a port. A slot of that name may be there already.
    pub fn standby_at(&self, port: u16, name: &str, options: &[&str]) -> Self {
        self.make_slot(name);
        let dir = scratch();
        let copied = command(&self.bin.join("pg_basebackup"))
            .arg("--pgdata")
            .arg(dir.path().join("data"))
            .arg("--dbname")
            .arg(format!(
                "host=127.0.0.1 port={} user=postgres application_name={name}",
                self.port
            ))
            .args([
                "--write-recovery-conf",
                "--wal-method=stream",
                "--checkpoint=fast",
                "--no-sync",
            ])
            .args(["--slot", name])
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(copied.status.success(), "{copied:?}");
        Self::run(self.bin.clone(), dir, port, options)
    }

    fn make_slot(&self, name: &str) {
        let make = "SELECT pg_create_physical_replication_slot($1) \
            WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $2)";
        self.client().execute(make, &[&name, &name]).unwrap();
    }

    /// Lets a standby follow another server under a name.
    pub fn follow(&self, primary: &Self, name: &str) {
        primary.make_slot(name);
        let (port, mut client) = (primary.port, self.client());
        let from = format!("host=127.0.0.1 port={port} user=postgres application_name={name}");
        // Neither can be in a transaction with anything else.
        for statement in [
            format!("ALTER SYSTEM SET primary_conninfo = '{from}'"),
            "SELECT pg_reload_conf()".to_owned(),
        ] {
            client.batch_execute(&statement).unwrap();
        }
    }

    /// How much of the primary's write-ahead log a standby has.
    pub fn received(&self) -> u64 {
        let asked = "SELECT (pg_last_wal_receive_lsn() - '0/0')::int8";
        let row = self.client().query_one(asked, &[]).unwrap();
        row.get::<_, i64>(0) as u64
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        let promoted = self.client().query_one("SELECT pg_promote(true, 60)", &[]);
        assert!(promoted.unwrap().get::<_, bool>(0), "it is no primary");
    }

    fn run(bin: PathBuf, dir: TempDir, port: u16, options: &[&str]) -> Self {
        let process = launch(&bin, dir.path(), port, options);
        let mut server = Self {
            bin,
            dir,
            process,
            port,
        };
        server.wait();
        server
    }

    /// Waits until the server answers.
    fn wait(&mut self) {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            match self.try_client() {
                Ok(_) => return,
                Err(error) if Instant::now() > end => panic!("the server does not answer: {error}"),
                Err(_) => {}
            }
            if let Some(status) = self.process.try_wait().unwrap() {
                let log = std::fs::read_to_string(self.dir.path().join("log"));
                panic!("the server ended with {status}: {log:?}");
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    fn try_client(&self) -> Result<Client, postgres::Error> {
        Client::connect(&self.url("postgres", ""), NoTls)
    }

    /// A superuser's connection.
    pub fn client(&self) -> Client {
        self.try_client().unwrap()
    }

    /// The URL of the database for a user, with these parameters.
    pub fn url(&self, user: &str, parameters: &str) -> String {
        format!(
            "postgres://{user}@127.0.0.1:{}/postgres?{parameters}",
            self.port
        )
    }

    /// Writes a file below the server's directory, which the server alone can read.
    pub fn give(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mut commands = vec![("chmod", "600")];
        if is_root() {
            commands.push(("chown", "postgres"));
        }
        for (program, word) in commands {
            let done = Command::new(program).arg(word).arg(&path).status();
            assert!(done.unwrap().success());
        }
        path
    }

    /// A program that comes with the server, to be run as the server's user where this is root.
    pub fn program(&self, name: &str) -> Command {
        let mut program = command(&self.bin.join(name));
        program.current_dir(self.dir.path());
        program
    }

    /// The files below a directory of the server's data that hold these bytes.
    pub fn files_with(&self, directory: &str, bytes: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut left = vec![self.dir.path().join("data").join(directory)];
        while let Some(dir) = left.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path);
                } else {
                    let held = std::fs::read(&path).unwrap();
                    let mut parts = held.windows(bytes.len());
                    if parts.any(|part| part == bytes.as_bytes()) {
                        found.push(path);
                    }
                }
            }
        }
        found
    }

    /// Where the server's programs are.
    pub fn programs(&self) -> &Path {
        &self.bin
    }

    /// Where the server's data is.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The words before a program that the server's user is to run.
    pub fn as_its_user(program: &Path) -> Command {
        command(program)
    }

    /// Stops the server, with all that it was told on the disk, and starts it again.
    pub fn restart(&mut self, options: &[&str]) {
        let pid = self.process.id().to_string();
        let told = Command::new("kill").args(["-INT", &pid]).status();
        assert!(told.unwrap().success());
        self.process.wait().unwrap();
        self.process = launch(&self.bin, self.dir.path(), self.port, options);
        self.wait();
    }

    /// What the server said so far.
    pub fn said(&self) -> String {
        let said = std::fs::read(self.dir.path().join("log")).unwrap();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Kills every process of the server, as a power cut would, and starts it again.
    pub fn crash(&mut self, options: &[&str]) {
        self.kill();
        self.process = launch(&self.bin, self.dir.path(), self.port, options);
        self.wait();
    }

    /// Kills every process of the server.
    pub fn kill(&mut self) {
        let pid = self.process.id().to_string();
        // Its processes are its children, and end when it is gone; so it goes first.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = Command::new("pkill").args(["-KILL", "-P", &pid]).status();
    }
}

fn launch(bin: &Path, dir: &Path, port: u16, options: &[&str]) -> Child {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(dir.join("log"))
        .unwrap();
    let mut server = command(&bin.join("postgres"));
    server
        .arg("-D")
        .arg(dir.join("data"))
        .args(["-p", &port.to_string()])
        .args(["-c", "listen_addresses=127.0.0.1"])
        .arg("-c")
        .arg(format!("unix_socket_directories={}", dir.display()))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    for option in options {
        server.args(["-c", option]);
    }
    server.spawn().unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.process.try_wait(), Ok(None)) {
            return;
        }
        // SIGQUIT: it ends all of its processes at once.
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-QUIT", &pid]).status();
        let _ = self.process.wait();
    }
}
