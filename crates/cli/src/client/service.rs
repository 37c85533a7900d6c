//! The service itself: whether it works, and its versions.

use oddish_api_types::{HealthResponse, VersionResponse};

use super::{Client, ClientError, READ_TIMEOUT};

impl Client {
    /// `GET /health`, which needs no key.
    pub(crate) async fn health(&self) -> Result<HealthResponse, ClientError> {
        self.send(self.http.get(self.api.url(&["health"])).timeout(READ_TIMEOUT)).await
    }

    /// `GET /version`.
    pub(crate) async fn version(&self) -> Result<VersionResponse, ClientError> {
        self.send(self.http.get(self.api.url(&["version"])).timeout(READ_TIMEOUT)).await
    }
}
