//! Files of task versions, read out of the object that holds them all.

use oddish_api_types::{Folder, ListFilesQuery, TaskFile, TaskFileResponse, TaskFilesResponse};
use oddish_artifacts::key::is_relative_path;
use oddish_artifacts::{ArtifactStore, Key};
use oddish_db::Db;
use oddish_db::sharing;
use oddish_db::task_files::{self, Audience, Found, VersionFiles};

use super::{not_found, version_not_found, version_prefix};
use crate::Error;
use crate::answer::{ROOM, SIGNED_FOR, signed, text_cost, too_large};
use crate::caller::Caller;
use crate::capabilities::Artifacts;
use crate::listing::Wanted;

/// Bytes of an entry in addition to its path.
const ENTRY: usize = 120;

/// Lists files of a version of a task, of the newest that is there for the caller where no number is given. Guests get no link to the archive, which has more than
/// they see.
pub async fn list(
    db: &Db,
    Artifacts(store): &Artifacts,
    caller: Caller<'_>,
    (task_id, version): (&str, Option<i32>),
    query: &ListFilesQuery,
) -> Result<TaskFilesResponse, Error> {
    let (store, audience) = (store.as_ref(), caller.audience());
    let version = visible_version(db, caller, task_id, version).await?;
    let wanted = Wanted::of(query)?;
    let version = find(db, task_id, version).await?;
    indexed(store, audience, task_id, &version).await?;
    let look_at = i64::try_from(wanted.to_look_at()).unwrap_or(i64::MAX);
    let place = (task_id, version.version);
    let files = task_files::list(db, place, audience, &wanted.prefix, &wanted.after, look_at).await?;
    let page = wanted.page(files, |file| &file.path, |file| text_cost(&file.path) + ENTRY, ROOM);
    let linked = wanted.presign && audience == Audience::Members;
    let archive_url = if linked { signed(store, &Key::parse(version.archive_key.as_str())?).await? } else { None };
    let last_modified = version.created_at;
    Ok(TaskFilesResponse {
        task_id: task_id.to_owned(),
        version: version.version,
        files: page
            .files
            .into_iter()
            .map(|file| TaskFile { path: file.path, size: file.size, last_modified })
            .collect(),
        dirs: page.folders.into_iter().map(|path| Folder { path }).collect(),
        prefix: version_prefix(task_id, version.version)?,
        recursive: wanted.recursive,
        truncated: page.cursor.is_some(),
        cursor: page.cursor,
        presigned: archive_url.is_some(),
        presign_expires_in: SIGNED_FOR.as_secs(),
        archive_key: version.archive_key,
        archive_url,
    })
}

/// Reads one file of a version of a task, of the newest that is there for the caller where no number is given. Published clients know its
/// refusals (docs/compatibility.md, 1.11).
pub async fn get(
    db: &Db,
    Artifacts(store): &Artifacts,
    caller: Caller<'_>,
    (task_id, version): (&str, Option<i32>),
    path: &str,
) -> Result<TaskFileResponse, Error> {
    let (store, audience) = (store.as_ref(), caller.audience());
    let version = visible_version(db, caller, task_id, version).await?;
    if !is_relative_path(path) {
        return Err(Error::refused("Invalid path"));
    }
    let absent = || Error::not_found("File not found");
    let version = find(db, task_id, version).await?;
    let pack = indexed(store, audience, task_id, &version).await?;
    let file = task_files::get(db, (task_id, version.version), audience, path).await?.ok_or_else(absent)?;
    let archive = Key::parse(version.archive_key.as_str())?;
    let refusal = async || {
        let text = format!("{path} has {} bytes: too much for one answer.", file.size);
        match audience {
            Audience::Members => too_large(store, &archive, &format!("{text} The archive of all files has it.")).await,
            Audience::Guests => Error::too_large(text),
        }
    };
    let size = file.size.unsigned_abs();
    if size > ROOM as u64 {
        return Err(refusal().await);
    }
    let start = file.start.unsigned_abs();
    let content = store.get_range(&pack, start..start + size).await?;
    let content = String::from_utf8(content.into()).map_err(|_| absent())?;
    if text_cost(&content) > ROOM {
        return Err(refusal().await);
    }
    Ok(TaskFileResponse { key: format!("{archive}#{path}"), path: path.to_owned(), content })
}

/// The version whose files are there for the caller, where one is named or the caller is a guest: of a guest's, one that trials of the
/// experiment ran, the newest where none is named.
async fn visible_version(db: &Db, caller: Caller<'_>, task_id: &str, asked: Option<i32>) -> Result<Option<i32>, Error> {
    let Caller::Guest(shared) = caller else { return Ok(asked) };
    match (sharing::newest_version(db, &shared.experiment.id, task_id, asked).await?, asked) {
        (None, Some(version)) => Err(version_not_found(task_id, version)),
        (None, None) => Err(not_found(task_id)),
        (ran, _) => Ok(ran),
    }
}

async fn find(db: &Db, task_id: &str, version: Option<i32>) -> Result<VersionFiles, Error> {
    match (task_files::find_version(db, task_id, version).await?, version) {
        (Found::Version(version), _) => Ok(version),
        (Found::NoVersion, Some(version)) => Err(version_not_found(task_id, version)),
        (Found::NoVersion, None) => Err(Error::not_found(format!(
            "Task {task_id} has no files yet: its upload was announced and never completed."
        ))),
        (Found::NoTask, _) => Err(not_found(task_id)),
    }
}

/// The object that holds a version's files. Versions that were stored before there was one are in their archive only.
async fn indexed(
    store: &dyn ArtifactStore,
    audience: Audience,
    task_id: &str,
    version: &VersionFiles,
) -> Result<Key, Error> {
    if let Some(pack) = &version.files_key {
        return Ok(Key::parse(pack.as_str())?);
    }
    let text = format!(
        "The files of version {} of task {task_id} cannot be listed: it was uploaded before files were indexed. They are in its archive",
        version.version
    );
    if audience == Audience::Guests {
        return Err(Error::not_found("File not found"));
    }
    Err(match signed(store, &Key::parse(version.archive_key.as_str())?).await? {
        Some(url) => Error::NotFound { text: format!("{text}: {url}"), link: Some(url) },
        None => Error::not_found(format!("{text}. Upload the task again to list them.")),
    })
}
