//! What comes from elsewhere, into fields of events. NDJSON and the template are texts of our own; `table`, `rules`,
//! `make` and `compare` are for foreign tables.

pub mod change_log;
pub mod compare;
pub mod make;
pub mod rules;
pub mod suggest;
pub mod table;
pub mod template;
