//! Queue keys as a table.

use comfy_table::{Cell, Color};
use oddish_api_types::{QueuePause, QueueResponse};

use super::table::{render, table, text_cell};

/// Queue keys with their limits, what they hold, and why they are paused.
pub(crate) fn queues(queues: &[QueueResponse], width: Option<u16>) -> String {
    let mut table = table(&["Queue key", "State"], &["Running", "Limit", "Ready", "Delayed"], width);
    for queue in queues {
        let state = match &queue.paused {
            Some(pause) => text_cell(&paused(pause)).fg(Color::Yellow),
            None if queue.concurrency_limit == 0 => text_cell("limit is 0").fg(Color::Yellow),
            None => text_cell("open"),
        };
        table.add_row(vec![
            text_cell(&queue.queue_key),
            state,
            Cell::new(queue.running),
            Cell::new(queue.concurrency_limit),
            Cell::new(queue.ready),
            Cell::new(queue.delayed),
        ]);
    }
    render(&table)
}

fn paused(pause: &QueuePause) -> String {
    match &pause.reason {
        Some(reason) => format!("paused by {}: {reason}", pause.by),
        None => format!("paused by {}", pause.by),
    }
}
