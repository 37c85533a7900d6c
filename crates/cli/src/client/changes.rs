//! Cancelling, running again, and deleting.

use oddish_api_types::{
    CancelResponse, CancelTasksRequest, CancelTasksResponse, DeleteExperimentResponse, DeleteTaskResponse,
    DeleteTrialResponse, RetryExperimentRequest, RetryExperimentResponse, RetryTrialResponse,
};
use serde::de::DeserializeOwned;

use super::{Client, ClientError, SUBMIT_TIMEOUT};

/// Makes a request safe to repeat.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

impl Client {
    /// `POST /tasks/cancel` for one task.
    pub(crate) async fn cancel_task(&self, task_id: &str) -> Result<CancelTasksResponse, ClientError> {
        let body = CancelTasksRequest { task_ids: vec![task_id.to_owned()] };
        let request = self.http.post(self.api.url(&["tasks", "cancel"])).json(&body);
        self.send(request.timeout(SUBMIT_TIMEOUT)).await
    }

    /// `POST /trials/{trial_id}/cancel`.
    pub(crate) async fn cancel_trial(&self, trial_id: &str) -> Result<CancelResponse, ClientError> {
        let request = self.http.post(self.api.url(&["trials", trial_id, "cancel"]));
        self.send(request.timeout(SUBMIT_TIMEOUT)).await
    }

    /// `POST /experiments/{experiment_id}/cancel`.
    pub(crate) async fn cancel_experiment(&self, experiment_id: &str) -> Result<CancelResponse, ClientError> {
        let request = self.http.post(self.api.url(&["experiments", experiment_id, "cancel"]));
        self.send(request.timeout(SUBMIT_TIMEOUT)).await
    }

    /// `POST /trials/{trial_id}/retry`. Sent twice with one key, it queues the trial once.
    pub(crate) async fn retry_trial(&self, trial_id: &str, key: &str) -> Result<RetryTrialResponse, ClientError> {
        let request = self.http.post(self.api.url(&["trials", trial_id, "retry"])).header(IDEMPOTENCY_KEY, key);
        self.send(request.timeout(SUBMIT_TIMEOUT)).await
    }

    /// `POST /experiments/{experiment_id}/retry`. Sent twice with one key, it queues the trials once.
    pub(crate) async fn retry_experiment(
        &self,
        experiment_id: &str,
        key: &str,
        body: &RetryExperimentRequest,
    ) -> Result<RetryExperimentResponse, ClientError> {
        let url = self.api.url(&["experiments", experiment_id, "retry"]);
        let request = self.http.post(url).header(IDEMPOTENCY_KEY, key).json(body);
        self.send(request.timeout(SUBMIT_TIMEOUT)).await
    }

    /// `DELETE /tasks/{task_id}`.
    pub(crate) async fn delete_task(&self, task_id: &str) -> Result<DeleteTaskResponse, ClientError> {
        self.delete("tasks", task_id).await
    }

    /// `DELETE /trials/{trial_id}`.
    pub(crate) async fn delete_trial(&self, trial_id: &str) -> Result<DeleteTrialResponse, ClientError> {
        self.delete("trials", trial_id).await
    }

    /// `DELETE /experiments/{experiment_id}`.
    pub(crate) async fn delete_experiment(&self, experiment_id: &str) -> Result<DeleteExperimentResponse, ClientError> {
        self.delete("experiments", experiment_id).await
    }

    async fn delete<T: DeserializeOwned>(&self, list: &str, id: &str) -> Result<T, ClientError> {
        self.send(self.http.delete(self.api.url(&[list, id])).timeout(SUBMIT_TIMEOUT)).await
    }
}
