//! `POST /tasks/upload`.

use axum::Json;
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{Multipart, State};
use http::{HeaderMap, StatusCode};
use oddish::uploads::{self, TaskName};
use oddish_api_types::{ErrorBody, UploadResponse};
use serde_json::json;
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use tokio::io::AsyncWriteExt;

use crate::http::auth::{Authed, Submit};
use crate::http::error::ApiError;
use crate::http::media;
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

/// Stores an archive as a new task.
///
/// Names are not unique: a task is created each time. Use this for small archives: on AWS Lambda, a form can have 4 MB. Larger ones begin with
/// `POST /tasks/upload/init`.
///
/// The archive is read once, checked (its members, `task.toml`, the files that Harbor needs) and stored where no client can write.
#[utoipa::path(post, path = "/tasks/upload", operation_id = "upload_task", tag = "tasks",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, body = UploadResponse), (status = 400, body = ErrorBody), (status = 413, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub async fn upload_task(
    _: Authed<Submit>,
    State(db): State<Db>,
    State(artifacts): State<Artifacts>,
    State(rules): State<UploadRules>,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Json<UploadResponse>, ApiError> {
    media::plain(&headers)?;
    media::form(&headers)?;
    let form =
        form.map_err(|refused| ApiError::bad_request(format!("The form could not be read: {}", refused.body_text())))?;
    let (name, file) = receive(form, &rules).await?;
    Ok(Json(uploads::create(&db, &artifacts, &rules, name, file.path(), OffsetDateTime::now_utc()).await?))
}

/// Streams the form's file to a temporary one, and stops as soon as it is too large.
async fn receive(mut form: Multipart, rules: &UploadRules) -> Result<(TaskName, NamedTempFile), ApiError> {
    while let Some(mut field) = form.next_field().await.map_err(|error| broken_form(&error))? {
        if field.name() != Some("file") {
            continue;
        }
        let name = TaskName::of_archive(field.file_name())?;
        let file = NamedTempFile::new().map_err(|error| ApiError::internal(&error))?;
        let handle = file.reopen().map_err(|error| ApiError::internal(&error))?;
        let mut writer = tokio::io::BufWriter::new(tokio::fs::File::from_std(handle));
        let mut bytes = 0;
        while let Some(chunk) = field.chunk().await.map_err(|error| broken_form(&error))? {
            bytes += chunk.len() as u64;
            if bytes > rules.max_form_bytes {
                drain(&mut field, rules.max_form_bytes).await;
                return Err(too_large(bytes, rules));
            }
            writer.write_all(&chunk).await.map_err(|error| ApiError::internal(&error))?;
        }
        writer.flush().await.map_err(|error| ApiError::internal(&error))?;
        return Ok((name, file));
    }
    Err(ApiError::field("missing", vec![json!("body"), json!("file")], "Field required"))
}

fn too_large(bytes: u64, rules: &UploadRules) -> ApiError {
    if let Err(too_large) = uploads::check_size(bytes, rules) {
        return too_large.into();
    }
    let (whole, form) = (rules.max_bytes >> 20, rules.max_form_bytes >> 20);
    let text = format!(
        "Task upload too large. Max size in a form is {form}MB here; up to {whole}MB can be sent with POST /tasks/upload/init, which \
         answers where to put the archive, as `oddish run` does."
    );
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, text)
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
