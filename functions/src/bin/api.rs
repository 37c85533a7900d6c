//! The program `api`.

use oddish_functions::lambda;

fn main() -> std::process::ExitCode {
    lambda::start(lambda::api::run)
}
