//! The function `get_dashboard`.

use oddish_functions::{dashboard, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), dashboard::get_dashboard)
}
