//! The function `upload_task`.

use oddish_functions::{lambda, routes, state::Uploads};

fn main() -> std::process::ExitCode {
    lambda::run::<Uploads>(routes::upload())
}
