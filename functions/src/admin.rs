//! What operators look at when something seems stuck.

pub mod get_orphaned_state;
pub mod get_queue_status;
pub mod get_slots;
