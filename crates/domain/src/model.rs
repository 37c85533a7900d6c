//! Names of models: the form that is stored, and what says that there is none.

/// The key of trials without a model of their own to limit.
pub const DEFAULT_KEY: &str = "default";

/// Words that say "no model".
pub(crate) const ABSENT: [&str; 8] = ["", "-", "none", "null", "nil", "n/a", "na", DEFAULT_KEY];

/// The agent that does nothing: what a task's tests say of an untouched sandbox.
pub const NOP: &str = "nop";

/// The agent that plays the task's own solution.
pub const ORACLE: &str = "oracle";

/// The model in the form that is stored and given to the agent; `None` when there is none.
///
/// Lower-case, parts between slashes with dashes for blanks, no empty parts. Words such as `none` mean no model. The
/// agents `nop` and `oracle` always have the model `default`.
pub fn normalize_model(agent: &str, model: Option<&str>) -> Option<String> {
    if [NOP, ORACLE].contains(&agent) {
        return Some(DEFAULT_KEY.to_owned());
    }
    let model = join_parts(model?, |part| {
        words(part, "-").split('-').filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join("-")
    });
    (!ABSENT.contains(&model.as_str())).then_some(model)
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
