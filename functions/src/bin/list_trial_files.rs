//! The function `list_trial_files`.

use oddish_functions::{lambda, state::ReadsFiles, trials::list_trial_files};

fn main() -> std::process::ExitCode {
    lambda::run::<ReadsFiles, _>(env!("CARGO_BIN_NAME"), list_trial_files::list_trial_files)
}
