//! The function `browse_tasks`.

use oddish_functions::{lambda, state::Reads, tasks::browse_tasks};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), browse_tasks::browse_tasks)
}
