//! The function `list_task_files`.

use oddish_functions::{lambda, state::ReadsFiles, tasks::list_task_files};

fn main() -> std::process::ExitCode {
    lambda::run::<ReadsFiles, _>(env!("CARGO_BIN_NAME"), list_task_files::list_task_files)
}
