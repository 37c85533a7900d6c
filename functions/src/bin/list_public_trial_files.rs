//! The function `list_public_trial_files`.

use oddish_functions::{lambda, public::list_public_trial_files, state::PublicFiles};

fn main() -> std::process::ExitCode {
    lambda::run::<PublicFiles, _>(env!("CARGO_BIN_NAME"), list_public_trial_files::list_public_trial_files)
}
