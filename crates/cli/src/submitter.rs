//! Who submits, where no flag says.

/// The user of this machine, and the variable that names them.
pub(crate) fn submitter() -> (String, &'static str) {
    ["LOGNAME", "USER", "USERNAME"]
        .into_iter()
        .filter_map(|name| Some((std::env::var(name).ok()?, name)))
        .find(|(user, _)| !user.trim().is_empty())
        .unwrap_or_else(|| ("unknown".to_owned(), "default"))
}
