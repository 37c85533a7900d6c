//! Files that trials left.

use std::ops::Range;

use bytes::Bytes;
use futures_util::Stream;
use oddish_api_types::{Folder, ListFilesQuery, TrialDebugFilesResponse, TrialFile, TrialFilesResponse};
use oddish_artifacts::key::{self, is_relative_path};
use oddish_artifacts::{ArtifactStore, Key, ObjectMeta, SharedStore, StoreError, in_pieces, list_most};
use oddish_db::Db;
use oddish_db::trial_artifacts::TrialArtifacts;
use serde::de::IgnoredAny;
use time::OffsetDateTime;

use super::media_type;
use super::reading::find;
use crate::Error;
use crate::answer::{ROOM, SIGNED_FOR, body_cost, signed, text_cost, too_large};
use crate::caller::Caller;
use crate::capabilities::Artifacts;
use crate::listing::Wanted;

/// Bytes of an entry in addition to its path, its key and its link.
const ENTRY: usize = 160;
/// Files among which one is looked for whose place is not known.
const LOOKED_THROUGH: usize = 10_000;
/// What a file is answered with that is not there.
const NOT_FOUND: &str = "File not found";
/// Keys that [`list_all`] shows.
const SHOWN: usize = 1000;

/// Lists what a trial left. Entries go before links: where there is room for a link no more, the file's own route serves.
pub async fn list(
    db: &Db,
    Artifacts(store): &Artifacts,
    caller: Caller<'_>,
    trial_id: &str,
    query: &ListFilesQuery,
) -> Result<TrialFilesResponse, Error> {
    let (store, trial) = (store.as_ref(), find(db, caller, trial_id, None).await?);
    let wanted = Wanted::of(query)?;
    let prefix = match &trial.prefix {
        Some(prefix) => prefix.clone(),
        None => key::trial_prefix(&trial.task_id, &trial.trial_id)?,
    };
    let objects = match &trial.prefix {
        Some(prefix) => {
            let after = (!wanted.after.is_empty()).then(|| format!("{prefix}{}", wanted.after));
            list_most(store, &format!("{prefix}{}", wanted.prefix), after, wanted.to_look_at()).await?
        }
        None => Vec::new(),
    };
    let path = |object: &ObjectMeta| object.key.as_str().get(prefix.len()..).unwrap_or_default().to_owned();
    let objects: Vec<(String, ObjectMeta)> = objects.into_iter().map(|object| (path(&object), object)).collect();
    let cost = |path: &str, object: &ObjectMeta| text_cost(path) + text_cost(object.key.as_str()) + ENTRY;
    let page = wanted.page(objects, |(path, _)| path, |(path, object)| cost(path, object), ROOM);
    let mut room = page.room;
    let mut presigned = wanted.presign;
    let mut files = Vec::with_capacity(page.files.len());
    for (path, object) in page.files {
        let mut url = if presigned && room > 0 { signed(store, &object.key).await? } else { None };
        presigned = presigned && (url.is_some() || room == 0);
        match url.as_deref().map(text_cost) {
            Some(cost) if cost > room => (url, room) = (None, 0),
            cost => room -= cost.unwrap_or_default(),
        }
        files.push(TrialFile {
            path,
            key: object.key.to_string(),
            size: object.size,
            last_modified: OffsetDateTime::from(object.modified),
            url,
        });
    }
    Ok(TrialFilesResponse {
        trial_id: trial.trial_id,
        files,
        dirs: page.folders.into_iter().map(|path| Folder { path }).collect(),
        prefix,
        recursive: wanted.recursive,
        truncated: page.cursor.is_some(),
        cursor: page.cursor,
        presigned,
        presign_expires_in: SIGNED_FOR.as_secs(),
    })
}

/// Lists everything that a trial's attempts stored, for who wonders where something is.
pub async fn list_all(db: &Db, Artifacts(store): &Artifacts, trial_id: &str) -> Result<TrialDebugFilesResponse, Error> {
    let (store, trial) = (store.as_ref(), find(db, Caller::Member, trial_id, None).await?);
    let prefix = key::trial_prefix(&trial.task_id, &trial.trial_id)?;
    let files = list_most(store, &prefix, None, SHOWN).await?.into_iter().map(|object| object.key.to_string());
    let files: Vec<String> = files.collect();
    let is_trajectory = |key: &&String| key.ends_with("/trajectory.json") || key.ends_with("/trajectory.jsonl");
    Ok(TrialDebugFilesResponse {
        trial_id: trial.trial_id,
        trial_s3_key: trial.prefix,
        computed_prefix: prefix.clone(),
        harbor_result_path: None,
        trajectory_files: files.iter().filter(is_trajectory).cloned().collect(),
        files,
        error: None,
        using_prefix: prefix,
    })
}

/// A file that a trial left, found and not read yet.
#[derive(Debug)]
pub struct FoundFile {
    /// Last part of the path that was asked for.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Media type, going by the name.
    pub media_type: &'static str,
    key: Key,
    store: SharedStore,
}

