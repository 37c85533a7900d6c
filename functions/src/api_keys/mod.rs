//! Keys of the API: listing, making and revoking them.

pub mod create_api_key;
pub mod list_api_keys;
pub mod revoke_api_key;

use oddish_api_types::ApiKeyResponse;
use oddish_db::api_keys::ApiKey;
use time::OffsetDateTime;

/// The key as clients read it.
#[must_use]
pub fn present(key: ApiKey, now: OffsetDateTime) -> ApiKeyResponse {
    ApiKeyResponse {
        is_active: key.is_active(now),
        id: key.id,
        name: key.name,
        owner: key.owner,
        key_prefix: key.prefix,
        scope: key.scope,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        last_used_at: key.last_used_at,
        created_at: key.created_at,
    }
}
