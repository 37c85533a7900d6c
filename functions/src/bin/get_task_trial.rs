//! The function `get_task_trial`.

use oddish_functions::{lambda, state::Reads, tasks::get_task_trial};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), get_task_trial::get_task_trial)
}
