//! Bytes made smaller, and as they were again. The only file that names lz4_flex.

use lz4_flex::block;

/// An LZ4 block of these bytes. How long they were is for the caller to keep.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    block::compress(bytes)
}

/// The bytes of an LZ4 block, of which so many must come out, or what is wrong. As many are allocated, whatever the
/// block holds: the caller has a bound.
pub fn unpack(packed: &[u8], length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; length];
    match block::decompress_into(packed, &mut bytes) {
        Ok(found) if found == length => Ok(bytes),
        Ok(found) => Err(format!("{found} bytes came out where {length} should")),
        Err(error) => Err(format!("it cannot be expanded: {error}")),
    }
}
