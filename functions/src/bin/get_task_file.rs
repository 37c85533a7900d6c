//! The function `get_task_file`.

use oddish_functions::{lambda, state::ReadsFiles, tasks::get_task_file};

fn main() -> std::process::ExitCode {
    lambda::run::<ReadsFiles, _>(env!("CARGO_BIN_NAME"), get_task_file::get_task_file)
}
