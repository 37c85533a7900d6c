//! Files that trials left.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use oddish_api_types::{Folder, TrialDebugFilesResponse, TrialFile, TrialFilesResponse};
use oddish_artifacts::key::{self, is_relative_path};
use oddish_artifacts::{ArtifactStore, Key, ObjectMeta, SharedStore, StoreError, in_pieces, list_most};
use oddish_db::trial_artifacts::TrialArtifacts;
use time::OffsetDateTime;

use super::media_type;
use super::range::{self, Asked};
use crate::answer::{self, AnswerBound, ROOM, SIGNED_FOR, body_cost, signed, text_cost};
use crate::error::ApiError;
use crate::listing::ListQuery;

/// What an entry takes beside its path, its key and its link.
const ENTRY: usize = 160;
/// Files among which one is looked for whose place is not known.
const LOOKED_THROUGH: usize = 10_000;
/// Keys that [`debug`] shows.
const SHOWN: usize = 1000;

/// Lists what a trial left. Entries go before links: where there is room for a link no more, the file's own route serves.
pub(crate) async fn list(
    store: &dyn ArtifactStore,
    trial: &TrialArtifacts,
    query: &ListQuery,
) -> Result<TrialFilesResponse, ApiError> {
    let wanted = query.check()?;
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
        trial_id: trial.trial_id.clone(),
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

/// Everything that a trial's attempts stored, for who wonders where something is.
pub(crate) async fn debug(
    store: &dyn ArtifactStore,
    trial: &TrialArtifacts,
) -> Result<TrialDebugFilesResponse, ApiError> {
    let prefix = key::trial_prefix(&trial.task_id, &trial.trial_id)?;
    let files = list_most(store, &prefix, None, SHOWN).await?.into_iter().map(|object| object.key.to_string());
    let files: Vec<String> = files.collect();
    let is_trajectory = |key: &&String| key.ends_with("/trajectory.json") || key.ends_with("/trajectory.jsonl");
    Ok(TrialDebugFilesResponse {
        trial_id: trial.trial_id.clone(),
        trial_s3_key: trial.prefix.clone(),
        computed_prefix: prefix.clone(),
        harbor_result_path: None,
        trajectory_files: files.iter().filter(is_trajectory).cloned().collect(),
        files,
        error: None,
        using_prefix: prefix,
    })
}

/// One file, or the part of it that `headers` ask for, as an attachment: what agents write must not run in the browser of who reads it.
pub(crate) async fn read(
    store: &SharedStore,
    trial: &TrialArtifacts,
    path: &str,
    headers: &HeaderMap,
    AnswerBound(bound): AnswerBound,
) -> Result<Response, ApiError> {
    if !is_relative_path(path) {
        // Published clients know the text (docs/compatibility.md, 1.11).
        return Err(ApiError::bad_request("Invalid file path"));
    }
    let file = find(store.as_ref(), trial, path).await?.ok_or_else(|| ApiError::not_found("File not found"))?;
    let (status, mut wanted) = match range::asked(headers, file.size) {
        Asked::Whole => (StatusCode::OK, 0..file.size),
        Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Asked::Outside => return Ok(outside(file.size)),
    };
    if let Some(bound) = bound
        && wanted.end - wanted.start > bound
    {
        if status == StatusCode::OK {
            let text = format!("The file has {} bytes: too much for one answer. Ask for parts with Range.", file.size);
            return Err(answer::too_large(store.as_ref(), &file.key, &text).await?);
        }
        wanted.end = wanted.start + bound;
    }
    let length = wanted.end - wanted.start;
    let content_range = format!("bytes {}-{}/{}", wanted.start, wanted.end.saturating_sub(1), file.size);
    let mut media_type = media_type::of_path(path);
    let body = if bound.is_some() {
        let bytes = store.get_range(&file.key, wanted).await.map_err(gone)?;
        // A function's answer is text where its media type is, and would replace what is not, and take more room than base64.
        if media_type::is_text(media_type) && (str::from_utf8(&bytes).is_err() || body_cost(&bytes) > ROOM) {
            media_type = media_type::ANYTHING;
        }
        Body::from(bytes)
    } else {
        Body::from_stream(in_pieces(SharedStore::clone(store), file.key, wanted))
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_DISPOSITION, attachment(path));
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = HeaderValue::try_from(content_range)
    {
        headers.insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

fn outside(size: u64) -> Response {
    let text = format!("The range is outside the file, which has {size} bytes.");
    let mut response = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, text).into_response();
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

fn attachment(path: &str) -> HeaderValue {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    let value = HeaderValue::try_from(format!("attachment; filename*=UTF-8''{name}"));
    value.unwrap_or(HeaderValue::from_static("attachment"))
}

/// The file at a path below the trial's prefix, or in its folder `agent`, or in such a folder further down (docs/compatibility.md, 1.11).
async fn find(store: &dyn ArtifactStore, trial: &TrialArtifacts, path: &str) -> Result<Option<ObjectMeta>, StoreError> {
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

/// Harbor's result of the trial, byte for byte.
pub(crate) async fn result(store: &dyn ArtifactStore, trial: &TrialArtifacts) -> Result<Response, ApiError> {
    let found = match &trial.prefix {
        Some(prefix) => store.head(&Key::parse(format!("{prefix}result.json"))?).await?,
        None => None,
    };
    let Some(object) = found else {
        let state = if trial.status.is_terminal() { "ended without one" } else { "has not ended yet" };
        return Err(ApiError::not_found(format!("Trial {} has no result: it {state}", trial.trial_id)));
    };
    json(store, &object, "The result").await
}

/// The agent's trajectory, JSON `null` where there is none. Harbor leaves it in the folder `agent` of the trial, or of one of its steps.
pub(crate) async fn trajectory(store: &dyn ArtifactStore, trial: &TrialArtifacts) -> Result<Response, ApiError> {
    const NAME: &str = "agent/trajectory.json";
    let Some(prefix) = &trial.prefix else { return Ok(json_body("null".into())) };
    let found = match store.head(&Key::parse(format!("{prefix}{NAME}"))?).await? {
        Some(object) => Some(object),
        None => find_below(store, prefix, &format!("/{NAME}")).await?,
    };
    match found {
        Some(object) => json(store, &object, "The trajectory").await,
        None => Ok(json_body("null".into())),
    }
}

/// A JSON file as it is, if it is one and fits into an answer.
async fn json(store: &dyn ArtifactStore, object: &ObjectMeta, what: &str) -> Result<Response, ApiError> {
    let text = format!("{what} has {} bytes: too much for one answer.", object.size);
    if object.size > ROOM as u64 {
        return Err(answer::too_large(store, &object.key, &text).await?);
    }
    let bytes = store.get(&object.key).await.map_err(gone)?;
    if body_cost(&bytes) > ROOM {
        return Err(answer::too_large(store, &object.key, &text).await?);
    }
    // An agent could have written anything.
    if serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_err() {
        let text = format!("{what} is not JSON. The file {} can be read as it is among the trial's files.", object.key);
        return Err(ApiError::not_found(text));
    }
    Ok(json_body(bytes.into()))
}

fn json_body(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A file can go between being found and being read, with its trial.
fn gone(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound { .. } => ApiError::not_found("File not found"),
        error => error.into(),
    }
}
