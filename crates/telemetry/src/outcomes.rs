//! Metrics of how attempts end. The process that ends an attempt counts it: its runner, or the dispatcher that found the runner gone.

use oddish_domain::failure::FailureClass;
use time::OffsetDateTime;

use crate::metrics::{Document, Unit};

/// What stands for the class where there was no failure.
const NO_ERROR: &str = "none";

/// A trial has ended, with the failure that it ended for.
pub fn trial_ended(class: Option<FailureClass>) {
    count("TrialsEnded", class).emit();
}

/// An attempt of a trial failed, and the trial is tried again.
pub fn trial_retried(class: FailureClass) {
    count("TrialsRetried", Some(class)).emit();
}

fn count(metric: &'static str, class: Option<FailureClass>) -> Document {
    Document::new(OffsetDateTime::now_utc(), &[&["ErrorClass"], &[]])
        .text("ErrorClass", class.map_or(NO_ERROR, FailureClass::as_str))
        .metric(metric, Unit::Count, 1)
}
