//! The function `get_trial_structured_logs`.

use oddish_functions::{lambda, state::ReadsFiles, trials::get_trial_structured_logs};

fn main() -> std::process::ExitCode {
    lambda::run::<ReadsFiles, _>(env!("CARGO_BIN_NAME"), get_trial_structured_logs::get_trial_structured_logs)
}
