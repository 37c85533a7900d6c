//! The function `delete_trial`.

use oddish_functions::{lambda, state::Deletes, trials::delete_trial};

fn main() -> std::process::ExitCode {
    lambda::run::<Deletes, _>(env!("CARGO_BIN_NAME"), delete_trial::delete_trial)
}
