//! The function `cancel_tasks`.

use oddish_functions::{lambda, state::Reads, tasks::cancel_tasks};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), cancel_tasks::cancel_tasks)
}
