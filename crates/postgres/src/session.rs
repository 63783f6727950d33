//! One connection to the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postgres::config::SslMode;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::ToSql;
use postgres::{Client, Config, NoTls, Row, Statement, Transaction};

use super::address::Address;

/// Parameters of a statement.
pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// How long one attempt to connect to one host may take, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Settles what each session relies on, and tells which server process it talks to. An acknowledged append is on the
/// disk, so the session does not take over `synchronous_commit = off`; and no timeout may end an append halfway. Statements are
/// planned once: planning the one of an append anew takes as long as running it.
const SET_UP: &str = "SELECT pg_backend_pid(), \
    (SELECT backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()), \
    current_setting('fsync'), \
    set_config('search_path', $1, false), set_config('statement_timeout', '0', false), \
    set_config('plan_cache_mode', 'force_generic_plan', false), \
    set_config('synchronous_commit', CASE current_setting('synchronous_commit') \
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)";

/// A process of the server, by number and start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerProcess {
    pub pid: i32,
    pub started: Option<String>,
}

/// A connection, and the statements that were prepared on it.
pub(super) struct Session {
    client: Client,
    /// By their texts. There are a dozen, and comparing them takes less than a hash of one.
    statements: Vec<(&'static str, Statement)>,
    /// Whether the server warned since the last question.
    warned: Arc<AtomicBool>,
    /// The process at the other end.
    pub process: ServerProcess,
    /// Whether the server puts on the disk what it acknowledges.
    pub syncs: bool,
}

impl Session {
    /// Connects. `who` names this process to the server.
    ///
    /// # Errors
    /// What befell the connection, or what the server says.
    pub fn connect(address: &Address, who: &str) -> Result<Self, postgres::Error> {
        let warned = Arc::new(AtomicBool::new(false));
        let mut config: Config = address.config.clone();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let heard = Arc::clone(&warned);
        config.application_name(who).notice_callback(move |notice| {
            if notice.severity() == "WARNING" {
                heard.store(true, Ordering::Relaxed);
            }
        });
        let mut client = connect(config, address)?;
        let row = client.query_one(SET_UP, &[&address.schema])?;
        Ok(Self {
            process: ServerProcess {
                pid: row.get(0),
                started: row.get(1),
            },
            syncs: row.get::<_, String>(2) == "on",
            client,
            statements: Vec::new(),
            warned,
        })
    }

    /// Whether the server warned since this was last asked. It does where an append is kept by fewer servers than it
    /// was to wait for, because somebody cancelled the wait.
    pub fn warned(&self) -> bool {
        self.warned.swap(false, Ordering::Relaxed)
    }

    /// Waits for what others notify of, for at most so long; false where the connection ends.
    pub fn hear(&mut self, at_most: Duration) -> bool {
        let mut notifications = self.client.notifications();
        let first = notifications.timeout_iter(at_most).next();
        // More of them say the same.
        let rest = notifications.iter().count();
        drop(notifications);
        first.is_ok() && rest.is_ok() && !self.client.is_closed()
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// A statement, prepared when it is used for the first time.
    pub fn statement(&mut self, sql: &'static str) -> Result<Statement, postgres::Error> {
        let known = self.statements.iter().find(|(known, _)| *known == sql);
        if let Some((_, statement)) = known {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql)?;
        self.statements.push((sql, statement.clone()));
        Ok(statement)
    }

    /// Runs a statement that changes rows, and gives their number.
    pub fn execute(
        &mut self,
        sql: &'static str,
        with: Parameters<'_>,
    ) -> Result<u64, postgres::Error> {
        let statement = self.statement(sql)?;
        self.client.execute(&statement, with)
    }

    /// Asks for rows.
    pub fn query(
        &mut self,
        sql: &'static str,
        with: Parameters<'_>,
    ) -> Result<Vec<Row>, postgres::Error> {
        let statement = self.statement(sql)?;
        self.client.query(&statement, with)
    }

    /// Asks for exactly one row.
    pub fn one(&mut self, sql: &'static str, with: Parameters<'_>) -> Result<Row, postgres::Error> {
        let statement = self.statement(sql)?;
        self.client.query_one(&statement, with)
    }

    /// Asks for one row or none.
    pub fn optional(
        &mut self,
        sql: &'static str,
        with: Parameters<'_>,
    ) -> Result<Option<Row>, postgres::Error> {
        let statement = self.statement(sql)?;
        self.client.query_opt(&statement, with)
    }

    /// Runs statements without parameters.
    pub fn batch(&mut self, sql: &str) -> Result<(), postgres::Error> {
        self.client.batch_execute(sql)
    }

    /// Begins a transaction.
    pub fn transaction(&mut self) -> Result<Transaction<'_>, postgres::Error> {
        self.client.transaction()
    }
}

/// Connects, with TLS if that is to be tried. Where it is only preferred, and the server has it and refuses it, this falls
/// back as libpq does: after a handshake that failed, and where the server takes this user without TLS alone.
fn connect(mut config: Config, address: &Address) -> Result<Client, postgres::Error> {
    let Some(tls) = address.tls.connect() else {
        return config.connect(NoTls);
    };
    match config.connect(tls) {
        Err(error)
            if config.get_ssl_mode() == SslMode::Prefer && super::failure::is_of_tls(&error) =>
        {
            config.ssl_mode(SslMode::Disable).connect(NoTls)
        }
        connected => connected,
    }
}
