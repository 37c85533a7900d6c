//! `POST /trials/import/init`.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use oddish_api_types::{ErrorBody, InitImportRequest, InitImportResponse};
use oddish_artifacts::{Key, key};
use oddish_db::imports::{self, ImportRefused};
use time::OffsetDateTime;
use uuid::Uuid;

use super::import_check;
use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::extract::Body;
use crate::state::{Artifacts, Db, Limits};

/// How long the upload URL works (docs/compatibility.md, 1.13).
const UPLOAD_WITHIN: Duration = Duration::from_hours(1);

/// Brings a trial that ran elsewhere, with its end, and answers where to put its files.
///
/// The external id makes it safe to repeat: while files are awaited, the same trial is answered again, with a new URL for them.
#[utoipa::path(post, path = "/trials/import/init", operation_id = "init_import", tag = "trials", request_body = InitImportRequest,
    responses((status = 200, body = InitImportResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn init_import(
    caller: Authed<Submit>,
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    State(limits): State<Limits>,
    Body(request): Body<InitImportRequest>,
) -> Result<Json<InitImportResponse>, ApiError> {
    let checked = import_check::check(&request)?;
    let staging = key::import_staging_key(&Uuid::new_v4().simple().to_string())?;
    if request.upload_artifacts {
        // Where no URLs are given, the trial is not written either.
        store.presign_put(&staging, UPLOAD_WITHIN, None).await?;
    }
    let staging = request.upload_artifacts.then_some(staging.as_str());
    let now = OffsetDateTime::now_utc();
    let new = checked.new_import(&request, caller.owner.as_deref(), staging, now);
    let imported =
        imports::announce(&db, &new, &limits.concurrency, now).await.map_err(|refused| refusal(refused, &request))?;
    let signed = match &imported.staging_key {
        Some(staging) => Some(store.presign_put(&Key::parse(staging.as_str())?, UPLOAD_WITHIN, None).await?),
        None => None,
    };
    Ok(Json(InitImportResponse {
        trial_s3_key: key::import_prefix(&request.task_id, &imported.trial_id)?,
        trial_id: imported.trial_id,
        task_id: request.task_id,
        experiment_id: imported.experiment.id,
        experiment_name: imported.experiment.name,
        archive_s3_key: imported.staging_key,
        requires_completion: signed.is_some(),
        upload_method: signed.as_ref().map(|signed| signed.method.to_owned()),
        upload_headers: signed.as_ref().map_or_else(BTreeMap::new, |signed| signed.headers.clone()),
        upload_url: signed.map(|signed| signed.url),
    }))
}

fn refusal(refused: ImportRefused, request: &InitImportRequest) -> ApiError {
    let task_id = &request.task_id;
    match refused {
        ImportRefused::TaskNotFound => ApiError::not_found(format!(
            "Task {task_id} not found. Upload it first (POST /tasks/upload/init and /tasks/upload/complete)."
        )),
        ImportRefused::NotUploaded => ApiError::conflict(format!(
            "The archive of task {task_id} was announced and never completed. Upload it, then import the trial."
        )),
        // Published clients know the text (docs/compatibility.md, 1.6).
        ImportRefused::BeingJudged => {
            ApiError::bad_request("Cannot append trials while task analysis or verdict is in progress")
        }
        ImportRefused::Duplicate { trial_id } => {
            ApiError::conflict(format!("A trial of this external_trial_id was imported before: it is {trial_id}."))
        }
        ImportRefused::Db(error) => error.into(),
    }
}
