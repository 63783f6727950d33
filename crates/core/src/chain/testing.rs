//! For tests alone: bytes as the golden vectors write them.

use super::record::{Body, Content, Head, Record, Unbound, bind};

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal digits.
pub fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}: half a byte");
    (0..text.len() / 2)
        .map(|at| {
            u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("the text is hexadecimal")
        })
        .collect()
}

/// Binds the records of one append whose payloads need be no events.
pub fn bind_bodies(head: Head, recorded_at: i64, bodies: Vec<Body>) -> (Vec<Record>, Head) {
    let unbound = |body: Body| Unbound {
        content: Content {
            kind: 0,
            target: 0,
            payload: body.payload,
        },
        salt: body.salt,
        erasable: false,
        recorded_at,
        asserted: false,
    };
    bind(head, bodies.into_iter().map(unbound).collect())
}
