//! Renaming and sharing experiments (docs/compatibility.md, 1.10).

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// `PATCH /experiments/{experiment_id}`: the change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"name": "second try"}))))]
pub struct RenameExperimentRequest {
    /// Its new name: 1 to 255 characters on one line. Spaces around it are left out.
    pub name: String,
}

/// `PATCH /experiments/{experiment_id}`: the experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({"id": "9f8e7d6c", "name": "second try"}))))]
pub struct RenameExperimentResponse {
    /// Its id.
    pub id: String,
    /// Its name now.
    pub name: String,
}

/// Whether an experiment is shared.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "name": "swift-otter-x1y2", "is_public": true, "public_token": "rX0f5T1wC2mJ8sQ4bN7kL9pZ3vH6dG0aY1eU5iO2tRw"
}))))]
pub struct ShareResponse {
    /// Name of the experiment.
    pub name: String,
    /// Whether it is shared.
    pub is_public: bool,
    /// Token for reading it, while it is shared. Sharing it again creates a new token.
    pub public_token: Option<String>,
}

/// Leaves out the token: it is as good as a password.
impl fmt::Debug for ShareResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShareResponse")
            .field("name", &self.name)
            .field("is_public", &self.is_public)
            .finish_non_exhaustive()
    }
}

/// A shared experiment, as a list shows it to a reader with its token.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "id": "9f8e7d6c", "name": "swift-otter-x1y2", "public_token": "rX0f5T1wC2mJ8sQ4bN7kL9pZ3vH6dG0aY1eU5iO2tRw", "task_count": 2,
    "created_at": "2026-04-09T09:58:00Z"
}))))]
pub struct PublicExperimentResponse {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The token of the request.
    pub public_token: String,
    /// Tasks that have trials in it.
    pub task_count: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Leaves out the token.
impl fmt::Debug for PublicExperimentResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicExperimentResponse").field("id", &self.id).finish_non_exhaustive()
    }
}

/// `GET /public/experiments/{token}`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "name": "swift-otter-x1y2", "public_token": "rX0f5T1wC2mJ8sQ4bN7kL9pZ3vH6dG0aY1eU5iO2tRw"
}))))]
pub struct PublicExperimentName {
    /// Its name.
    pub name: String,
    /// The token of the request.
    pub public_token: String,
}

/// Leaves out the token.
impl fmt::Debug for PublicExperimentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicExperimentName").field("name", &self.name).finish_non_exhaustive()
    }
}
