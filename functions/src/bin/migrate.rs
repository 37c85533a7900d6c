//! The program `migrate`.

use oddish_functions::lambda;

fn main() -> std::process::ExitCode {
    lambda::start(lambda::migrate::run)
}
