//! Questions answered by plain data (`report`), and the formats in which it is written (`render`).

pub mod parallel;
pub mod render;
pub mod report;
