//! The function `revoke_api_key`.

use oddish_functions::{api_keys::revoke_api_key, lambda, state::Reads};

fn main() -> std::process::ExitCode {
    lambda::run::<Reads, _>(env!("CARGO_BIN_NAME"), revoke_api_key::revoke_api_key)
}
