//! Two slots in one file. A torn write damages only the slot that is being written: a slot is written when the other
//! one is known to be on the disk, or a power cut could tear both.
//!
//! # Bytes
//! A slot at 0 and one at 4,096, each alone in its page. All numbers are little endian:
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | the kind of the file |
//! | 8 | 8 | generation: 1 on creation, one more with each write |
//! | 16 | N | the body |
//! | 16 + N | 32 | [`local_checksum`] of the bytes before |
//!
//! The rest of the page is zeros and means nothing. Even generations go to the first slot, odd ones to the second. The
//! valid slot with the greater generation counts. A slot with a generation of the other slot is not valid.

use servanda_core::chain::record::local_checksum;

/// The place of the second slot.
const STRIDE: usize = 4096;
/// The bytes of both slots, at the start of a file.
pub(super) const ROOM: usize = 2 * STRIDE;

const BODY_AT: usize = 16;
const CHECKSUM_LEN: usize = 32;

/// A slot with a body of `N` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot<const N: usize> {
    /// The number of slots that were written, with this one.
    pub(super) generation: u64,
    /// The body.
    pub(super) body: [u8; N],
}

impl<const N: usize> Slot<N> {
    /// The place in the file.
    pub(super) fn place(&self) -> u64 {
        (Self::index(self.generation) * STRIDE) as u64
    }

    fn index(generation: u64) -> usize {
        usize::from(!generation.is_multiple_of(2))
    }

    /// Encodes the slot for a file of this kind.
    pub(super) fn to_bytes(self, magic: &[u8; 8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BODY_AT + N + CHECKSUM_LEN);
        bytes.extend_from_slice(magic);
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(&self.body);
        let checksum = local_checksum(&bytes);
        bytes.extend_from_slice(&checksum.0);
        bytes
    }

    /// Reads the slot at this index, unless it is torn or damaged.
    fn find(file: &[u8], magic: &[u8; 8], index: usize) -> Option<Self> {
        let bytes = file.get(index * STRIDE..)?;
        let bytes = bytes.get(..BODY_AT + N + CHECKSUM_LEN)?;
        let slot = Self {
            generation: u64::from_le_bytes(*bytes[8..].first_chunk()?),
            body: *bytes[BODY_AT..].first_chunk()?,
        };
        // Encoding it again checks the magic and the checksum with the rest.
        let whole = slot.to_bytes(magic) == bytes && Self::index(slot.generation) == index;
        whole.then_some(slot)
    }

    /// Gives the slot that counts; none if neither is whole.
    pub(super) fn newest(file: &[u8], magic: &[u8; 8]) -> Option<Self> {
        let slots = [0, 1].map(|index| Self::find(file, magic, index));
        slots
            .into_iter()
            .flatten()
            .max_by_key(|slot| slot.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: &[u8; 8] = b"srvdtest";

    /// A file in which these generations were written.
    fn written(generations: u64) -> Vec<u8> {
        let mut file = vec![0; ROOM];
        for generation in 1..=generations {
            let slot = Slot {
                generation,
                body: [generation as u8; 3],
            };
            let (bytes, at) = (slot.to_bytes(MAGIC), slot.place() as usize);
            file[at..at + bytes.len()].copy_from_slice(&bytes);
        }
        file
    }

    fn newest(file: &[u8]) -> Option<u64> {
        Slot::<3>::newest(file, MAGIC).map(|slot| slot.generation)
    }

    #[test]
    fn the_newest_whole_slot_counts() {
        assert_eq!(newest(&written(0)), None);
        for generations in 1..5 {
            let mut file = written(generations);
            assert_eq!(newest(&file), Some(generations));
            let at = (generations % 2) as usize * STRIDE;
            for damaged in 0..16 + 3 + 32 {
                file[at + damaged] ^= 1;
                let left = (generations > 1).then_some(generations - 1);
                assert_eq!(newest(&file), left, "byte {damaged} of {generations}");
                file[at + damaged] ^= 1;
            }
        }
    }

    #[test]
    fn a_slot_copied_over_the_other_is_not_valid_there() {
        let mut file = written(4);
        file.copy_within(0..51, STRIDE);
        assert_eq!(newest(&file), Some(4));
        file[0] ^= 1;
        assert_eq!(newest(&file), None);
    }

    #[test]
    fn a_cut_file_and_another_kind_of_file_have_what_they_have() {
        let file = written(2);
        for (length, left) in [(0, None), (50, None), (51, Some(2)), (STRIDE + 50, Some(2))] {
            assert_eq!(newest(&file[..length]), left, "{length}");
        }
        assert_eq!(Slot::<3>::newest(&file, b"srvdhead"), None);
        assert_eq!(Slot::<4>::newest(&file, MAGIC), None);
    }
}
