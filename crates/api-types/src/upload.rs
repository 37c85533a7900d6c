//! Uploads: `POST /tasks/upload`, and in two steps `/tasks/upload/init` and `/tasks/upload/complete`.

use std::collections::BTreeMap;

use oddish_domain::status::Priority;
use serde::{Deserialize, Serialize};

use crate::whole;

/// Most characters of a version's message.
pub const MAX_MESSAGE: usize = 10_000;

/// A stored task version, ready for a sweep.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "task_id": "my-task-1a2b3c4d", "name": "my-task", "task_path": null, "s3_key": "tasks/my-task-1a2b3c4d/",
    "version": 1, "version_id": "my-task-1a2b3c4d-v1", "existing_task": false, "content_unchanged": false,
    "content_hash": "8de7759a990dea8618ba1a05184540d00d3c95a2dd7d7431331769b6f1600b3c", "warnings": []
}))))]
pub struct UploadResponse {
    /// Id to name in a sweep.
    pub task_id: String,
    /// Name of the task, as the client gave it.
    pub name: String,
    /// Always null: a stored task has no path on a disk.
    pub task_path: Option<String>,
    /// Prefix of the task in the store, with a `/` at its end.
    pub s3_key: Option<String>,
    /// Number of the version that was stored, from 1.
    pub version: Option<i32>,
    /// `{task_id}-v{version}`.
    pub version_id: Option<String>,
    /// Whether the task existed before. If it has trials, a sweep on it needs `append_to_task`.
    #[serde(default)]
    pub existing_task: bool,
    /// Whether the newest version already had this content, so that nothing was stored.
    #[serde(default)]
    pub content_unchanged: bool,
    /// Content hash: SHA-256 over the paths and bytes of the task's files, in lower-case hex.
    pub content_hash: Option<String>,
    /// Warnings from the check of the task.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Announces an upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "name": "my-task", "content_hash": "8de7759a990dea8618ba1a05184540d00d3c95a2dd7d7431331769b6f1600b3c",
    "archive_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}))))]
pub struct InitUploadRequest {
    /// Name of the task; the newest task of this name gets a new version, a new name makes a new task.
    pub name: String,
    /// Content hash: SHA-256 over the paths and bytes of the task's files, in lower-case hex.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    pub content_hash: String,
    /// SHA-256 of the archive, in lower-case hex. When present, the task is unchanged only if its newest version has exactly this archive;
    /// otherwise the content hash decides, which misses modes, empty folders and the borders between files.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{64}$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_sha256: Option<String>,
    /// Message about this version, of at most 10000 characters.
    #[cfg_attr(feature = "openapi", schema(max_length = 10000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Size of the archive in bytes. When present, the upload URL accepts no other size.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 9_007_199_254_740_991_u64))]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "whole::option")]
    pub size: Option<u64>,
}

/// The upload's address, unless the newest version has this content already.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "task_id": "my-task-1a2b3c4d", "name": "my-task", "task_path": null, "s3_key": "tasks/my-task-1a2b3c4d/v1/",
    "version": 1, "version_id": "my-task-1a2b3c4d-v1", "existing_task": false, "content_unchanged": false,
    "content_hash": "8de7759a990dea8618ba1a05184540d00d3c95a2dd7d7431331769b6f1600b3c",
    "upload_url": "https://bucket.s3.amazonaws.com/staging/5f3c/archive.tar.gz?X-Amz-Signature=1a2b",
    "upload_method": "PUT", "upload_headers": {"Content-Type": "application/gzip"}, "requires_completion": true
}))))]
pub struct InitUploadResponse {
    /// The task.
    pub task_id: String,
    /// Its name.
    pub name: String,
    /// Always null.
    pub task_path: Option<String>,
    /// Prefix of the version in the store.
    pub s3_key: Option<String>,
    /// Number of the version: the one with this content, or a new one that is reserved for it.
    pub version: i32,
    /// `{task_id}-v{version}`.
    pub version_id: String,
    /// Whether the task existed before.
    pub existing_task: bool,
    /// Whether its newest version has this content, so that nothing is to be uploaded.
    pub content_unchanged: bool,
    /// The content hash.
    pub content_hash: String,
    /// URL for the archive (a gzipped tar of the folder's contents). It works for an hour.
    pub upload_url: Option<String>,
    /// HTTP method for it.
    pub upload_method: Option<String>,
    /// Headers to send with it.
    pub upload_headers: BTreeMap<String, String>,
    /// Whether `/tasks/upload/complete` has to be called after it.
    pub requires_completion: bool,
}

/// Completes an announced upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(examples(json!({
    "task_id": "my-task-1a2b3c4d", "name": "my-task", "version": 1,
    "content_hash": "8de7759a990dea8618ba1a05184540d00d3c95a2dd7d7431331769b6f1600b3c"
}))))]
pub struct CompleteUploadRequest {
    /// The task, as announced.
    pub task_id: String,
    /// Its name, as announced.
    pub name: String,
    /// The version, as announced.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 2_147_483_647))]
    #[serde(deserialize_with = "whole::number")]
    pub version: i32,
    /// The content hash, as announced.
    pub content_hash: String,
    /// Message about this version; the announced one wins.
    #[cfg_attr(feature = "openapi", schema(max_length = 10000))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether to list the task from now on, without an experiment or trials. A task that is listed already does not change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub register_task: bool,
    /// Name of the submitter; without one, the key's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Priority of its trials, unless a sweep says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}
