//! The function `list_tasks`.

use oddish_functions::{lambda, state::Reads, tasks::list_tasks};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), list_tasks::list_tasks)
}
