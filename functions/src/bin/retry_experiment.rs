//! The function `retry_experiment`.

use oddish_functions::{experiments::retry_experiment, lambda, state::Wakes};

fn main() -> std::process::ExitCode {
    lambda::run::<Wakes, _>(env!("CARGO_BIN_NAME"), retry_experiment::retry_experiment)
}
