//! The function `init_upload`.

use oddish_functions::{lambda, state::Uploads, tasks::init_upload};

fn main() -> std::process::ExitCode {
    lambda::run::<Uploads, _>(env!("CARGO_BIN_NAME"), init_upload::init_upload)
}
