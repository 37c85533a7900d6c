//! Tasks: upload, sweep, reading, cancelling, judging and deleting them.

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
