//! The function `reconcile`.

use oddish_functions::{lambda, reconcile};

fn main() -> std::process::ExitCode {
    lambda::start(reconcile::run)
}
