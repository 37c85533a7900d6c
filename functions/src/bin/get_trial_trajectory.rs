//! The function `get_trial_trajectory`.

use oddish_functions::{lambda, state::ReadsFiles, trials::get_trial_trajectory};

fn main() -> std::process::ExitCode {
    lambda::run::<ReadsFiles, _>(env!("CARGO_BIN_NAME"), get_trial_trajectory::get_trial_trajectory)
}
