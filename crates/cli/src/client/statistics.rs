//! Results and comparisons.

use oddish_api_types::{CompareResponse, ListExperimentsResponse, ResultsResponse};

use super::{Client, ClientError, LARGEST_PAGE, READ_TIMEOUT};

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

    /// The id of an experiment that is named by its id or its name. Of several of one name it is the newest, which is also the one that a
    /// sweep adds to. What is neither is taken for an id, so that the server says that there is none.
    pub(crate) async fn experiment_id(&self, id_or_name: &str) -> Result<String, ClientError> {
        let query = [("query", id_or_name.to_owned()), ("limit", LARGEST_PAGE.to_string())];
        let request = self.http.get(self.api.url(&["experiments"])).query(&query);
        let page: ListExperimentsResponse = self.send(request.timeout(READ_TIMEOUT)).await?;
        let of_id = page.items.iter().find(|experiment| experiment.id == id_or_name);
        let found = of_id.or_else(|| page.items.iter().find(|experiment| experiment.name == id_or_name));
        Ok(found.map_or(id_or_name, |experiment| &experiment.id).to_owned())
    }
}
