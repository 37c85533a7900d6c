//! The function `complete_upload`.

use oddish_functions::{lambda, state::Uploads, tasks::complete_upload};

fn main() -> std::process::ExitCode {
    lambda::run::<Uploads, _>(env!("CARGO_BIN_NAME"), complete_upload::complete_upload)
}
