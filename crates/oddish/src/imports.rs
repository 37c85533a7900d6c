//! Imports of trials that ran elsewhere.

mod check;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::{StreamExt as _, TryStreamExt as _};
use oddish_api_types::{CompleteImportResponse, InitImportRequest, InitImportResponse};
use oddish_artifacts::archive::{self, UnpackLimits, UnpackSummary};
use oddish_artifacts::key::{self, MAX_KEY_BYTES};
use oddish_artifacts::{Key, SharedStore, StoreError, list_all};
use oddish_db::Db;
use oddish_db::imports::{self, ImportRefused, ToComplete};
use serde_json::Value;
use time::OffsetDateTime;

use crate::capabilities::{Artifacts, Limits, UploadRules};
use crate::idempotency::Work;
use crate::uploads::archive::refused;
use crate::uploads::staging;
use crate::{Error, trials};

/// Files up to this size are stored many at once, larger ones few: each is in memory while it is sent.
const SMALL: u64 = 256 << 10;
const SMALL_AT_ONCE: usize = 32;
const LARGE_AT_ONCE: usize = 4;

/// Writes a trial that ran elsewhere, with its end, and answers where to put its files.
///
/// The external id makes it safe to repeat: while files are awaited, the same trial is answered again, with a new URL for them.
pub async fn init(
    db: &Db,
    Artifacts(store): &Artifacts,
    limits: &Limits,
    key_owner: Option<&str>,
    request: InitImportRequest,
    now: OffsetDateTime,
) -> Result<InitImportResponse, Error> {
    let checked = check::check(&request)?;
    let staging = key::import_staging_key(&staging::token())?;
    if request.upload_artifacts {
        // Where no URLs are given, the trial is not written either.
        staging::sign(store, &staging, None).await?;
    }
    let staging = request.upload_artifacts.then_some(staging.as_str());
    let new = checked.new_import(&request, key_owner, staging, now);
    let imported = imports::announce(db, &new, &limits.concurrency, now)
        .await
        .map_err(|refused| refusal(refused, &request.task_id))?;
    let signed = match &imported.staging_key {
        Some(staging) => Some(staging::sign(store, &Key::parse(staging.as_str())?, None).await?),
        None => None,
    };
    Ok(InitImportResponse {
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
    })
}

fn refusal(refused: ImportRefused, task_id: &str) -> Error {
    match refused {
        ImportRefused::TaskNotFound => Error::not_found(format!(
            "Task {task_id} not found. Upload it first (POST /tasks/upload/init and /tasks/upload/complete)."
        )),
        ImportRefused::NotUploaded => Error::conflict(format!(
            "The archive of task {task_id} was announced and never completed. Upload it, then import the trial."
        )),
        // Published clients know the text (docs/compatibility.md, 1.13).
        ImportRefused::BeingJudged => {
            Error::refused("Cannot append trials while task analysis or verdict is in progress")
        }
        ImportRefused::Duplicate { trial_id } => {
            Error::conflict(format!("A trial of this external_trial_id was imported before: it is {trial_id}."))
        }
        ImportRefused::Db(error) => error.into(),
    }
}

/// Checks the archive of an imported trial and stores its files as the trial's. Completing the same import again gives the same answer.
pub async fn complete(
    db: &Db,
    Artifacts(store): &Artifacts,
    rules: &UploadRules,
    trial_id: String,
    now: OffsetDateTime,
) -> Result<CompleteImportResponse, Error> {
    let mut work = Work::begin(db).await?;
    let (task_id, staging) = match imports::begin_completion(&mut work, &trial_id).await? {
        ToComplete::Held { task_id, staging_key } => (task_id, Key::parse(staging_key)?),
        ToComplete::Completed { prefix } => {
            let files_extracted = list_all(store.as_ref(), &prefix).await?.len() as u64;
            return Ok(CompleteImportResponse { trial_id, trial_s3_key: prefix, files_extracted });
        }
        ToComplete::Busy => return Err(Error::conflict("This import is being completed by another request.")),
        ToComplete::NoFiles => {
            return Err(Error::conflict(format!(
                "Trial {trial_id} was imported without files: nothing is to complete."
            )));
        }
        ToComplete::NotImported => {
            return Err(Error::conflict(format!("Trial {trial_id} was not imported: its runner stores its files.")));
        }
        ToComplete::Unknown => return Err(trials::not_found(&trial_id)),
    };
    let prefix = key::import_prefix(&task_id, &trial_id)?;
    let archive = staging::fetch(store, &staging, rules.max_bytes, "Trial").await?;
    let unpacked = store_files(store, archive.path(), &prefix).await?;
    let is_trajectory = |path: &String| path.ends_with("trajectory.json") || path.ends_with("trajectory.jsonl");
    let has_trajectory = unpacked.paths.iter().any(is_trajectory);
    imports::complete(&mut work, &trial_id, &prefix, has_trajectory, now).await?;
    work.finish(&Value::Null).await?;
    staging::discard(store, &staging).await;
    Ok(CompleteImportResponse { trial_id, trial_s3_key: prefix, files_extracted: unpacked.files })
}

/// Unpacks the archive with bounds on everything, and stores its files below the prefix, and nothing else there.
async fn store_files(store: &SharedStore, archive: &Path, prefix: &str) -> Result<UnpackSummary, Error> {
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let tree = folder.path().join("trial");
    let reader = tokio::fs::File::open(archive).await.map_err(Error::internal)?;
    // Every path is to become a key.
    let limits = UnpackLimits { path_bytes: MAX_KEY_BYTES - prefix.len(), ..UnpackLimits::default() };
    let unpacked = archive::unpack(reader, &tree, &limits).await.map_err(refused)?;
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for path in &unpacked.paths {
        let (key, path) = (Key::parse(format!("{prefix}{path}"))?, tree.join(path));
        let size = tokio::fs::metadata(&path).await.map_err(Error::internal)?.len();
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
