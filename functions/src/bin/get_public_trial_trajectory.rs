//! The function `get_public_trial_trajectory`.

use oddish_functions::{lambda, public::get_public_trial_trajectory, state::PublicFiles};

fn main() -> std::process::ExitCode {
    lambda::run::<PublicFiles, _>(env!("CARGO_BIN_NAME"), get_public_trial_trajectory::get_public_trial_trajectory)
}
