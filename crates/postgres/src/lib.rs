//! A ledger's records in PostgreSQL: `postgres://USER@HOST1,HOST2/DATABASE` as a location.
//!
//! Any number of processes append. One row in `heads` stands for each append: its primary key and the unique number of the
//! head before it make the database itself refuse a second append behind the same head, whatever the processes believe.
//! Records and head are inserted by one statement, so that an append is there whole or not at all.
//!
//! An answer that was lost is settled before anything else is said: the server process that may still be committing is
//! ended, and the head that is found then is the outcome.

mod address;
mod backend;
mod bell;
mod copying;
mod erase;
mod failure;
mod file;
mod log;
mod parameters;
mod passfile;
mod pool;
mod schema;
mod session;
mod snapshots;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod turn;

pub use self::backend::Servers;
