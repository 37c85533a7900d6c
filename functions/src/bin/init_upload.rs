//! The function `init_upload`.

use oddish_functions::{lambda, state::Uploads, tasks::init_upload};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn main() -> std::process::ExitCode {
    lambda::run::<Uploads>(OpenApiRouter::new().routes(routes!(init_upload::init_upload)))
}
