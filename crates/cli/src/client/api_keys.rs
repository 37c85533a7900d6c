//! API keys.

use oddish_api_types::{ApiKeyResponse, CreateApiKeyRequest, CreatedApiKeyResponse, RevokeApiKeyResponse};

use super::{Client, ClientError, READ_TIMEOUT};

impl Client {
    /// `GET /api-keys`.
    pub(crate) async fn api_keys(&self) -> Result<Vec<ApiKeyResponse>, ClientError> {
        self.send(self.http.get(self.api.url(&["api-keys"])).timeout(READ_TIMEOUT)).await
    }

    /// `POST /api-keys`. A key whose answer is lost exists, and nobody knows it.
    pub(crate) async fn create_api_key(
        &self,
        wanted: &CreateApiKeyRequest,
    ) -> Result<CreatedApiKeyResponse, ClientError> {
        self.send(self.http.post(self.api.url(&["api-keys"])).json(wanted).timeout(READ_TIMEOUT)).await
    }

    /// `DELETE /api-keys/{key_id}`.
    pub(crate) async fn revoke_api_key(&self, key_id: &str) -> Result<RevokeApiKeyResponse, ClientError> {
        self.send_repeatable(self.http.delete(self.api.url(&["api-keys", key_id])).timeout(READ_TIMEOUT)).await
    }
}
