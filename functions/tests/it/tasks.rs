//! `/tasks`.

mod agent_env;
mod cancel_tasks;
mod create_sweep;
mod delete_task;
mod files;
mod get_task;
mod judging;
mod list_task_trials;
mod list_task_versions;
mod list_tasks;
mod stages;
mod uploading;
