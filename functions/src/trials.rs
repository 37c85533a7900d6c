//! Trials: what they left behind, ending them, and running them again.

pub mod cancel_trial;
pub mod complete_import;
pub mod delete_trial;
pub mod get_trial;
pub mod get_trial_debug_files;
pub mod get_trial_file;
pub mod get_trial_logs;
pub mod get_trial_result;
pub mod get_trial_structured_logs;
pub mod get_trial_trajectory;
pub mod init_import;
pub mod list_trial_files;
pub mod list_trials;
pub mod retry_trial;
pub mod retry_trial_analysis;
