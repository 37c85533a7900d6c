//! Health and versions.

pub mod get_health;
pub mod get_version;
