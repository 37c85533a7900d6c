//! The function `cancel_experiment`.

use oddish_functions::{experiments::cancel_experiment, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), cancel_experiment::cancel_experiment)
}
