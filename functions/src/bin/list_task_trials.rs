//! The function `list_task_trials`.

use oddish_functions::{lambda, state::Reads, tasks::list_task_trials};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), list_task_trials::list_task_trials)
}
