//! What is said of the engines that were left out of this program.

/// How a program is built with everything.
const BUILD: &str = "this program was built without it: `cargo install --path . --features objects,postgres` builds one with it";

/// The hint for a location whose engine was left out of this program; none where it is known, or where no engine would know it.
pub(super) fn left_out(scheme: &str) -> Option<&'static str> {
    let is_left_out = match scheme {
        "postgres" | "postgresql" => cfg!(not(feature = "postgres")),
        "s3" | "http" | "https" => cfg!(not(feature = "objects")),
        _ => false,
    };
    is_left_out.then_some(BUILD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_named_and_nothing_else() {
        for scheme in ["postgres", "postgresql"] {
            assert_eq!(
                left_out(scheme).is_some(),
                cfg!(not(feature = "postgres")),
                "{scheme}"
            );
        }
        for scheme in ["s3", "http", "https"] {
            assert_eq!(
                left_out(scheme).is_some(),
                cfg!(not(feature = "objects")),
                "{scheme}"
            );
        }
        for scheme in ["file", "memory", "ftp"] {
            assert_eq!(left_out(scheme), None, "{scheme}");
        }
    }
}
