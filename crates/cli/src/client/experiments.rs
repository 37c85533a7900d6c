//! Experiments.

use oddish_api_types::{
    ExperimentResponse, ListExperimentsResponse, RenameExperimentRequest, RenameExperimentResponse, ShareResponse,
};
use reqwest::Url;

use super::{Client, ClientError, READ_TIMEOUT};

/// Experiments of a page.
const PAGE: usize = 1000;

impl Client {
    /// `GET /experiments`, page by page, newest first, until there are `most`; with the number of all that fit `filters`.
    pub(crate) async fn list_experiments(
        &self,
        filters: &[(&str, String)],
        most: usize,
    ) -> Result<(Vec<ExperimentResponse>, Option<i64>), ClientError> {
        let (mut found, mut total, mut cursor) = (Vec::new(), None, None::<String>);
        loop {
            let limit = PAGE.min(most - found.len()).to_string();
            let mut request = self.http.get(self.api.url(&["experiments"])).query(filters).query(&[("limit", limit)]);
            request = match &cursor {
                Some(cursor) => request.query(&[("cursor", cursor)]),
                None => request.query(&[("total", "true")]),
            };
            let page: ListExperimentsResponse = self.send(request.timeout(READ_TIMEOUT)).await?;
            total = total.or(page.total);
            let is_last = page.items.is_empty();
            found.extend(page.items);
            // A server that ignores `limit` gives more.
            found.truncate(most);
            match page.next_cursor {
                Some(next) if found.len() < most && !is_last => cursor = Some(next),
                _ => return Ok((found, total)),
            }
        }
    }

    /// `GET /experiments/{experiment_id}`.
    pub(crate) async fn experiment(&self, experiment_id: &str) -> Result<ExperimentResponse, ClientError> {
        self.send(self.http.get(self.api.url(&["experiments", experiment_id])).timeout(READ_TIMEOUT)).await
    }

    /// `PATCH /experiments/{experiment_id}`.
    pub(crate) async fn rename_experiment(
        &self,
        experiment_id: &str,
        name: &str,
    ) -> Result<RenameExperimentResponse, ClientError> {
        let change = RenameExperimentRequest { name: name.to_owned() };
        let request = self.http.patch(self.api.url(&["experiments", experiment_id])).json(&change);
        self.send_repeatable(request.timeout(READ_TIMEOUT)).await
    }

    /// `POST /experiments/{experiment_id}/publish`: one that is shared keeps its token.
    pub(crate) async fn publish_experiment(&self, experiment_id: &str) -> Result<ShareResponse, ClientError> {
        let request = self.http.post(self.api.url(&["experiments", experiment_id, "publish"]));
        self.send_repeatable(request.timeout(READ_TIMEOUT)).await
    }

    /// Where the tasks of a shared experiment are read with its token.
    pub(crate) fn public_experiment_url(&self, token: &str) -> Url {
        self.api.url(&["public", "experiments", token, "tasks"])
    }

    /// `POST /experiments/{experiment_id}/unpublish`.
    pub(crate) async fn unpublish_experiment(&self, experiment_id: &str) -> Result<ShareResponse, ClientError> {
        let request = self.http.post(self.api.url(&["experiments", experiment_id, "unpublish"]));
        self.send_repeatable(request.timeout(READ_TIMEOUT)).await
    }
}
