//! The function `list_task_versions`.

use oddish_functions::{lambda, state::Reads, tasks::list_task_versions};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), list_task_versions::list_task_versions)
}
