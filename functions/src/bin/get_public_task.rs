//! The function `get_public_task`.

use oddish_functions::{lambda, public::get_public_task, state::Public};

fn main() -> std::process::ExitCode {
    lambda::run::<Public, _>(env!("CARGO_BIN_NAME"), get_public_task::get_public_task)
}
