//! The function `list_tasks`.

use oddish_functions::{lambda, state::Reads, tasks::list_tasks};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn main() -> std::process::ExitCode {
    lambda::run::<Reads>(OpenApiRouter::new().routes(routes!(list_tasks::list_tasks)))
}
