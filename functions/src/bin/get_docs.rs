//! The function `get_docs`.

use oddish_functions::{docs, lambda, state::Nothing};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn main() -> std::process::ExitCode {
    lambda::run::<Nothing>(OpenApiRouter::new().routes(routes!(docs::get_docs)))
}
