//! The function `complete_upload`.

use oddish_functions::{lambda, state::Uploads, tasks::complete_upload};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn main() -> std::process::ExitCode {
    lambda::run::<Uploads>(OpenApiRouter::new().routes(routes!(complete_upload::complete_upload)))
}
