//! Looking for tasks, trials and experiments by id, by name and by the beginning of an id.

use oddish_api_types::{
    ExperimentResponse, ListExperimentsResponse, ListTrialsResponse, TaskStatusResponse, TrialResponse,
};
use serde::de::DeserializeOwned;

use super::{Client, ClientError, LARGEST_PAGE, READ_TIMEOUT};

/// Trials of a page: with long analyses, as many as fit into the answer of a function.
const TRIALS_PAGE: usize = 250;

/// What a list is searched by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field {
    /// Those of exactly this name.
    Name,
    /// Those whose id begins so.
    IdPrefix,
}

impl Field {
    fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::IdPrefix => "id_prefix",
        }
    }
}

impl Client {
    /// `GET /tasks/{task_id}` without its trials, counting those of all versions. The server takes a name, too.
    pub(crate) async fn find_task(&self, id: &str) -> Result<Option<TaskStatusResponse>, ClientError> {
        self.found("tasks", id, &[("version", "all"), ("include_trials", "false")]).await
    }

    /// `GET /trials/{trial_id}`.
    pub(crate) async fn find_trial(&self, id: &str) -> Result<Option<TrialResponse>, ClientError> {
        self.found("trials", id, &[]).await
    }

    /// `GET /experiments/{experiment_id}`. The server takes a name, too.
    pub(crate) async fn find_experiment(&self, id: &str) -> Result<Option<ExperimentResponse>, ClientError> {
        self.found("experiments", id, &[]).await
    }

    async fn found<T: DeserializeOwned>(
        &self,
        list: &str,
        id: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<T>, ClientError> {
        // These lead to another path in a URL, and nothing is called so.
        if matches!(id, "." | "..") {
            return Ok(None);
        }
        let request = self.http.get(self.api.url(&[list, id])).query(query);
        match self.send(request.timeout(READ_TIMEOUT)).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The tasks for which `fits` holds, at most `most`. The server is asked for `text` in a field; one that does not know the field lists all.
    pub(crate) async fn tasks_by(
        &self,
        field: Field,
        text: &str,
        most: usize,
        fits: impl Fn(&TaskStatusResponse) -> bool,
    ) -> Result<Vec<TaskStatusResponse>, ClientError> {
        let mut found = Vec::new();
        let mut offset = 0;
        loop {
            let query = [
                (field.as_str(), text.to_owned()),
                ("include_trials", "false".to_owned()),
                ("limit", LARGEST_PAGE.to_string()),
                ("offset", offset.to_string()),
            ];
            let request = self.http.get(self.api.url(&["tasks"])).query(&query);
            let page: Vec<TaskStatusResponse> = self.send(request.timeout(READ_TIMEOUT)).await?;
            let length = page.len();
            found.extend(page.into_iter().filter(&fits));
            if length < LARGEST_PAGE || found.len() >= most {
                found.truncate(most);
                return Ok(found);
            }
            offset += length;
        }
    }

    /// The trials for which `fits` holds, as [`tasks_by`](Self::tasks_by).
    pub(crate) async fn trials_by(
        &self,
        field: Field,
        text: &str,
        most: usize,
        fits: impl Fn(&TrialResponse) -> bool,
    ) -> Result<Vec<TrialResponse>, ClientError> {
        let query = [(field.as_str(), text.to_owned())];
        let parts = |page: ListTrialsResponse| (page.items, page.next_cursor);
        self.search("trials", TRIALS_PAGE, &query, most, parts, fits).await
    }

    /// The experiments for which `fits` holds, as [`tasks_by`](Self::tasks_by).
    pub(crate) async fn experiments_by(
        &self,
        field: Field,
        text: &str,
        most: usize,
        fits: impl Fn(&ExperimentResponse) -> bool,
    ) -> Result<Vec<ExperimentResponse>, ClientError> {
        let query = [(field.as_str(), text.to_owned())];
        let parts = |page: ListExperimentsResponse| (page.items, page.next_cursor);
        self.search("experiments", LARGEST_PAGE, &query, most, parts, fits).await
    }

    /// Every experiment, newest first.
    pub(crate) async fn all_experiments(&self) -> Result<Vec<ExperimentResponse>, ClientError> {
        let parts = |page: ListExperimentsResponse| (page.items, page.next_cursor);
        self.search("experiments", LARGEST_PAGE, &[], usize::MAX, parts, |_| true).await
    }

    /// Every trial that fits the query.
    pub(crate) async fn trials(&self, query: &[(&str, String)]) -> Result<Vec<TrialResponse>, ClientError> {
        let parts = |page: ListTrialsResponse| (page.items, page.next_cursor);
        self.search("trials", TRIALS_PAGE, query, usize::MAX, parts, |_| true).await
    }

    /// What fits of a list, page after page until there are no more, or `most` are found.
    async fn search<P: DeserializeOwned, T>(
        &self,
        list: &str,
        limit: usize,
        query: &[(&str, String)],
        most: usize,
        parts: impl Fn(P) -> (Vec<T>, Option<String>),
        fits: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, ClientError> {
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let request = self.http.get(self.api.url(&[list])).query(query).query(&[("limit", limit)]);
            let request = match &cursor {
                Some(cursor) => request.query(&[("cursor", cursor)]),
                None => request,
            };
            let (items, next) = parts(self.send(request.timeout(READ_TIMEOUT)).await?);
            found.extend(items.into_iter().filter(&fits));
            // A server that repeats a cursor would be asked for ever.
            if next.is_none() || next == cursor || found.len() >= most {
                found.truncate(most);
                return Ok(found);
            }
            cursor = next;
        }
    }
}
