//! Rules: how the rows of a foreign table become events. A rules file is TOML, in the spirit of hledger's rules for CSV;
//! `docs/import.md` explains every key.
//!
//! `Rules` are read with [`str::parse`], which reports each error with its line.

pub(crate) mod date;
pub(crate) mod function;
pub(crate) mod glob;
mod model;
mod name_pattern;
mod read;
pub(crate) mod slug;
pub(crate) mod template;
mod toml;

pub(crate) use model::{ChangeLog, Conditions, EventRule, Lookup, OnChange, Per};
pub use model::{RULES_LIMIT, Rules, RulesError};
pub(crate) use name_pattern::NamePattern;
pub(crate) use toml::Quoted;

#[cfg(test)]
mod tests;
