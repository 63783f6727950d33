//! Foreign tables: the rows of a file become events, by rules.

pub(crate) mod change_log;
pub(crate) mod compare;
pub(crate) mod mapper;
pub mod rules;
pub(crate) mod suggest;
pub mod table;
