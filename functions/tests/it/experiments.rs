//! `/experiments`.

mod cancel_experiment;
mod delete_experiment;
mod list_experiments;
mod rename_experiment;
mod retry_experiment;
mod sharing;
