//! The `servanda` program.

fn main() {}
