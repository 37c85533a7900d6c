//! `/experiments`.

pub(crate) mod built;
mod cancel_experiment;
mod compare_experiments;
mod delete_experiment;
mod get_experiment_results;
mod list_experiments;
mod rename_experiment;
mod retry_experiment;
mod sharing;
