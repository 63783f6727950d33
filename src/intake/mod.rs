//! What comes from elsewhere, into fields of events. NDJSON is a text of our own; all here is for foreign tables.

pub mod change_log;
pub mod compare;
pub mod make;
pub mod rules;
pub mod suggest;
pub mod table;
