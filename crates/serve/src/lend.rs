//! The ledger that is served, for other commands of the same user: they append to its log and read it.

use std::io;
use std::sync::Arc;

use servanda_core::chain::record::Head;
use servanda_log::served::{Host, Work};
use servanda_log::{LogError, Reader};

use crate::service::Service;

impl Host for Service {
    fn head(&self) -> Head {
        self.shared().head()
    }

    fn reader(&self) -> Arc<dyn Reader> {
        self.shared().reader()
    }

    fn lend(&self, work: Work) -> Result<(), LogError> {
        self.shared().lend(work).map_err(|error| LogError::Io {
            doing: "using the ledger that is served".to_owned(),
            source: io::Error::other(error.to_string()),
        })
    }
}
