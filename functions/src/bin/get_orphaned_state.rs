//! The function `get_orphaned_state`.

use oddish_functions::{admin::get_orphaned_state, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), get_orphaned_state::get_orphaned_state)
}
