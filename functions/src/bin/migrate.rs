//! The function `migrate`.

use oddish_functions::{lambda, migrate};

fn main() -> std::process::ExitCode {
    lambda::start(migrate::run)
}
