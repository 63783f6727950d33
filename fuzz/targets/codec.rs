//! Payloads and records: bytes that are taken are exactly those that would be written, and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servanda_core::chain::codec::{CodecError, decode, encode};
use servanda_core::chain::record::{ContentRef, Record, Sealed};

fuzz_target!(|bytes: &[u8]| {
    if let Some((kind, payload)) = bytes.split_first() {
        let mut content = ContentRef {
            kind: (*kind).into(),
            target: 0,
            payload,
        };
        // The bytes may name a target: the header would repeat it.
        if let Err(CodecError::Target { named, .. }) = decode(content) {
            content.target = named;
        }
        if let Ok(event) = decode(content) {
            let again = encode(&event).expect("what was decoded can be encoded");
            assert_eq!(again.as_ref(), content, "an event has one encoding");
        }
    }
    let sealed = Sealed::from(bytes.to_vec());
    if let Ok(record) = Record::open(&sealed) {
        assert_eq!(record.seal(), sealed, "a record has one form");
        let _ = record.payload_is_sound();
    }
});
