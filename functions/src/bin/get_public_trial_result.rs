//! The function `get_public_trial_result`.

use oddish_functions::{lambda, public::get_public_trial_result, state::PublicFiles};

fn main() -> std::process::ExitCode {
    lambda::run::<PublicFiles, _>(env!("CARGO_BIN_NAME"), get_public_trial_result::get_public_trial_result)
}
