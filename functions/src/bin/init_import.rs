//! The function `init_import`.

use oddish_functions::{lambda, state::Imports, trials::init_import};

fn main() -> std::process::ExitCode {
    lambda::run::<Imports, _>(env!("CARGO_BIN_NAME"), init_import::init_import)
}
