//! Verdicts on attacks.

/// What came of an attack. One that could not be tried is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It did no harm; the text says what happened instead.
    Held(String),
    /// It did, and this shows it.
    Succeeded(String),
}
