//! The function `get_openapi`.

use oddish_functions::{docs, lambda, state::Nothing};

fn main() -> std::process::ExitCode {
    lambda::run::<Nothing, _>(env!("CARGO_BIN_NAME"), docs::get_openapi)
}
