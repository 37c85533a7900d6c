//! The function `get_task`.

use oddish_functions::{lambda, state::Reads, tasks::get_task};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn main() -> std::process::ExitCode {
    lambda::run::<Reads>(OpenApiRouter::new().routes(routes!(get_task::get_task)))
}
