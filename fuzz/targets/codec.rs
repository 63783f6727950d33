//! Payloads and records: bytes that are taken are exactly those that would be written, and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servanda_core::chain::codec::{decode, encode};
use servanda_core::chain::record::{Record, Sealed};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(event) = decode(bytes) {
        let again = encode(&event).expect("what was decoded can be encoded");
        assert_eq!(again, bytes, "an event has one encoding");
    }
    let sealed = Sealed::from(bytes.to_vec());
    if let Ok(record) = Record::open(&sealed) {
        assert_eq!(record.seal(), sealed, "a record has one form");
        let _ = record.payload_is_sound();
    }
});
