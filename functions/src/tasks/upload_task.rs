//! `POST /tasks/upload`.

use axum::Json;
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{Multipart, State};
use http::{HeaderMap, StatusCode};
use oddish_api_types::{ErrorBody, UploadResponse};
use oddish_artifacts::{SharedStore, key};
use oddish_db::task_files::FileIndex;
use oddish_db::task_versions::{self, NewTask};
use oddish_domain::id;
use serde_json::json;
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use tokio::io::AsyncWriteExt;

use super::archive_check::{self, Checked};
use crate::auth::{Authed, Submit};
use crate::error::ApiError;
use crate::media;
use crate::state::{Artifacts, Db, UploadRules};

/// The form.
#[derive(utoipa::ToSchema)]
#[schema(examples(json!({"file": "the bytes of my-task.tar.gz"})))]
#[expect(dead_code, reason = "describes the form in the OpenAPI document; the handler streams it")]
struct UploadForm {
    /// Gzipped tar of the contents of the task's folder; its file name names the task.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Stores a task. Always makes a new one: names are not unique.
///
/// For small archives: where this API runs on AWS Lambda, a form can bring 4 MB. `POST /tasks/upload/init` takes larger ones.
///
/// The archive is read once, checked (its members, `task.toml`, the files that Harbor needs) and stored where no client can write.
#[utoipa::path(post, path = "/tasks/upload", operation_id = "upload_task", tag = "tasks",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, body = UploadResponse), (status = 400, body = ErrorBody), (status = 413, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn upload_task(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(Artifacts(store)): State<Artifacts>,
    State(rules): State<UploadRules>,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Json<UploadResponse>, ApiError> {
    media::plain(&headers)?;
    media::form(&headers)?;
    let form =
        form.map_err(|refused| ApiError::bad_request(format!("The form could not be read: {}", refused.body_text())))?;
    let upload = receive(form, &rules).await?;
    let checked = archive_check::check(upload.file.path(), &rules).await?;
    let task_id = store_task(&db, &store, &upload, &checked).await?;
    Ok(Json(UploadResponse {
        s3_key: Some(key::task_prefix(&task_id)?),
        version: Some(1),
        version_id: Some(id::version_id(&task_id, 1)),
        task_id,
        name: upload.name,
        task_path: None,
        existing_task: false,
        content_unchanged: false,
        content_hash: Some(checked.content_hash),
        warnings: checked.warnings,
    }))
}

struct Upload {
    name: String,
    file: NamedTempFile,
}

/// Streams the form's file to a temporary one, and stops as soon as it is too large.
async fn receive(mut form: Multipart, rules: &UploadRules) -> Result<Upload, ApiError> {
    while let Some(mut field) = form.next_field().await.map_err(|error| broken_form(&error))? {
        if field.name() != Some("file") {
            continue;
        }
        let name = id::task_name(&id::task_name_from_archive(field.file_name()))
            .map_err(|error| ApiError::bad_request(format!("The file's name cannot name a task: {error}")))?;
        let file = NamedTempFile::new().map_err(|error| ApiError::internal(&error))?;
        let handle = file.reopen().map_err(|error| ApiError::internal(&error))?;
        let mut writer = tokio::io::BufWriter::new(tokio::fs::File::from_std(handle));
        let mut bytes = 0;
        while let Some(chunk) = field.chunk().await.map_err(|error| broken_form(&error))? {
            bytes += chunk.len() as u64;
            if bytes > rules.max_form_bytes {
                drain(&mut field, rules.max_form_bytes).await;
                return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, too_large(rules)));
            }
            writer.write_all(&chunk).await.map_err(|error| ApiError::internal(&error))?;
        }
        writer.flush().await.map_err(|error| ApiError::internal(&error))?;
        return Ok(Upload { name, file });
    }
    Err(ApiError::field("missing", vec![json!("body"), json!("file")], "Field required"))
}

fn too_large(rules: &UploadRules) -> String {
    let (whole, form) = (rules.max_bytes >> 20, rules.max_form_bytes >> 20);
    if form == whole {
        return format!("Task upload too large. Max size is {whole}MB.");
    }
    format!(
        "Task upload too large. Max size in a form is {form}MB here; up to {whole}MB can be sent with POST /tasks/upload/init, which \
         answers where to put the archive, as `oddish run` does."
    )
}

/// Reads on for a while and throws it away: a client that is still sending when the connection closes sees it break, and never reads
/// the answer that says why.
async fn drain(field: &mut Field<'_>, mut most: u64) {
    while let Ok(Some(chunk)) = field.chunk().await {
        most = most.saturating_sub(chunk.len() as u64);
        if most == 0 {
            return;
        }
    }
}

fn broken_form(error: &MultipartError) -> ApiError {
    ApiError::bad_request(format!("The form could not be read: {}", error.body_text()))
}

async fn store_task(db: &Db, store: &SharedStore, upload: &Upload, checked: &Checked) -> Result<String, ApiError> {
    let files = checked.index();
    loop {
        let task_id = id::task_id(&upload.name);
        let (archive_key, pack_key) = (key::task_archive_key(&task_id, 1)?, key::task_pack_key(&task_id, 1)?);
        let new = NewTask {
            task_id: &task_id,
            name: &upload.name,
            archive_key: archive_key.as_str(),
            archive_sha256: &checked.sha256,
            archive_bytes: checked.bytes,
            content_hash: &checked.content_hash,
            files: FileIndex { key: pack_key.as_str(), files: &files },
        };
        // The id is taken in the database first: only then is it certain that the key is nobody else's. Until this answers, nobody knows
        // the id, so nobody can ask for the archive before it is there.
        if !task_versions::create_task(db, &new, OffsetDateTime::now_utc()).await? {
            continue;
        }
        let stored = match store.put_file(&archive_key, upload.file.path()).await {
            Ok(()) => store.put_file(&pack_key, checked.pack.content.path()).await,
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            task_versions::discard_unsubmitted(db, &task_id).await?;
            return Err(error.into());
        }
        return Ok(task_id);
    }
}
