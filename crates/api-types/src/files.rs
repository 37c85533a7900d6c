//! Files of tasks and of trials.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// `GET /tasks/{task_id}/files`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "task_id": "hello-1a2b3c4d", "version": 1,
    "files": [{"path": "task.toml", "size": 210, "last_modified": "2026-04-09T09:58:00Z"}], "dirs": [],
    "prefix": "tasks/hello-1a2b3c4d/v1/", "recursive": true, "cursor": null, "truncated": false, "presigned": true,
    "presign_expires_in": 900, "archive_key": "tasks/hello-1a2b3c4d/v1/.oddish-task.tar.gz",
    "archive_url": "https://storage.example/tasks/hello-1a2b3c4d/v1/.oddish-task.tar.gz?signature=..."
})))]
pub struct TaskFilesResponse {
    /// The task.
    pub task_id: String,
    /// The version whose files these are.
    pub version: i32,
    /// The files, in byte order of their paths.
    pub files: Vec<TaskFile>,
    /// The folders, where the listing is not recursive.
    pub dirs: Vec<Folder>,
    /// Prefix of the version in the store.
    pub prefix: String,
    /// Whether the files of folders in folders are listed too.
    pub recursive: bool,
    /// `cursor` of the next page, if there is one.
    pub cursor: Option<String>,
    /// Whether there is more.
    pub truncated: bool,
    /// Whether there is a URL for the archive.
    pub presigned: bool,
    /// How long that URL works, in seconds.
    pub presign_expires_in: u64,
    /// Key of the archive of all files.
    pub archive_key: String,
    /// URL of the archive: a gzipped tar.
    pub archive_url: Option<String>,
}

/// A file of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"path": "task.toml", "size": 210, "last_modified": "2026-04-09T09:58:00Z"})))]
pub struct TaskFile {
    /// Path in the task's folder.
    pub path: String,
    /// Bytes.
    pub size: i64,
    /// When the version was stored.
    #[serde(with = "time::serde::rfc3339")]
    pub last_modified: OffsetDateTime,
}

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"path": "tests"})))]
pub struct Folder {
    /// Its path, without a slash at the end.
    pub path: String,
}

/// `GET /tasks/{task_id}/files/{path}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "path": "instruction.md", "content": "Write a program that prints `hello`.\n",
    "key": "tasks/hello-1a2b3c4d/v1/.oddish-task.tar.gz#instruction.md"
})))]
pub struct TaskFileResponse {
    /// Path in the task's folder.
    pub path: String,
    /// The text.
    pub content: String,
    /// Key of the archive, and the path in it.
    pub key: String,
}

/// `GET /trials/{trial_id}/files`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "trial_id": "hello-1a2b3c4d-0",
    "files": [{
        "path": "result.json", "key": "tasks/hello-1a2b3c4d/trials/hello-1a2b3c4d-0/attempt-1/result.json", "size": 123,
        "last_modified": "2026-04-09T10:07:01Z", "url": "https://storage.example/result.json?signature=..."
    }],
    "dirs": [], "prefix": "tasks/hello-1a2b3c4d/trials/hello-1a2b3c4d-0/attempt-1/", "recursive": true, "cursor": null,
    "truncated": false, "presigned": true, "presign_expires_in": 900
})))]
pub struct TrialFilesResponse {
    /// The trial.
    pub trial_id: String,
    /// The files, in byte order of their paths.
    pub files: Vec<TrialFile>,
    /// The folders, where the listing is not recursive.
    pub dirs: Vec<Folder>,
    /// Prefix of the files in the store.
    pub prefix: String,
    /// Whether the files of folders in folders are listed too.
    pub recursive: bool,
    /// `cursor` of the next page, if there is one.
    pub cursor: Option<String>,
    /// Whether there is more.
    pub truncated: bool,
    /// Whether there are URLs for the files.
    pub presigned: bool,
    /// How long those URLs work, in seconds.
    pub presign_expires_in: u64,
}

/// A file that a trial left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "path": "result.json", "key": "tasks/hello-1a2b3c4d/trials/hello-1a2b3c4d-0/attempt-1/result.json", "size": 123,
    "last_modified": "2026-04-09T10:07:01Z", "url": null
})))]
pub struct TrialFile {
    /// Path below the trial's prefix.
    pub path: String,
    /// Key in the store.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When it was stored.
    #[serde(with = "time::serde::rfc3339")]
    pub last_modified: OffsetDateTime,
    /// URL of the file. Null when none was requested, or no more fit into the answer; `GET /trials/{id}/files/{path}` serves it then.
    pub url: Option<String>,
}

/// `GET /trials/{trial_id}/debug-files`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "trial_id": "hello-1a2b3c4d-0", "trial_s3_key": "tasks/hello-1a2b3c4d/trials/hello-1a2b3c4d-0/attempt-1/",
    "computed_prefix": "tasks/hello-1a2b3c4d/trials/hello-1a2b3c4d-0/", "harbor_result_path": null,
    "files": ["tasks/hello-1a2b3c4d/trials/hello-1a2b3c4d-0/attempt-1/result.json"], "trajectory_files": [], "error": null,
    "using_prefix": "tasks/hello-1a2b3c4d/trials/hello-1a2b3c4d-0/"
})))]
pub struct TrialDebugFilesResponse {
    /// The trial.
    pub trial_id: String,
    /// Prefix of the files that count as the trial's; null while there are none.
    pub trial_s3_key: Option<String>,
    /// Prefix of everything that its attempts stored.
    pub computed_prefix: String,
    /// Always null: Harbor's folder is the runner's own matter.
    pub harbor_result_path: Option<String>,
    /// Keys of everything that its attempts stored, logs too: the first 1000.
    pub files: Vec<String>,
    /// Those among them that are trajectories.
    pub trajectory_files: Vec<String>,
    /// Always null: what fails is an error of the request.
    pub error: Option<String>,
    /// The prefix that was listed.
    pub using_prefix: String,
}

/// Which files of a task or of a trial to list.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct ListFilesQuery {
    /// Only what is in this folder.
    #[cfg_attr(feature = "openapi", param(max_length = 1024))]
    pub prefix: Option<String>,
    /// Whether to list the files of folders in folders too, or their folders instead.
    #[cfg_attr(feature = "openapi", param(default = true))]
    pub recursive: Option<bool>,
    /// Files and folders at the most. Without it all of them, as long as they fit into one answer.
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000))]
    pub limit: Option<i64>,
    /// Where to go on: `cursor` of the listing before.
    #[cfg_attr(feature = "openapi", param(max_length = 1025))]
    pub cursor: Option<String>,
    /// Whether to give links, which work for 15 minutes.
    #[cfg_attr(feature = "openapi", param(default = true))]
    pub presign: Option<bool>,
}
