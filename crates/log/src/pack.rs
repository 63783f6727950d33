//! Compression with LZ4. The only file that names lz4_flex.

use lz4_flex::block;

/// Compresses bytes into an LZ4 block. The caller stores their length.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    block::compress(bytes)
}

/// Expands an LZ4 block to exactly `length` bytes, or says what is wrong. It allocates `length` bytes for any block, so
/// the caller must check that number.
pub fn unpack(packed: &[u8], length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; length];
    match block::decompress_into(packed, &mut bytes) {
        Ok(found) if found == length => Ok(bytes),
        Ok(found) => Err(format!("{found} bytes came out where {length} should")),
        Err(error) => Err(format!("it cannot be expanded: {error}")),
    }
}
