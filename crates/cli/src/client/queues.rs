//! Queue keys.

use oddish_api_types::{QueueResponse, UpdateQueueRequest};

use super::{Client, ClientError, READ_TIMEOUT};

impl Client {
    /// `GET /queues`.
    pub(crate) async fn queues(&self) -> Result<Vec<QueueResponse>, ClientError> {
        self.send(self.http.get(self.api.url(&["queues"])).timeout(READ_TIMEOUT)).await
    }

    /// `PATCH /queues/{key}`: sets what it sets, however often.
    pub(crate) async fn update_queue(
        &self,
        key: &str,
        change: &UpdateQueueRequest,
    ) -> Result<QueueResponse, ClientError> {
        let request = self.http.patch(self.api.url(&["queues", key])).json(change);
        self.send_repeatable(request.timeout(READ_TIMEOUT)).await
    }
}
