//! The log of a served ledger, beside a server that ends, stalls or is of another version.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::message::{Line, Message};
use super::*;
use crate::conformance::{self, Site};
use crate::directory::{self, LedgerDir};
use crate::error::LogError;
use crate::log::{Lent, Log, Reader};
use crate::open_error::OpenError;
use crate::source::{BatchSource, OneBatch};
use crate::testing::batch;
use servanda_core::chain::record::Head;

const WAIT: Duration = Duration::from_secs(5);

/// A server that does nothing else.
struct Owner {
    log: Mutex<LedgerDir>,
    reader: Arc<dyn Reader>,
    head: Mutex<Head>,
}

impl Owner {
    fn of(dir: &Path) -> Arc<Self> {
        let log = directory::open(dir, WAIT, "a server").unwrap();
        Arc::new(Self {
            reader: log.reader(),
            head: Mutex::new(log.head().unwrap()),
            log: Mutex::new(log),
        })
    }

    fn log(&self) -> MutexGuard<'_, LedgerDir> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for Owner {
    fn head(&self) -> Head {
        *self.head.lock().unwrap()
    }
    fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.reader)
    }
    fn lend(&self, work: Work) -> Result<(), LogError> {
        let mut log = self.log();
        let _: Lent = work(&mut *log);
        *self.head.lock().unwrap() = log.head()?;
        Ok(())
    }
}

/// A ledger's directory with a server, which is there for as long as this is.
struct Served {
    dir: PathBuf,
    hosting: Option<Hosting>,
    owner: Option<Arc<Owner>>,
    _scratch: TempDir,
}

impl Served {
    /// A directory whose name has so many letters.
    fn named(letters: usize) -> Self {
        let scratch = TempDir::new().unwrap();
        let dir = scratch.path().join("l".repeat(letters));
        drop(directory::create(&dir, "a test").unwrap());
        let mut served = Self {
            dir,
            hosting: None,
            owner: None,
            _scratch: scratch,
        };
        served.start();
        served
    }

    fn start(&mut self) {
        let owner = Owner::of(&self.dir);
        self.hosting = Some(Hosting::begin(&self.dir, owner.clone()).unwrap());
        self.owner = Some(owner);
    }

    fn stop(&mut self) {
        self.hosting = None;
        self.owner = None;
    }

    fn opened(&self) -> Box<dyn Log> {
        let log = open(&self.dir, WAIT, "a client").unwrap();
        assert_eq!(log.is_shared(), self.hosting.is_some());
        log
    }
}

impl Site for Served {
    fn open(&mut self) -> Result<Box<dyn Log>, String> {
        // Another server each time, so that what is kept was on the disk.
        self.stop();
        self.start();
        Ok(self.opened())
    }
}

fn append(log: &mut dyn Log, lengths: &[usize]) -> Result<Head, crate::AppendError> {
    let expected = log.head().unwrap();
    let (records, head) = batch(expected, lengths);
    log.append(expected, &mut OneBatch::new(records, head))
}

#[test]
fn it_conforms() {
    let found = conformance::check(&mut || Box::new(Served::named(1)));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_path_may_be_long() {
    let served = Served::named(200);
    append(&mut *served.opened(), &[1, 2]).unwrap();
    assert_eq!(served.opened().read(0, 9).unwrap().len(), 2);
}

#[test]
fn only_its_user_may_use_the_socket_and_it_goes_with_the_server() {
    let mut served = Served::named(1);
    let socket = served.dir.join(SOCKET);
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    served.stop();
    assert!(!socket.exists());
}

#[test]
fn where_the_server_ends_the_client_goes_on_in_the_directory() {
    let mut served = Served::named(1);
    let mut log = served.opened();
    append(&mut *log, &[1, 2]).unwrap();
    let reader = log.reader();
    served.stop();
    assert_eq!(reader.read(0, 9).unwrap().len(), 2);
    append(&mut *log, &[3]).unwrap();
    assert_eq!(reader.read(2, 9).unwrap().len(), 1);
    // It has the lock now.
    assert!(matches!(
        directory::open(&served.dir, Duration::ZERO, "another"),
        Err(OpenError::Locked { .. })
    ));
    drop(log);
    served.start();
    assert_eq!(served.opened().head().unwrap().count, 3);
}

#[test]
fn a_socket_that_nobody_listens_at_is_passed_over_and_replaced() {
    let mut served = Served::named(1);
    served.stop();
    drop(std::os::unix::net::UnixListener::bind(served.dir.join(SOCKET)).unwrap());
    let log = served.opened();
    let locked = open(&served.dir, Duration::ZERO, "another");
    assert!(matches!(locked, Err(OpenError::Locked { holder, .. }) if holder.contains("a client")));
    drop(log);
    served.start();
    served.opened();
    // What is no socket is nobody's to remove.
    served.stop();
    std::fs::remove_file(served.dir.join(SOCKET)).unwrap_or_default();
    std::fs::write(served.dir.join(SOCKET), "mine").unwrap();
    let refused = Hosting::begin(&served.dir, Owner::of(&served.dir));
    assert_eq!(
        refused.err().unwrap().kind(),
        std::io::ErrorKind::AlreadyExists
    );
}

#[test]
fn a_client_that_stalls_holds_up_nobody() {
    /// Waits in the middle of a stream.
    struct Slow<'a>(&'a dyn Fn(), u64);
    impl BatchSource for Slow<'_> {
        fn next_batch(&mut self) -> Result<Option<crate::Batch>, crate::Aborted> {
            self.1 += 1;
            if self.1 == 3 {
                self.0();
            }
            let (records, head) = batch(Head::EMPTY, &[1]);
            Ok((self.1 <= 3).then_some((records, head)))
        }
    }
    let served = Served::named(1);
    let others = || {
        append(&mut *served.opened(), &[1, 2]).unwrap();
    };
    let begun = Instant::now();
    let outcome = served.opened().append(Head::EMPTY, &mut Slow(&others, 0));
    assert!(matches!(outcome, Err(crate::AppendError::HeadMoved(found)) if found.count == 2));
    assert!(begun.elapsed() < WAIT);
}

#[test]
fn what_is_no_frame_ends_the_connection_and_nothing_else() {
    let served = Served::named(1);
    for nonsense in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[255; 64],
        &[1, 0, 0, 0, b'x'],
        &[0; 9],
    ] {
        let mut stream = socket::connect(&served.dir).unwrap();
        stream.write_all(nonsense).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = Vec::new();
        // It may have been hung up on already.
        let _ = stream.read_to_end(&mut said);
        assert!(said.is_empty(), "{said:?}");
    }
    append(&mut *served.opened(), &[1]).unwrap();
}

#[test]
fn another_version_is_told_so() {
    let served = Served::named(1);
    let mut line = Line(socket::connect(&served.dir).unwrap());
    let hello = |version| Message::Hello {
        version,
        program: "0.0.1".to_owned(),
    };
    line.say(&hello(1)).unwrap();
    assert!(matches!(
        line.hear_message().unwrap(),
        Message::OtherVersion { .. }
    ));
}

#[test]
fn clients_beyond_the_limit_wait_as_for_the_lock() {
    let served = Served::named(1);
    let many: Vec<_> = (0..MAX_CLIENTS).map(|_| served.opened()).collect();
    let refused = open(&served.dir, Duration::from_millis(50), "one more");
    assert!(matches!(refused, Err(OpenError::Locked { .. })));
    drop(many);
    served.opened();
}
