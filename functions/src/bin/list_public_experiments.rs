//! The function `list_public_experiments`.

use oddish_functions::{lambda, public::list_public_experiments, state::Public};

fn main() -> std::process::ExitCode {
    lambda::run::<Public, _>(env!("CARGO_BIN_NAME"), list_public_experiments::list_public_experiments)
}
