//! The small pieces of text that the C2SP formats share. Each is read so strictly that what was
//! read prints back to the same bytes: a signed text must have one spelling only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// RFC 4648 section 4, with padding.
pub(super) fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// `None` for anything but canonical base64: padding and unused bits must be right, no white space.
pub(super) fn base64_decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// An unsigned ASCII decimal without sign and without leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit())
        && !text.is_empty()
        && (text == "0" || !text.starts_with('0'));
    // `parse` alone would also take "+5" and "007".
    if canonical { text.parse().ok() } else { None }
}

/// Whether a text holds an ASCII control character other than a newline, which no signed note may.
pub(super) fn has_control(text: &str) -> bool {
    text.bytes().any(|b| b < 0x20 && b != b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_one_spelling() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("18446744073709551615"), Some(u64::MAX));
        for wrong in [
            "",
            "00",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1_0",
            "18446744073709551616",
            "१",
        ] {
            assert_eq!(decimal(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn base64_has_one_spelling() {
        assert_eq!(base64_decode("AA==").as_deref(), Some(&[0][..]));
        for wrong in ["AA", "AB==", "AA==\n", " AA==", "A===", "AA=", "-_=="] {
            assert_eq!(base64_decode(wrong), None, "{wrong:?}");
        }
    }
}
