//! Keys of the API: listing, making and revoking them.

pub mod create_api_key;
pub mod list_api_keys;
pub mod revoke_api_key;
