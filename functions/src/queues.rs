//! Queue keys: how many jobs may run at once, and pauses.

pub mod get_queue;
pub mod list_queues;
pub mod update_queue;
