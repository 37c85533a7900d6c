//! What whoever has the token of a shared experiment may read: its own trials, and of their tasks what is about these trials.
//!
//! The token is in the path, or beside the plain ids that older clients know: in the query or in a header. Whatever is not of the
//! experiment is not there, and without a good token nothing is.

pub mod get_public_experiment;
pub mod get_public_task;
pub mod get_public_task_file;
pub mod get_public_trial_file;
pub mod get_public_trial_logs;
pub mod get_public_trial_result;
pub mod get_public_trial_structured_logs;
pub mod get_public_trial_trajectory;
pub mod list_public_experiments;
pub mod list_public_task_files;
pub mod list_public_task_trials;
pub mod list_public_tasks;
pub mod list_public_trial_files;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts, RawPathParams};
use http::HeaderName;
use http::request::Parts;
use oddish::caller;
use oddish::{tasks, trials};

use crate::http::error::ApiError;
use crate::state::Db;

const HEADER: HeaderName = HeaderName::from_static("x-share-token");
const PARAMETER: &str = "token";

/// Proof that the caller has the token of a shared experiment.
pub struct Shared(caller::Shared);

impl Shared {
    async fn open(db: &Db, token: Option<String>) -> Result<Option<Self>, ApiError> {
        let Some(token) = token else { return Ok(None) };
        Ok(caller::Shared::open(db, token).await?.map(Self))
    }
}

/// Where routes that are addressed by plain ids take the token from, for the `OpenAPI` document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameter in the OpenAPI document; `Shared` reads it")]
pub struct ShareToken {
    /// Token of the shared experiment; the header `X-Share-Token` may have it instead.
    // Without a form: whatever is no token is answered as a token that nobody was given.
    #[param(example = "q7mXbGVkZ2UtdG9rZW4tb2YtNDMtY2hhcmFjdGVycy0")]
    token: Option<String>,
}

/// The same for the header.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes the header in the OpenAPI document; `Shared` reads it")]
pub struct ShareTokenHeader {
    /// Token of the shared experiment.
    #[param(rename = "X-Share-Token")]
    x_share_token: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Shared
where
    Db: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let named = Named::of(parts, state).await;
        let db = Db::from_ref(state);
        Self::open(&db, named.token(parts)).await?.ok_or_else(|| named.not_found())
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Shared
where
    Db: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Self::Rejection> {
        let token = Named::of(parts, state).await.token(parts);
        let db = Db::from_ref(state);
        Self::open(&db, token).await
    }
}

/// What the path names.
#[derive(Default)]
struct Named {
    token: Option<String>,
    task_id: Option<String>,
    trial_id: Option<String>,
}

impl Named {
    async fn of<S: Send + Sync>(parts: &mut Parts, state: &S) -> Self {
        let mut named = Self::default();
        let parameters = <RawPathParams as FromRequestParts<S>>::from_request_parts(parts, state).await;
        // A path that cannot be read names nothing.
        let Ok(parameters) = parameters else { return named };
        for (name, value) in &parameters {
            let place = match name {
                PARAMETER => &mut named.token,
                "task_id" => &mut named.task_id,
                "trial_id" => &mut named.trial_id,
                _ => continue,
            };
            *place = Some(value.to_owned());
        }
        named
    }

    /// The token in the path, else in the header, else in the query.
    fn token(&self, parts: &Parts) -> Option<String> {
        if self.token.is_some() {
            return self.token.clone();
        }
        if let Some(header) = parts.headers.get(HEADER) {
            return header.to_str().ok().map(str::to_owned);
        }
        let mut pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        pairs.find(|(name, _)| name == PARAMETER).map(|(_, token)| token.into_owned())
    }

    /// Without a token, what is asked for is as little there as with one of another experiment.
    fn not_found(&self) -> ApiError {
        match (&self.trial_id, &self.task_id) {
            (Some(trial_id), _) => trials::not_found(trial_id).into(),
            (None, Some(task_id)) => tasks::not_found(task_id).into(),
            // Published clients know the text (docs/compatibility.md, 1.10).
            (None, None) => ApiError::not_found("Experiment not found"),
        }
    }
}
