//! Publishing and reading, on a place in memory.
