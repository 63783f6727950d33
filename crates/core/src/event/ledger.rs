use super::declare::event;
use crate::value::base::Text;

event! {
    /// The ledger was opened: always record 0, and only there.
    [opens local fixed] 0 "ledger" LedgerOpened {
        /// The ledger's name for life, such as a domain and path: example.org/joint-commission
        [arg] origin: Text,
        /// What the ledger is for
        purpose: Option<Text>,
    }
}
