//! The function `get_docs_file`.

use oddish_functions::{docs, lambda, state::Nothing};

fn main() -> std::process::ExitCode {
    lambda::run::<Nothing, _>(env!("CARGO_BIN_NAME"), docs::get_docs_file)
}
