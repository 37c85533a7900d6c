//! YAML and JSON files as their authors wrote them: every value with its line and column, every number exactly or not at all.
//!
//! Reading straight into types would lose both: a fault would be told in the words of a library, and `010`, `1e400` or a number of
//! twenty digits would become another number on the way to Harbor.

mod fault;
mod fields;
mod json;
mod node;
mod scalar;
mod source;
mod yaml;

pub(crate) use self::fault::Faults;
pub(crate) use self::fields::{Fields, nearest};
pub(crate) use self::json::parse as parse_json;
pub(crate) use self::node::{Content, Node};
pub(crate) use self::source::read;

#[cfg(test)]
mod tests;
