//! The function `cancel_tasks`.

use oddish_functions::{lambda, state::Wakes, tasks::cancel_tasks};

fn main() -> std::process::ExitCode {
    lambda::run::<Wakes, _>(env!("CARGO_BIN_NAME"), cancel_tasks::cancel_tasks)
}
