//! What operators look at.

mod get_orphaned_state;
mod get_queue_status;
mod get_slots;
