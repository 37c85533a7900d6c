//! The function `cancel_trial`.

use oddish_functions::{lambda, state::Reads, trials::cancel_trial};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), cancel_trial::cancel_trial)
}
