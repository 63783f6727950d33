//! The log on a server of the tests' own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::Servers;
use super::testing::Server;
use servanda_log::conformance::{self, Site};
use servanda_log::{Backend as _, Location, Log, Unsupported};
use tempfile::TempDir;

/// A ledger of its own.
struct Fresh {
    at: Location,
    is_made: bool,
    cache: TempDir,
}

static SITES: AtomicU32 = AtomicU32::new(0);

impl Fresh {
    fn on(server: &Server) -> Self {
        let schema = format!("schema=l{}", SITES.fetch_add(1, Ordering::Relaxed));
        Self {
            at: Location::new(server.url("postgres", &schema)),
            is_made: false,
            cache: tempfile::tempdir().unwrap(),
        }
    }
}

impl Site for Fresh {
    fn open(&mut self) -> Result<Box<dyn Log>, String> {
        let [servers, _] = Servers::caching_in(Some(self.cache.path()));
        let opened = match std::mem::replace(&mut self.is_made, true) {
            true => servers.open(&self.at, Duration::ZERO, "a test"),
            false => servers.create(&self.at, "a test"),
        };
        opened.map_err(|error| error.to_string())
    }

    fn lacks(&self) -> &[Unsupported] {
        &[Unsupported::Compacting]
    }
}

#[test]
fn it_conforms() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let failed = conformance::check(&mut || Box::new(Fresh::on(&server)));
    assert_eq!(failed, Vec::<String>::new());
}