impl FoundFile {
    /// Reads the bytes in `range`.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        self.store.get_range(&self.key, range).await.map_err(gone)
    }

    /// The bytes in `range`, which must lie within the file, read piece by piece as they are taken.
    pub fn stream(self, range: Range<u64>) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static {
        in_pieces(self.store, self.key, range)
    }

    /// The error for a caller who cannot take the whole file at once, with a link to it where there is one. `advice` says how else to get it.
    pub async fn too_large(&self, advice: &str) -> Error {
        let what = format!("The file has {} bytes: too much for one answer. {advice}", self.size);
        too_large(self.store.as_ref(), &self.key, &what).await
    }
}

/// Looks for a file that a trial left: below the trial's prefix, then in its folder `agent`, then in such a folder further down.
pub async fn get(
    db: &Db,
    Artifacts(store): &Artifacts,
    caller: Caller<'_>,
    trial_id: &str,
    path: &str,
) -> Result<FoundFile, Error> {
    let trial = find(db, caller, trial_id, None).await?;
    if !is_relative_path(path) {
        // Published clients know the text (docs/compatibility.md, 1.11).
        return Err(Error::refused("Invalid file path"));
    }
    let object = find_object(store.as_ref(), &trial, path).await?.ok_or_else(|| Error::not_found(NOT_FOUND))?;
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    Ok(FoundFile {
        name: name.to_owned(),
        size: object.size,
        media_type: media_type::of_path(path),
        key: object.key,
        store: SharedStore::clone(store),
    })
}

/// The object of a file (docs/compatibility.md, 1.11).
async fn find_object(
    store: &dyn ArtifactStore,
    trial: &TrialArtifacts,
    path: &str,
) -> Result<Option<ObjectMeta>, StoreError> {
    let Some(prefix) = &trial.prefix else { return Ok(None) };
    for key in [format!("{prefix}{path}"), format!("{prefix}agent/{path}")] {
        if let Ok(key) = Key::parse(key)
            && let Some(found) = store.head(&key).await?
        {
            return Ok(Some(found));
        }
    }
    find_below(store, prefix, &format!("/agent/{path}")).await
}

/// The first file below a prefix whose key ends so.
async fn find_below(store: &dyn ArtifactStore, prefix: &str, ending: &str) -> Result<Option<ObjectMeta>, StoreError> {
    let objects = list_most(store, prefix, None, LOOKED_THROUGH).await?;
    Ok(objects.into_iter().find(|object| object.key.as_str().ends_with(ending)))
}

/// Returns Harbor's result of a trial, byte for byte: a JSON text.
pub async fn get_result(
    db: &Db,
    Artifacts(store): &Artifacts,
    caller: Caller<'_>,
    trial_id: &str,
) -> Result<Bytes, Error> {
    let trial = find(db, caller, trial_id, None).await?;
    let found = match &trial.prefix {
        Some(prefix) => store.head(&Key::parse(format!("{prefix}result.json"))?).await?,
        None => None,
    };
    let Some(object) = found else {
        let state = if trial.status.is_terminal() { "ended without one" } else { "has not ended yet" };
        return Err(Error::not_found(format!("Trial {} has no result: it {state}", trial.trial_id)));
    };
    json(store.as_ref(), &object, "The result").await
}

/// Returns the agent's trajectory, a JSON text, if it left one. Harbor leaves it in the folder `agent` of the trial, or of one of its steps.
pub async fn get_trajectory(
    db: &Db,
    Artifacts(store): &Artifacts,
    caller: Caller<'_>,
    trial_id: &str,
) -> Result<Option<Bytes>, Error> {
    const NAME: &str = "agent/trajectory.json";
    let (store, trial) = (store.as_ref(), find(db, caller, trial_id, None).await?);
    let Some(prefix) = &trial.prefix else { return Ok(None) };
    let found = match store.head(&Key::parse(format!("{prefix}{NAME}"))?).await? {
        Some(object) => Some(object),
        None => find_below(store, prefix, &format!("/{NAME}")).await?,
    };
    match found {
        Some(object) => json(store, &object, "The trajectory").await.map(Some),
        None => Ok(None),
    }
}

/// A JSON file as it is, if it is one and fits into an answer.
async fn json(store: &dyn ArtifactStore, object: &ObjectMeta, what: &str) -> Result<Bytes, Error> {
    let text = format!("{what} has {} bytes: too much for one answer.", object.size);
    if object.size > ROOM as u64 {
        return Err(too_large(store, &object.key, &text).await);
    }
    let bytes = store.get(&object.key).await.map_err(gone)?;
    if body_cost(&bytes) > ROOM {
        return Err(too_large(store, &object.key, &text).await);
    }
    // An agent could have written anything.
    if serde_json::from_slice::<IgnoredAny>(&bytes).is_err() {
        let text = format!("{what} is not JSON. The file {} can be read as it is among the trial's files.", object.key);
        return Err(Error::not_found(text));
    }
    Ok(bytes)
}

/// A file can go between being found and being read, with its trial.
fn gone(error: StoreError) -> Error {
    match error {
        StoreError::NotFound { .. } => Error::not_found(NOT_FOUND),
        error => error.into(),
    }
}
