//! `.harborignore` files, which keep files of a task from its sandbox, in the language of `.gitignore`.

use globset::GlobBuilder;

/// The file's name.
pub(super) const NAME: &str = ".harborignore";

/// Whether a file of this name is kept back that lies beside the `.harborignore` with this text. The last line that matches decides.
pub(super) fn excludes(text: &str, file: &str) -> bool {
    text.lines().fold(false, |excluded, line| matching(line, file).unwrap_or(excluded))
}

/// What a line says of a file beside it: that it is kept back, or that it is not.
fn matching(line: &str, file: &str) -> Option<bool> {
    let line = if line.ends_with("\\ ") { line } else { line.trim_end() };
    let (excludes, pattern) = match line.strip_prefix('!') {
        Some(pattern) => (false, pattern),
        None => (true, line),
    };
    if pattern.is_empty() || line.starts_with('#') {
        return None;
    }
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    let pattern = pattern.trim_start_matches("**/");
    // With a slash it is for something in another folder, or for a folder.
    if pattern.contains('/') && pattern != "/**" {
        return None;
    }
    let glob = GlobBuilder::new(pattern.trim_start_matches('/')).literal_separator(true).build().ok()?;
    glob.compile_matcher().is_match(file).then_some(excludes)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", false)]
    #[case("# test.sh", false)]
    #[case("test.sh", true)]
    #[case("/test.sh  ", true)]
    #[case("**/test.sh", true)]
    #[case("*.sh", true)]
    #[case("te[rs]t.??", true)]
    #[case("*", true)]
    #[case("**", true)]
    #[case("test.sh/", false)]
    #[case("data/test.sh", false)]
    #[case("*\n!test.sh", false)]
    #[case("!test.sh\n*", true)]
    #[case("\\!test.sh", false)]
    #[case("[", false)]
    fn the_last_line_that_matches_decides(#[case] text: &str, #[case] excluded: bool) {
        assert_eq!(excludes(text, "test.sh"), excluded, "{text}");
    }
}
