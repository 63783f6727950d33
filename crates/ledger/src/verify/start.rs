//! Where verifying begins behind a checkpoint.

use crate::anchor::Hashes;
use crate::definitions::Definitions;
use crate::error::LedgerError;
use crate::error::tree_error;
use crate::replay::{KnownAt, replay};
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::record::Head;
use servanda_core::chain::tree::{self, TILE};
use servanda_core::chain::walker::Walker;
use servanda_core::value::id::Seq;
use servanda_core::verify::{Replayed, Start, origin_of};
use servanda_log::Log;

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

/// After the records of a checkpoint. What comes from snapshots counts as far as it leads to the checkpoint's
/// root: that holds for the tree and for the last record, whose header is read and hashed. The state that rules
/// rest on is bound by no checkpoint, and taken as replay has it.
pub(super) fn after(
    log: &impl Log,
    checkpoint: &Checkpoint,
) -> Result<(Start, Definitions), NoStart> {
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
    let header = stored.first().and_then(|stored| stored.sealed.header());
    let leads_there = root == *checkpoint.root() && trusted.tree.root() == root;
    match header {
        Some(header) if leads_there && header.link() == trusted.head.link => {
            if header.remaining > 0 {
                return Err(NoStart::InBatch);
            }
            let walker = Walker::after(&header, trusted.head.link);
            let definitions = trusted.definitions;
            let trusted = Replayed {
                state: trusted.state,
                head: trusted.head,
                last_recorded: trusted.last_recorded,
                tree: trusted.tree,
            };
            Ok((Start { trusted, walker }, definitions))
        }
        _ => Err(NoStart::Rewritten),
    }
}
