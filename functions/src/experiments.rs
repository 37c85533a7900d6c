//! Experiments: reading and sharing them, and what is done to all their trials at once.

pub mod cancel_experiment;
pub mod compare_experiments;
pub mod delete_experiment;
pub mod get_experiment;
pub mod get_experiment_results;
pub mod get_experiment_share;
pub mod list_experiments;
pub mod publish_experiment;
pub mod rename_experiment;
pub mod retry_experiment;
pub mod unpublish_experiment;
