//! The function `publish_experiment`.

use oddish_functions::{experiments::publish_experiment, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), publish_experiment::publish_experiment)
}
