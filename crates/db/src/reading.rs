//! Queries behind endpoints that read.

pub mod dashboard;
pub mod data_version;
pub mod experiment_summaries;
mod model_spelling;
pub mod paging;
pub mod tallies;
pub mod task_browsing;
pub mod task_files;
pub mod task_versions;
pub mod tasks;
pub mod trial_artifacts;
pub mod trial_changes;
pub mod trial_outcomes;
pub mod trial_selection;
pub mod trials;
