//! The function `get_task_version`.

use oddish_functions::{lambda, state::Reads, tasks::get_task_version};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), get_task_version::get_task_version)
}
