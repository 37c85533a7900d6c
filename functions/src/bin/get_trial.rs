//! The function `get_trial`.

use oddish_functions::{lambda, state::Reads, trials::get_trial};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), get_trial::get_trial)
}
