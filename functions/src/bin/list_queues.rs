//! The function `list_queues`.

use oddish_functions::{lambda, queues::list_queues, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), list_queues::list_queues)
}
