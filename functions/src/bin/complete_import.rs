//! The function `complete_import`.

use oddish_functions::{lambda, state::Uploads, trials::complete_import};

fn main() -> std::process::ExitCode {
    lambda::run::<Uploads, _>(env!("CARGO_BIN_NAME"), complete_import::complete_import)
}
