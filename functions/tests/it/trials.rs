//! `/trials`. Analyses of single trials are with those of their tasks, in `tasks/judging.rs`.

mod cancel_trial;
mod changed_trials;
mod delete_trial;
mod files;
mod get_trial_result;
mod importing;
mod list_trials;
mod logs;
mod retry_trial;
mod waiting;
