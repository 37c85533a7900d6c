//! Environment variables for agents, from flags and sweep file.
//!
//! One without a value takes it from the environment of this process: so a secret need be neither in a command line, which
//! other users of the machine can see, nor in a file. Values are taken byte for byte. No text here repeats a value.

use std::collections::BTreeMap;
use std::ffi::OsString;

use oddish_domain::agent_env::check_name;

/// A variable, and its value unless that is to be taken from this process.
pub(crate) type Given = (String, Option<String>);

/// Reads `KEY=VALUE` or `KEY`, as it stands on the command line; spaces around the name don't count.
pub(crate) fn parse(text: &str) -> Given {
    match text.split_once('=') {
        Some((name, value)) => (name.trim().to_owned(), Some(value.to_owned())),
        None => (text.trim().to_owned(), None),
    }
}

/// The variables with their values; a later one goes before an earlier one of the same name.
pub(crate) fn resolve(
    given: impl IntoIterator<Item = Given>,
    here: impl Fn(&str) -> Option<OsString>,
) -> Result<BTreeMap<String, String>, String> {
    let mut variables = BTreeMap::new();
    for (name, value) in given {
        check_name(&name).map_err(|error| error.to_string())?;
        let value = match value {
            Some(value) => value,
            None => from_here(&name, &here)?,
        };
        variables.insert(name, value);
    }
    Ok(variables)
}

fn from_here(name: &str, here: impl Fn(&str) -> Option<OsString>) -> Result<String, String> {
    let value = here(name).ok_or_else(|| {
        format!("{name} has no value, and none is set here: give {name}=VALUE, or set it in this environment")
    })?;
    value.into_string().map_err(|_| format!("{name} is set here to something that is not UTF-8, which cannot be sent"))
}

/// A variable of this process.
pub(crate) fn here(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(name: &str) -> Option<OsString> {
        use std::os::unix::ffi::OsStringExt as _;
        match name {
            "HERE" => Some(" from-here\n".into()),
            "ODD" => Some(OsString::from_vec(vec![b's', 0xff])),
            _ => None,
        }
    }

    #[test]
    fn values_are_given_or_taken_from_here() {
        let given = ["A=1", " B = x = $y ${Z}\n ", "HERE", "A=2", "EMPTY="].map(parse);
        let resolved = resolve(given, here).unwrap();
        let shown: Vec<String> = resolved.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(shown, ["A=2", "B= x = $y ${Z}\n ", "EMPTY=", "HERE= from-here\n"], "byte for byte");
    }

    #[test]
    fn faults_repeat_no_value() {
        let fault = |text: &str| resolve([parse(text)], here).unwrap_err();
        assert!(fault("NOWHERE").starts_with("NOWHERE has no value"), "{}", fault("NOWHERE"));
        assert!(fault("ODD").starts_with("ODD is set here to something that is not UTF-8"), "{}", fault("ODD"));
        for text in ["s3cret text", "=s3cret", "A-B=s3cret", ""] {
            assert!(fault(text).starts_with("the name of an environment variable"), "{}", fault(text));
            assert!(!fault(text).contains("s3cret"));
        }
    }
}
