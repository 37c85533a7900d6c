//! The function `get_trial_logs`.

use oddish_functions::{lambda, state::ReadsFiles, trials::get_trial_logs};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn main() -> std::process::ExitCode {
    lambda::run::<ReadsFiles>(OpenApiRouter::new().routes(routes!(get_trial_logs::get_trial_logs)))
}
