//! The function `get_experiment`.

use oddish_functions::{experiments::get_experiment, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), get_experiment::get_experiment)
}
