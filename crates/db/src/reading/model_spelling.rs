//! Models in SQL: trials keep a model's name as it was given, and lists find every spelling of it.

/// An expression for what `oddish_domain::queue_key::normal_form` makes of the name in a column: blanks and dashes become one dash,
/// what is empty between slashes goes, and so do dashes and slashes at the ends.
///
/// The blanks are those of Unicode, whatever the database's locale takes for one.
pub(super) fn normal_form(column: &str) -> String {
    format!(
        r"trim(both '-/' from regexp_replace(regexp_replace(lower({column}),
            '[-\s\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+', '-', 'g'), '-*/[-/]*', '/', 'g'))"
    )
}
