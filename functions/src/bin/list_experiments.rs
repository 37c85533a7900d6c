//! The function `list_experiments`.

use oddish_functions::{experiments::list_experiments, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), list_experiments::list_experiments)
}
