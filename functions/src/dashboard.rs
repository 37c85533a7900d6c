//! The dashboard.

pub mod get_dashboard;
