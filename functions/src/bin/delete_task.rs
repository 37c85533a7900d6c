//! The function `delete_task`.

use oddish_functions::{lambda, state::Deletes, tasks::delete_task};

fn main() -> std::process::ExitCode {
    lambda::run::<Deletes, _>(env!("CARGO_BIN_NAME"), delete_task::delete_task)
}
