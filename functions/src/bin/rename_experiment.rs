//! The function `rename_experiment`.

use oddish_functions::{experiments::rename_experiment, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), rename_experiment::rename_experiment)
}
