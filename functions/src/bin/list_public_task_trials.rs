//! The function `list_public_task_trials`.

use oddish_functions::{lambda, public::list_public_task_trials, state::Public};

fn main() -> std::process::ExitCode {
    lambda::run::<Public, _>(env!("CARGO_BIN_NAME"), list_public_task_trials::list_public_task_trials)
}
