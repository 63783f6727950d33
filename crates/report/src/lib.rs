//! Questions answered by plain data (`report`), and the formats in which it is written (`render`).

mod parallel;
pub mod render;
pub mod report;
