//! HTTP around handlers: headers that they read, and answers that are not JSON values.

pub mod files;
pub mod range;
