//! The function `get_public_trial_file`.

use oddish_functions::{lambda, public::get_public_trial_file, state::PublicFiles};

fn main() -> std::process::ExitCode {
    lambda::run::<PublicFiles, _>(env!("CARGO_BIN_NAME"), get_public_trial_file::get_public_trial_file)
}
