//! The function `retry_trial_analysis`.

use oddish_functions::{lambda, state::Judging, trials::retry_trial_analysis};

fn main() -> std::process::ExitCode {
    lambda::run::<Judging, _>(env!("CARGO_BIN_NAME"), retry_trial_analysis::retry_trial_analysis)
}
