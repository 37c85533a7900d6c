//! The function `not_found`.

use oddish_functions::{lambda, not_found};

fn main() -> std::process::ExitCode {
    lambda::serve(env!("CARGO_BIN_NAME"), not_found::router())
}
