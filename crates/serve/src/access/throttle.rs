//! Slows those who try tokens: after some wrong ones, an address has to wait.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens of an address before it has to wait.
const FREE: u32 = 10;

/// For how long a wrong token counts.
const WINDOW: Duration = Duration::from_secs(60);

/// Most addresses that are remembered.
const MOST: usize = 100_000;

/// The wrong tokens of each address.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<HashMap<IpAddr, (u32, Instant)>>);

impl Throttle {
    /// After how many seconds an address may try again; none where it may now.
    pub fn wait(&self, address: IpAddr) -> Option<u64> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, since) = all.get(&network(address))?;
        let left = WINDOW.checked_sub(since.elapsed())?;
        (*count >= FREE).then_some(left.as_secs() + 1)
    }

    /// Notes a wrong token.
    pub fn note_wrong(&self, address: IpAddr) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, (_, since)| since.elapsed() < WINDOW);
        }
        let now = Instant::now();
        let (count, since) = all.entry(network(address)).or_insert((0, now));
        if since.elapsed() >= WINDOW {
            (*count, *since) = (0, now);
        }
        *count += 1;
    }
}

/// What counts as one address: of IP version 6 the first 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}
