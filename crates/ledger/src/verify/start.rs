//! Where verifying begins: at the first record, or after those that a checkpoint vouches for.

use super::contents::origin_of;
use super::header_of;
use crate::LedgerError;
use crate::anchor::{Hashes, tree_error};
use crate::replay::{KnownAt, Replayed, replay};
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::record::Head;
use servanda_core::chain::tree::{self, TILE};
use servanda_core::chain::walker::Walker;
use servanda_core::value::id::Seq;
use servanda_log::Log;

/// What is known before the first record that is verified.
pub(super) struct Start {
    /// What replay gives of the records before it.
    pub(super) trusted: Replayed,
    /// The walk along them.
    pub(super) walker: Walker,
}

/// Why a checkpoint is none to start from.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoStart {
    #[error("it has no records")]
    Empty,
    #[error("it is of another ledger")]
    OtherOrigin,
    #[error("the ledger has {0}")]
    Short(Head),
    #[error("the records up to there are others")]
    Rewritten,
    #[error("it ends in the middle of an append")]
    InBatch,
    #[error("the records up to there cannot be replayed: {0}")]
    Unreadable(#[from] LedgerError),
}

impl Start {
    /// Before the first record.
    pub(super) fn nothing(log: &impl Log) -> Self {
        Self {
            trusted: Replayed::nothing_of(log),
            walker: Walker::START,
        }
    }

    /// After the records of a checkpoint. What comes from snapshots counts as far as it leads to the checkpoint's
    /// root: that holds for the tree and for the last record, whose header is read and hashed. The state that rules
    /// rest on is bound by no checkpoint, and taken as replay has it.
    pub(super) fn after(log: &impl Log, checkpoint: &Checkpoint) -> Result<Self, NoStart> {
        let count = checkpoint.size();
        let last = count.checked_sub(1).ok_or(NoStart::Empty)?;
        let acknowledged = log.head().map_err(LedgerError::from)?;
        if acknowledged.count < count {
            return Err(NoStart::Short(acknowledged));
        }
        let trusted = replay(log, KnownAt::Record(Seq(last)))?;
        if origin_of(&trusted.state).as_deref() != Some(checkpoint.origin()) {
            return Err(NoStart::OtherOrigin);
        }
        // Fits, for there is a root in memory for each. The tile of the last record is hashed anew.
        let whole = &trusted.tree.tiles()[..(last / TILE) as usize];
        let root = tree::root(&Hashes::new(log, whole), count).map_err(tree_error)?;
        let stored = log.read(last, 1).map_err(LedgerError::from)?;
        let header = stored.first().and_then(|stored| header_of(&stored.sealed));
        let leads_there = root == *checkpoint.root() && trusted.tree.root() == root;
        match header {
            Some(header) if leads_there && header.link() == trusted.head.link => {
                if header.remaining > 0 {
                    return Err(NoStart::InBatch);
                }
                let walker = Walker::after(&header, trusted.head.link);
                Ok(Self { trusted, walker })
            }
            _ => Err(NoStart::Rewritten),
        }
    }

    /// How many records come before.
    pub(super) fn count(&self) -> u64 {
        self.trusted.head.count
    }
}
