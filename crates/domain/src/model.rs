//! Names of models: what is stored and told to Harbor, the normal form that spellings are compared by, and what says that there is none.

/// The key of trials without a model of their own to limit.
pub const DEFAULT_KEY: &str = "default";

/// Words that say "no model".
pub(crate) const ABSENT: [&str; 8] = ["", "-", "none", "null", "nil", "n/a", "na", DEFAULT_KEY];

/// The agent that does nothing: what a task's tests say of an untouched sandbox.
pub const NOP: &str = "nop";

/// The agent that plays the task's own solution.
pub const ORACLE: &str = "oracle";

/// The model of a trial as it is stored, shown and told to Harbor: letter by letter as it was given, since a provider may tell
/// spellings apart (a deployment's name on Azure, a path on a server of one's own). `None` when there is none.
///
/// Words such as `none` mean no model. The agents `nop` and `oracle` always have the model `default`.
pub fn stored_model<'a>(agent: &str, given: Option<&'a str>) -> Option<&'a str> {
    if [NOP, ORACLE].contains(&agent) {
        return Some(DEFAULT_KEY);
    }
    given.filter(|model| !ABSENT.contains(&normal_form(model).as_str()))
}

/// What is the same for all spellings of a model's name: lower-case, parts between slashes with dashes for blanks, no empty
/// parts, no dashes at the ends or next to each other.
///
/// Queue keys are derived from it, and lists and sums take names for one model that have one normal form. Nothing is called by it.
pub fn normal_form(model: &str) -> String {
    join_parts(model, |part| {
        words(part, "-").split('-').filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join("-")
    })
}

/// The [`normal_form`] of a trial's [`stored_model`].
pub fn normalize_model(agent: &str, model: Option<&str>) -> Option<String> {
    stored_model(agent, model).map(normal_form)
}

/// Lower-cases, cleans each part between slashes, and drops the empty ones.
pub(crate) fn join_parts(name: &str, clean: impl Fn(&str) -> String) -> String {
    let lower = name.to_lowercase();
    lower.split('/').map(clean).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// The words of a text, joined.
pub(crate) fn words(text: &str, separator: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(separator)
}
