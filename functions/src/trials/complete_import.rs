//! `POST /trials/import/complete`.

use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::State;
use futures_util::{StreamExt as _, TryStreamExt as _};
use oddish_api_types::{CompleteImportRequest, CompleteImportResponse, ErrorBody};
use oddish_artifacts::archive::{self, UnpackLimits, UnpackSummary};
use oddish_artifacts::key::{self, MAX_KEY_BYTES};
use oddish_artifacts::{Key, SharedStore, StoreError, list_all};
use oddish_db::idempotency::Work;
use oddish_db::imports::{self, ToComplete};
use serde_json::Value;
use time::OffsetDateTime;

use super::trial_not_found;
use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::extract::Body;
use crate::state::{Artifacts, Db, UploadRules};
use crate::tasks::archive_check::refused_archive;
use crate::tasks::complete_upload::{discard, fetch};

/// Files up to this size are stored many at once, larger ones few: each is in memory while it is sent.
const SMALL: u64 = 256 << 10;
const SMALL_AT_ONCE: usize = 32;
const LARGE_AT_ONCE: usize = 4;

/// Checks the archive of an imported trial and stores what is in it as the trial's files.
///
/// Completing the same import again gives the same answer.
#[utoipa::path(post, path = "/trials/import/complete", operation_id = "complete_import", tag = "trials",
    request_body = CompleteImportRequest,
    responses((status = 200, body = CompleteImportResponse), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 413, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn complete_import(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    State(rules): State<UploadRules>,
    Body(CompleteImportRequest { trial_id }): Body<CompleteImportRequest>,
) -> Result<Json<CompleteImportResponse>, ApiError> {
    let mut work = Work::begin(&db).await?;
    let (task_id, staging) = match imports::begin_completion(&mut work, &trial_id).await? {
        ToComplete::Held { task_id, staging_key } => (task_id, Key::parse(staging_key)?),
        ToComplete::Completed { prefix } => {
            let files_extracted = list_all(store.as_ref(), &prefix).await?.len() as u64;
            return Ok(Json(CompleteImportResponse { trial_id, trial_s3_key: prefix, files_extracted }));
        }
        ToComplete::Busy => return Err(ApiError::conflict("This import is being completed by another request.")),
        ToComplete::NoFiles => {
            return Err(ApiError::conflict(format!(
                "Trial {trial_id} was imported without files: nothing is to complete."
            )));
        }
        ToComplete::NotImported => {
            return Err(ApiError::conflict(format!("Trial {trial_id} was not imported: its runner stores its files.")));
        }
        ToComplete::Unknown => return Err(trial_not_found(&trial_id)),
    };
    let prefix = key::import_prefix(&task_id, &trial_id)?;
    let archive = fetch(&store, &staging, rules.max_bytes, "Trial").await?;
    let unpacked = store_files(&store, archive.path(), &prefix).await?;
    let is_trajectory = |path: &String| path.ends_with("trajectory.json") || path.ends_with("trajectory.jsonl");
    let has_trajectory = unpacked.paths.iter().any(is_trajectory);
    imports::complete(&mut work, &trial_id, &prefix, has_trajectory, OffsetDateTime::now_utc()).await?;
    work.finish(&Value::Null).await?;
    discard(&store, &staging).await;
    Ok(Json(CompleteImportResponse { trial_id, trial_s3_key: prefix, files_extracted: unpacked.files }))
}

/// Unpacks the archive with bounds on everything, and stores its files below the prefix, and nothing else there.
async fn store_files(store: &SharedStore, archive: &Path, prefix: &str) -> Result<UnpackSummary, ApiError> {
    let folder = tempfile::tempdir().map_err(|error| ApiError::internal(&error))?;
    let tree = folder.path().join("trial");
    let reader = tokio::fs::File::open(archive).await.map_err(|error| ApiError::internal(&error))?;
    // Every path is to become a key.
    let limits = UnpackLimits { path_bytes: MAX_KEY_BYTES - prefix.len(), ..UnpackLimits::default() };
    let unpacked = archive::unpack(reader, &tree, &limits).await.map_err(|error| refused_archive(&error))?;
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for path in &unpacked.paths {
        let (key, path) = (Key::parse(format!("{prefix}{path}"))?, tree.join(path));
        let size = tokio::fs::metadata(&path).await.map_err(|error| ApiError::internal(&error))?.len();
        if size <= SMALL { small.push((key, path)) } else { large.push((key, path)) }
    }
    // What an earlier request may have left half done.
    store.delete_prefix(prefix).await?;
    put_all(store, small, SMALL_AT_ONCE).await?;
    put_all(store, large, LARGE_AT_ONCE).await?;
    Ok(unpacked)
}

async fn put_all(store: &SharedStore, files: Vec<(Key, PathBuf)>, at_once: usize) -> Result<(), StoreError> {
    let put = |(key, path): (Key, PathBuf)| {
        let store = SharedStore::clone(store);
        async move { store.put_file(&key, &path).await }
    };
    futures_util::stream::iter(files).map(put).buffer_unordered(at_once).try_collect().await
}
