//! batpak: an append-only journal with a BLAKE3 chain of its own, a chain for each entity. Syncs after each append or batch.

use std::path::Path;

use batpak::store::{BatchAppendItem, CausationRef};
use batpak::prelude::*;

use super::{Outcome, Peer, in_batches};

/// A journal with one entity.
pub struct Batpak {
    log: Store,
    coordinate: Coordinate,
    written: u64,
}

const KIND: EventKind = EventKind::custom(0xF, 1);

impl Batpak {
    /// An empty one.
    pub fn create(dir: &Path) -> Outcome<Self> {
        let config = StoreConfig::new(dir.join("batpak")).with_sync_every_n_events(1);
        Ok(Self {
            log: Store::open(config)?,
            coordinate: Coordinate::new("entity:log", "scope:benches")?,
            written: 0,
        })
    }
}

impl Peer for Batpak {
    fn name(&self) -> &'static str {
        "batpak"
    }

    fn append(&mut self, payload: &[u8]) -> Outcome<()> {
        let _receipt = self.log.append(&self.coordinate, KIND, &payload)?;
        self.written += 1;
        Ok(())
    }

    fn import(&mut self, payloads: &mut dyn Iterator<Item = Vec<u8>>) -> Outcome<()> {
        in_batches(payloads, |batch| {
            // A batch may have 256 items at the most, unless configured otherwise.
            for part in batch.chunks(256) {
                let item = |payload: &Vec<u8>| {
                    let options = AppendOptions::default();
                    BatchAppendItem::new(
                        self.coordinate.clone(),
                        KIND,
                        payload,
                        options,
                        CausationRef::None,
                    )
                };
                let items = part.iter().map(item).collect::<Result<_, _>>()?;
                self.log.append_batch(items)?;
                self.written += part.len() as u64;
            }
            Ok(())
        })
    }

    fn verify(&mut self) -> Outcome<u64> {
        let report = self.log.verify_chain()?;
        if report.is_intact() && report.events_checked as u64 >= self.written {
            Ok(self.written)
        } else {
            Err(format!("batpak: {report:?}").into())
        }
    }
}
