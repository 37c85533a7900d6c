//! The function `get_task`.

use oddish_functions::{lambda, state::Reads, tasks::get_task};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), get_task::get_task)
}
