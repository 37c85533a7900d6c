//! The function `list_public_tasks`.

use oddish_functions::{lambda, public::list_public_tasks, state::Public};

fn main() -> std::process::ExitCode {
    lambda::run::<Public, _>(env!("CARGO_BIN_NAME"), list_public_tasks::list_public_tasks)
}
