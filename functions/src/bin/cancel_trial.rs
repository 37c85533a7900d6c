//! The function `cancel_trial`.

use oddish_functions::{lambda, state::Wakes, trials::cancel_trial};

fn main() -> std::process::ExitCode {
    lambda::run::<Wakes, _>(env!("CARGO_BIN_NAME"), cancel_trial::cancel_trial)
}
