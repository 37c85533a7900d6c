//! The function `create_sweep`.

use oddish_functions::{lambda, state::Sweeps, tasks::create_sweep};

fn main() -> std::process::ExitCode {
    lambda::run::<Sweeps, _>(env!("CARGO_BIN_NAME"), create_sweep::create_sweep)
}
