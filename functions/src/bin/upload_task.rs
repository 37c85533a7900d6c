//! The function `upload_task`.

use oddish_functions::{lambda, state::Uploads, tasks::upload_task};

fn main() -> std::process::ExitCode {
    lambda::run::<Uploads, _>(env!("CARGO_BIN_NAME"), upload_task::upload_task)
}
