//! The function `cancel_experiment`.

use oddish_functions::{experiments::cancel_experiment, lambda, state::Wakes};

fn main() -> std::process::ExitCode {
    lambda::run::<Wakes, _>(env!("CARGO_BIN_NAME"), cancel_experiment::cancel_experiment)
}
