//! The function `get_trial_result`.

use oddish_functions::{lambda, state::ReadsFiles, trials::get_trial_result};

fn main() -> std::process::ExitCode {
    lambda::run::<ReadsFiles, _>(env!("CARGO_BIN_NAME"), get_trial_result::get_trial_result)
}
