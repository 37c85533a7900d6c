//! The function `retry_verdict`.

use oddish_functions::{lambda, state::Judging, tasks::retry_verdict};

fn main() -> std::process::ExitCode {
    lambda::run::<Judging, _>(env!("CARGO_BIN_NAME"), retry_verdict::retry_verdict)
}
