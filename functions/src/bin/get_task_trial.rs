//! The function `get_task_trial`.

use oddish_functions::{lambda, state::Reads, tasks::get_task_trial};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn main() -> std::process::ExitCode {
    lambda::run::<Reads>(OpenApiRouter::new().routes(routes!(get_task_trial::get_task_trial)))
}
