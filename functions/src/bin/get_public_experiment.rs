//! The function `get_public_experiment`.

use oddish_functions::{lambda, public::get_public_experiment, state::Public};

fn main() -> std::process::ExitCode {
    lambda::run::<Public, _>(env!("CARGO_BIN_NAME"), get_public_experiment::get_public_experiment)
}
