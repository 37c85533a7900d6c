//! The function `get_trial_file`.

use oddish_functions::{lambda, state::ReadsFiles, trials::get_trial_file};

fn main() -> std::process::ExitCode {
    lambda::run::<ReadsFiles, _>(env!("CARGO_BIN_NAME"), get_trial_file::get_trial_file)
}
