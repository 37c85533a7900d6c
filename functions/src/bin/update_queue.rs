//! The function `update_queue`.

use oddish_functions::{lambda, queues::update_queue, state::Wakes};

fn main() -> std::process::ExitCode {
    lambda::run::<Wakes, _>(env!("CARGO_BIN_NAME"), update_queue::update_queue)
}
