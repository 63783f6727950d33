/// Files, each with the beginning of what is said of it.
pub const OFFENCES: &[&str] = &[];

/// Circles, by the file that they are listed under.
pub const CIRCLES: &[&str] = &[];
