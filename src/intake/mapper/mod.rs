//! Rules applied to a table: the events that each row becomes, and the rows that fit no rule. A row is taken as a whole
//! or not at all.

mod draft;
mod file;
mod index;
mod job;
mod key;
mod row_mapper;
mod row_reader;
mod scope;

pub use file::File;
pub use index::Index;
pub use job::{Earlier, ImportJob, MappedEvent, Outcome, Place, Remark};
pub use key::{Hashed, Key};
pub use row_mapper::{certain, fill_one};
pub use row_reader::unfit;
pub use scope::index;

#[cfg(test)]
mod tests;
