//! The function `get_trial_debug_files`.

use oddish_functions::{lambda, state::ReadsFiles, trials::get_trial_debug_files};

fn main() -> std::process::ExitCode {
    lambda::run::<ReadsFiles, _>(env!("CARGO_BIN_NAME"), get_trial_debug_files::get_trial_debug_files)
}
