//! The function `retry_trial`.

use oddish_functions::{lambda, state::Wakes, trials::retry_trial};

fn main() -> std::process::ExitCode {
    lambda::run::<Wakes, _>(env!("CARGO_BIN_NAME"), retry_trial::retry_trial)
}
