//! The function `list_trials`.

use oddish_functions::{lambda, state::Reads, trials::list_trials};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), list_trials::list_trials)
}
