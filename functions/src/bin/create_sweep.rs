//! The function `create_sweep`.

use oddish_functions::{lambda, state::Sweeps, tasks::create_sweep};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

fn main() -> std::process::ExitCode {
    lambda::run::<Sweeps>(OpenApiRouter::new().routes(routes!(create_sweep::create_sweep)))
}
