//! The function `unpublish_experiment`.

use oddish_functions::{experiments::unpublish_experiment, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), unpublish_experiment::unpublish_experiment)
}
