//! The function `get_slots`.

use oddish_functions::{admin::get_slots, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), get_slots::get_slots)
}
