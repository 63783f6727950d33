//! A witness: it cosigns a log's checkpoints as long as each grew from the last one, and so vouches that
//! nobody was shown another history. C2SP tlog-witness 1.0.0
//! (<https://c2sp.org/tlog-witness@v1.0.0>).
//!
//! [`Witness`] holds the rules, [`cosigned`] keeps the checkpoint cosigned last of each log, [`serve`] speaks HTTP for
//! it, and [`ask`] is the other side: a log that wants a cosignature.
//!
//! A witness must never forget. It takes the first checkpoint of a log on trust, so a witness that lost its directory,
//! or got a fresh one, lets every log begin anew.
//!
//! The specification prefers ML-DSA-44 cosignatures; these are Ed25519, `cosignature/v1`, as most witnesses make
//! today. The optional `sign-subtree` is not implemented.

mod answer;
pub mod ask;
pub mod cosigned;
pub mod request;
pub mod serve;
#[cfg(test)]
mod testing;
mod witness;

pub use answer::{Answer, WitnessError};
pub use witness::Witness;

#[cfg(test)]
mod tests;
