//! The function `get_health`.

use oddish_functions::{health, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), health::get_health)
}
