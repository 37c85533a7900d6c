//! The function `get_queue_status`.

use oddish_functions::{admin::get_queue_status, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), get_queue_status::get_queue_status)
}
