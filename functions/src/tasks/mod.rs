//! Tasks: upload, sweep, reading, cancelling, judging and deleting them.

pub(crate) mod archive_check;
pub mod browse_tasks;
pub mod cancel_tasks;
pub mod complete_upload;
pub mod create_sweep;
pub mod delete_task;
pub mod get_task;
pub mod get_task_file;
pub mod get_task_trial;
pub mod get_task_version;
pub mod init_upload;
pub mod list_task_files;
pub mod list_task_trials;
pub mod list_task_versions;
pub mod list_tasks;
pub mod retry_task_analysis;
pub mod retry_verdict;
pub mod upload_task;

use std::fmt::Display;

use oddish::tasks::version_prefix;
use oddish_api_types::MAX_MESSAGE;
use oddish_domain::label;

use crate::error::ApiError;

pub(crate) fn task_not_found(task_id: &str) -> ApiError {
    oddish::tasks::not_found(task_id).into()
}

/// Who submitted what nobody put their name to.
pub(crate) const UNNAMED: &str = "unknown";

/// A label in a field of the body, without blanks around it.
pub(crate) fn label<'a>(field: &str, text: &'a str) -> Result<&'a str, ApiError> {
    label_at(&[field], text)
}

/// A label in a field of the body that is inside others, without blanks around it.
pub(crate) fn label_at<'a>(fields: &[&str], text: &'a str) -> Result<&'a str, ApiError> {
    label::check(text).map_err(|fault| faulty(fields, fault))
}

/// 422 for a field of the body, inside others perhaps.
pub(crate) fn faulty(fields: &[&str], fault: impl Display) -> ApiError {
    let loc = std::iter::once("body").chain(fields.iter().copied()).map(Into::into).collect();
    ApiError::value_error(loc, format!("{} {fault}", fields.last().unwrap_or(&"it")))
}

/// What a client has to say of a version, which may have several lines.
fn message(text: Option<&str>) -> Result<Option<&str>, ApiError> {
    if text.is_some_and(|text| text.chars().count() > MAX_MESSAGE) {
        return Err(faulty(&["message"], format_args!("must be at most {MAX_MESSAGE} characters")));
    }
    Ok(text)
}
