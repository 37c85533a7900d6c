//! The program `dispatch`.

use oddish_functions::lambda;

fn main() -> std::process::ExitCode {
    lambda::start(lambda::dispatch::run)
}
