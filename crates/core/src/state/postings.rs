//! Trails: the numbers of records in ascending order, stored as differences of mostly two or three bytes.

use super::grow::grow;
use super::stored::Trail;

/// The most bytes of a difference.
const LONGEST: usize = 5;

/// Numbers of records in ascending order, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Postings {
    /// The bytes that come first, where a snapshot has them.
    earlier: Option<Box<Trail>>,
    /// The first number and then the differences: seven bits a byte, low ones first, all but the last byte of
    /// each marked by its highest bit.
    differences: Vec<u8>,
    last: u32,
}

impl PartialEq for Postings {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Postings {}

impl Postings {
    /// The trail of these bytes, with its last number.
    pub fn from_parts(differences: Vec<u8>, last: u32) -> Self {
        let last = if differences.is_empty() { 0 } else { last };
        Self {
            earlier: None,
            differences,
            last,
        }
    }

    /// The trail of these bytes of a snapshot, with its last number.
    pub fn long(bytes: Trail, last: u32) -> Self {
        Self {
            earlier: Some(Box::new(bytes)),
            differences: Vec::new(),
            last,
        }
    }

    /// The bytes of the trail, in two parts.
    pub fn bytes(&self) -> [&[u8]; 2] {
        let earlier = self.earlier.as_ref();
        [
            earlier.map_or(&[], |earlier| earlier.bytes()),
            &self.differences,
        ]
    }

    /// The last number; 0 if the trail is empty.
    pub fn last(&self) -> u32 {
        self.last
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty() && self.earlier.is_none()
    }

    /// The numbers, in order.
    pub fn iter(&self) -> Numbers<'_> {
        let [bytes, more] = self.bytes();
        Numbers {
            bytes,
            more,
            last: 0,
        }
    }

    /// The numbers, the last first.
    pub fn backwards(&self) -> impl Iterator<Item = u32> + use<'_> {
        let [mut before, mut bytes] = self.bytes();
        let mut next = self.last;
        std::iter::from_fn(move || {
            if bytes.is_empty() {
                bytes = std::mem::take(&mut before);
            }
            let start = last_difference(bytes)?;
            let number = next;
            let difference = Numbers::new(&bytes[start..]).next();
            next = next.saturating_sub(difference.unwrap_or_default());
            bytes = &bytes[..start];
            Some(number)
        })
    }

    /// Adds a number in its place, unless it is there.
    pub fn insert(&mut self, number: u32) {
        if self.is_empty() || self.last < number {
            self.push(number);
        } else if self.last != number && self.iter().all(|found| found != number) {
            self.rebuild(|all| {
                let at = all.partition_point(|found| *found < number);
                all.insert(at, number);
            });
        }
    }

    /// Takes a number out, if it is there.
    pub fn remove(&mut self, number: u32) {
        if self.is_empty() || number > self.last {
            return;
        }
        if number == self.last {
            self.pop();
        } else {
            self.rebuild(|all| all.retain(|found| *found != number));
        }
    }

    fn push(&mut self, number: u32) {
        grow(&mut self.differences, LONGEST);
        let mut rest = number.saturating_sub(self.last);
        while rest > 0x7f {
            self.differences.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.differences.push(rest as u8);
        self.last = number;
    }

    fn pop(&mut self) {
        if self.differences.is_empty()
            && let Some(earlier) = self.earlier.take()
        {
            self.differences = earlier.bytes().to_vec();
        }
        let Some(start) = last_difference(&self.differences) else {
            return;
        };
        let difference = Numbers::new(&self.differences[start..]).next();
        self.last = self.last.saturating_sub(difference.unwrap_or_default());
        self.differences.truncate(start);
    }

    fn rebuild(&mut self, change: impl FnOnce(&mut Vec<u32>)) {
        let mut all: Vec<u32> = self.iter().collect();
        change(&mut all);
        self.earlier = None;
        self.differences.clear();
        self.last = 0;
        for number in all {
            self.push(number);
        }
    }
}

/// Where the last difference begins; none of no bytes.
fn last_difference(bytes: &[u8]) -> Option<usize> {
    let (_, before) = bytes.split_last()?;
    let own = before.iter().rev().take_while(|byte| **byte > 0x7f);
    Some(before.len() - own.count())
}

/// The iterator over the numbers of a trail.
#[derive(Debug, Clone)]
pub(super) struct Numbers<'t> {
    bytes: &'t [u8],
    /// The bytes that follow.
    more: &'t [u8],
    last: u32,
}

impl<'t> Numbers<'t> {
    fn new(bytes: &'t [u8]) -> Self {
        let more = &[];
        Self {
            bytes,
            more,
            last: 0,
        }
    }
}

impl Iterator for Numbers<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.bytes.is_empty() {
            self.bytes = std::mem::take(&mut self.more);
        }
        let mut difference: u32 = 0;
        let mut shift = 0;
        loop {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            difference |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if *byte <= 0x7f {
                break;
            }
            shift += 7;
        }
        self.last = self.last.checked_add(difference)?;
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_trail_is_an_ordered_set(steps in prop::collection::vec((any::<bool>(), prop_oneof![0u32..40, any::<u32>()]), 0..60)) {
            let mut trail = Postings::default();
            let mut set = BTreeSet::new();
            for (add, number) in steps {
                if add {
                    trail.insert(number);
                    set.insert(number);
                } else {
                    trail.remove(number);
                    set.remove(&number);
                }
                prop_assert!(trail.iter().eq(set.iter().copied()));
                prop_assert!(trail.backwards().eq(set.iter().rev().copied()));
                prop_assert_eq!(trail.is_empty(), set.is_empty());
                let again = Postings::from_parts(trail.bytes().concat(), trail.last());
                prop_assert_eq!(&again, &trail);
            }
        }

        /// A damaged snapshot may hold any bytes.
        #[test]
        fn any_bytes_are_gone_through_to_an_end(bytes: Vec<u8>, last: u32, number: u32) {
            let mut trail = Postings::from_parts(bytes, last);
            let _ = trail.iter().count();
            let _ = trail.backwards().count();
            trail.remove(last);
            trail.insert(number);
            trail.remove(number);
        }
    }
}
