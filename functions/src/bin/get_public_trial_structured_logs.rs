//! The function `get_public_trial_structured_logs`.

use oddish_functions::{lambda, public::get_public_trial_structured_logs, state::PublicFiles};

fn main() -> std::process::ExitCode {
    lambda::run::<PublicFiles, _>(
        env!("CARGO_BIN_NAME"),
        get_public_trial_structured_logs::get_public_trial_structured_logs,
    )
}
