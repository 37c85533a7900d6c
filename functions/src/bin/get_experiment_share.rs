//! The function `get_experiment_share`.

use oddish_functions::{experiments::get_experiment_share, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), get_experiment_share::get_experiment_share)
}
