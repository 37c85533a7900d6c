//! The function `retry_task_analysis`.

use oddish_functions::{lambda, state::Judging, tasks::retry_task_analysis};

fn main() -> std::process::ExitCode {
    lambda::run::<Judging, _>(env!("CARGO_BIN_NAME"), retry_task_analysis::retry_task_analysis)
}
