//! The function `delete_experiment`.

use oddish_functions::{experiments::delete_experiment, lambda, state::Deletes};

fn main() -> std::process::ExitCode {
    lambda::run::<Deletes, _>(env!("CARGO_BIN_NAME"), delete_experiment::delete_experiment)
}
