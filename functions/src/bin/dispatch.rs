//! The function `dispatch`.

use oddish_functions::{dispatch, lambda};

fn main() -> std::process::ExitCode {
    lambda::start(dispatch::run)
}
