//! The function `list_api_keys`.

use oddish_functions::{api_keys::list_api_keys, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), list_api_keys::list_api_keys)
}
