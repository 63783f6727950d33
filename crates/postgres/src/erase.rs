//! Erasing records: other bytes in their place, and a table that is written anew so that the old ones are in none of its
//! files. The archive of the write-ahead log, replicas that lag and backups still hold them; docs/threats.md says so.

use super::failure::{io_error, log_error};
use super::log::PostgresLog;
use super::pool::PATIENCE;
use super::session::Session;
use servanda_log::{Erase, LogError, Stored};

impl Erase for PostgresLog {
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
        let mut session = self.pool.take(PATIENCE)?;
        if !records.is_empty() {
            replace(&mut session, records)?;
            if let Some(cache) = &self.cache {
                cache.clear()?;
            }
        }
        rewrite(&mut session)?;
        self.pool.give(session);
        Ok(())
    }
}

/// Puts other bytes in the place of records, and notes that the old ones are not destroyed yet.
fn replace(session: &mut Session, records: &[Stored]) -> Result<(), LogError> {
    let failed = |error: postgres::Error| log_error("erasing records", &error);
    let mut transaction = session.transaction().map_err(failed)?;
    transaction
        .execute(
            "UPDATE ledger SET erasing = true, erasures = erasures + 1",
            &[],
        )
        .map_err(failed)?;
    let update = "UPDATE records SET sealed = $2 WHERE seq = $1";
    let update = transaction.prepare(update).map_err(failed)?;
    for stored in records {
        let seq = i64::try_from(stored.seq).map_err(|_| LogError::no_such_record(stored.seq))?;
        let sealed = &stored.sealed.0[..];
        let updated = transaction.execute(&update, &[&seq, &sealed]);
        if updated.map_err(failed)? == 0 {
            return Err(LogError::no_such_record(stored.seq));
        }
    }
    transaction.commit().map_err(failed)
}

/// Writes the table anew if records were erased in it. The server only warns where this user may not do that, so the
/// rights are asked first.
fn rewrite(session: &mut Session) -> Result<(), LogError> {
    let failed = |error: postgres::Error| log_error("destroying erased records", &error);
    let erasing = session.optional("SELECT erasing FROM ledger WHERE erasing", &[]);
    if erasing.map_err(failed)?.is_none() {
        return Ok(());
    }
    let owner = session.one(
        "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'records'::regclass",
        &[],
    );
    if !owner.map_err(failed)?.get::<_, bool>(0) {
        return Err(io_error(
            "destroying erased records",
            "only the owner of the table `records` can write it anew (VACUUM FULL)",
        ));
    }
    session.batch("VACUUM FULL records").map_err(failed)?;
    let done = session.execute("UPDATE ledger SET erasing = false", &[]);
    done.map_err(failed).map(|_| ())
}
