//! API keys (docs/compatibility.md, 1.14).

use std::fmt;

use oddish_domain::api_key::Scope;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::whole;

/// An API key, without its secret text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({"id": "3f9a1c07", "name": "nightly runs", "owner": "alice",
    "key_prefix": "ok_5d41402a", "scope": "tasks", "is_active": true, "expires_at": "2027-03-01T12:00:00Z", "revoked_at": null,
    "last_used_at": "2026-03-02T08:15:00Z", "created_at": "2026-03-01T12:00:00Z"}))))]
pub struct ApiKeyResponse {
    /// Id of the key.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its owner. Fairness between submitters counts trials submitted with the key against this owner.
    pub owner: String,
    /// Its first characters, by which a person recognises it.
    pub key_prefix: String,
    /// Its scope.
    pub scope: Scope,
    /// Whether it works: it is neither revoked nor expired.
    pub is_active: bool,
    /// When it expires; null if never.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub revoked_at: Option<OffsetDateTime>,
    /// When it was last used, to the minute.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// `POST /api-keys`: the new key's properties. An unknown field is refused: a misspelt `scope` would create a key that may do
/// everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({"name": "nightly runs", "scope": "tasks", "expires_in_days": 365}))))]
pub struct CreateApiKeyRequest {
    /// Name of the key: 1 to 255 characters on one line.
    pub name: String,
    /// Its scope: `read`, `tasks` or `full`; `full` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(examples("tasks")))]
    pub scope: Option<String>,
    /// Days until it expires, from 1 to 3650; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "whole::option")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3650))]
    pub expires_in_days: Option<u32>,
    /// Its owner: 1 to 255 characters on one line. When absent, the owner of the key that authorises this request, or,
    /// where no key is needed, the new key's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// `POST /api-keys`: the new key.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({"key": "ok_00112233445566778899aabbccddeeff", "id": "4b3a2c1d", "name": "nightly",
    "owner": "alice", "key_prefix": "ok_00112233", "scope": "tasks", "is_active": true, "expires_at": null, "revoked_at": null, "last_used_at": null,
    "created_at": "2026-04-09T09:58:00Z"}))))]
pub struct CreatedApiKeyResponse {
    /// The whole key. It is shown here and never again.
    #[cfg_attr(feature = "openapi", schema(examples("ok_5d41402abc4b2a76b9719d911017c592")))]
    pub key: String,
    /// Its properties.
    #[serde(flatten)]
    pub about: ApiKeyResponse,
}

/// Leaves out the key.
impl fmt::Debug for CreatedApiKeyResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedApiKeyResponse").field("about", &self.about).finish_non_exhaustive()
    }
}

/// `DELETE /api-keys/{key_id}`: what was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(examples(json!({"status": "revoked", "key_id": "3f9a1c07"}))))]
pub struct RevokeApiKeyResponse {
    /// Always `revoked`.
    pub status: String,
    /// The key.
    pub key_id: String,
}
