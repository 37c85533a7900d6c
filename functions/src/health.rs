//! Health.

pub mod get_health;
