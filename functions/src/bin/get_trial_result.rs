//! The function `get_trial_result`.

use oddish_functions::{lambda, state::ReadsFiles, trials::get_trial_result};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn main() -> std::process::ExitCode {
    lambda::run::<ReadsFiles>(OpenApiRouter::new().routes(routes!(get_trial_result::get_trial_result)))
}
