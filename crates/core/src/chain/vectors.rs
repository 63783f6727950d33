//! Known answers that the tests of several files share.

/// A log with the seed 01 × 32.
pub const LOG_VKEY: &str =
    "servanda.example/log1+146d4a70+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";

/// A witness with the seed 02 × 32.
pub const WITNESS_VKEY: &str =
    "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU";

/// Unix seconds of the witness's cosignature.
pub const TIMESTAMP: u64 = 1_700_000_000;

/// The seven one-byte leaves 00 to 06, signed by the log.
pub const SIGNED: &str = "servanda.example/log1
7
NWAZGAMChESyMgGKwEf9tWHAnCOnpodsheCLXk1I6fM=

— servanda.example/log1 FG1KcDOCoyWStjTQu3pO1mN0Y/MJVOiE//yjoiz1747CXtNEDeFQQt55ipOkYQTJ5TOcnG5QkCiBcg1VK9JfUcM4YQk=
";

/// The line that the witness adds to [`SIGNED`] at [`TIMESTAMP`].
pub const COSIGNATURE: &str = "— witness.example/w1 3xwKNQAAAABlU/EAJD8KIosuDKmyDEhgH+rmodc4nFFLjoa6aFvShsmL2ulhg8Hq/+ZwZi4fIt2OEZROPjM49xL2uX81AJ/WI/YSDA==
";

/// [`SIGNED`] and [`COSIGNATURE`] in one note.
pub fn cosigned() -> String {
    format!("{SIGNED}{COSIGNATURE}")
}

/// The data of the seven leaves.
pub fn leaves() -> Vec<[u8; 1]> {
    (0..7).map(|byte| [byte]).collect()
}
