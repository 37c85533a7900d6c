//! The function `get_queue`.

use oddish_functions::{lambda, queues::get_queue, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), get_queue::get_queue)
}
