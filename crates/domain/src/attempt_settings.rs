//! Variables through which a launcher tells a runner its attempt. They are not settings: a person has no reason to set them.

use std::fmt::Display;

use crate::settings::{Group, Setting};

/// Id of the trial.
pub const TRIAL_ID: Setting<Option<String>> = Setting::optional("ODDISH_TRIAL_ID").doc("The trial.");
/// Number of the attempt, from 1.
pub const ATTEMPT: Setting<Option<String>> =
    Setting::optional("ODDISH_ATTEMPT").unit("attempts").doc("Number of the attempt, from 1.");
/// Fencing token of the attempt, a UUID.
pub const ATTEMPT_TOKEN: Setting<Option<String>> =
    Setting::optional("ODDISH_ATTEMPT_TOKEN").doc("Fencing token of the attempt; `clean-up` needs none.");

/// All of them.
pub const ATTEMPT_SETTINGS: Group = Group {
    title: "What a launcher tells a runner",
    read_by: "`oddish-runner`; nobody sets these by hand",
    settings: &[&TRIAL_ID, &ATTEMPT, &ATTEMPT_TOKEN],
};

/// The variables by which a launcher tells its runner of an attempt.
pub fn variables(trial_id: &str, number: i32, token: impl Display) -> [(&'static str, String); 3] {
    [
        (TRIAL_ID.name(), trial_id.to_owned()),
        (ATTEMPT.name(), number.to_string()),
        (ATTEMPT_TOKEN.name(), token.to_string()),
    ]
}
