//! Results and comparisons.

use oddish_api_types::{CompareResponse, ResultsResponse};

use super::{Client, ClientError, READ_TIMEOUT};

impl Client {
    /// `GET /experiments/{experiment_id}/results`.
    pub(crate) async fn results(
        &self,
        experiment_id: &str,
        rules: &[(&str, String)],
    ) -> Result<ResultsResponse, ClientError> {
        let request = self.http.get(self.api.url(&["experiments", experiment_id, "results"])).query(rules);
        self.send(request.timeout(READ_TIMEOUT)).await
    }

    /// `GET /experiments/{experiment_id}/compare`.
    pub(crate) async fn compare(
        &self,
        experiment_id: &str,
        with: &[(&str, String)],
    ) -> Result<CompareResponse, ClientError> {
        let request = self.http.get(self.api.url(&["experiments", experiment_id, "compare"])).query(with);
        self.send(request.timeout(READ_TIMEOUT)).await
    }
}
