//! The program `reconcile`.

use oddish_functions::lambda;

fn main() -> std::process::ExitCode {
    lambda::start(lambda::reconcile::run)
}
