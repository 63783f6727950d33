//! The state: the fold of all events, and the only source of facts.
//!
//! It holds the kind and the date of each record, what later records did to it, the trail of each entity and record, and
//! the facts that the rules ask for. It reads the texts again from an [`Archive`] when they are asked for. A
//! [`View`](crate::view::View) answers what holds on a day.
//!
//! The files build on each other in this order: `tables` has the struct, `reading` and `lookup` find records, `index`,
//! `mend` and `fold` change it; `standing` works out where debtors stand, `known` and `history` answer questions, `image`
//! writes it into a snapshot.

mod archive;
mod assessments;
mod current;
mod dates;
mod days;
mod effect;
mod entity;
mod facts;
mod fold;
mod folds;
mod grow;
mod history;
mod id_table;
mod image;
mod index;
mod interned;
mod keeper;
mod keys;
mod known;
mod lookup;
mod mend;
mod named;
mod paged;
mod position;
mod postings;
mod read_cache;
mod reading;
mod scan_cache;
mod sides;
mod sorted;
mod standing;
mod stored;
mod tables;
#[cfg(test)]
mod tests;
mod word;

pub use self::archive::{Archive, Unreadable};
pub use self::assessments::Assessment;
pub use self::current::CurrentRecord;
pub use self::dates::RecordDate;
pub use self::effect::{Effect, StandingMove};
pub use self::history::CommitmentHistory;
pub use self::id_table::{Id, Ids};
pub use self::named::{Asked, Named};
pub use self::position::Position;
pub use self::standing::{Move, Standings};
pub use self::tables::{RECORD_LIMIT, State, asserted_times};
pub use self::word::Word;
pub use crate::value::id::EntityKind;
