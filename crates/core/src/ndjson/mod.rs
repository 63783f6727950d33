//! Events as JSON objects, one a line: what `import` reads and `export` writes.
//!
//! `{"event":"party","id":"colombia","kind":"state","name":["Colombia"]}`: the kind under `event`, and each
//! field under its name, as a string, or as a list of strings where the field takes several (a single string
//! may stand without its list). Record numbers may be written as numbers. An exported line also has `seq` and
//! `recorded_at`, the record's number and time, and `asserted` where a user stated that time. Import gives events new
//! numbers and, except in a backfill, the present time. `seq` then serves to resolve the record numbers in other
//! lines of the file.

mod json;
mod line;
mod parse;
mod print;
mod read;
mod references;
mod resolver;

pub use line::{Defaults, Line, LineError, ParsedLine};
pub use print::{entry_to_json, event_to_json};
pub use read::{LINE_LIMIT, Lines, read_one};
pub use resolver::ReferenceResolver;

#[cfg(test)]
mod tests;
