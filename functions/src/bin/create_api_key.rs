//! The function `create_api_key`.

use oddish_functions::{api_keys::create_api_key, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), create_api_key::create_api_key)
}
