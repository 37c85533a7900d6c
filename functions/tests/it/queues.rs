//! `/queues`.

mod get_queue;
mod update_queue;
