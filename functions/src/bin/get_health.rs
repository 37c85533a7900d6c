//! The function `get_health`.

use oddish_functions::{health, lambda, state::Reads};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn main() -> std::process::ExitCode {
    lambda::run::<Reads>(OpenApiRouter::new().routes(routes!(health::get_health)))
}
