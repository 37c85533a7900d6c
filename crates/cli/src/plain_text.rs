//! Text from outside, made safe for a terminal.
//!
//! Task names, models, error messages and file contents come from other people and from the agents under test. Nothing of
//! theirs may move the cursor, set a title, or turn the reading direction.

/// Whether a character steers a terminal: control characters (C0, DEL, C1) and those that turn the reading direction.
pub(crate) fn steers_terminal(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text on one line: escape sequences and characters that steer a terminal removed, runs of white space made one space.
pub(crate) fn line(text: &str) -> String {
    let stripped = anstream::adapter::strip_str(text).to_string();
    let spaced: String = stripped
        .chars()
        .map(|character| if character.is_whitespace() { ' ' } else { character })
        .filter(|character| !steers_terminal(*character))
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// [`line()`], cut to at most `length` characters, with `…` in place of what was cut.
pub(crate) fn short_line(text: &str, length: usize) -> String {
    let text = line(text);
    if text.chars().count() <= length {
        return text;
    }
    text.chars().take(length.saturating_sub(1)).chain(['…']).collect()
}

/// A line of a log: as it stands, without what steers a terminal. Of a line that a program wrote over and over, the last writing.
pub(crate) fn indented_line(text: &str) -> String {
    let stripped = anstream::adapter::strip_str(text).to_string();
    let written = stripped.trim_end().rsplit('\r').next().unwrap_or_default();
    written.replace('\t', "    ").chars().filter(|character| !steers_terminal(*character)).collect()
}

#[cfg(test)]
mod tests {
    use super::{indented_line, line, short_line};

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        let hostile = "a\u{1b}[31mb\u{1b}]0;title\u{7}c\u{9b}2Jd\re\u{8}f\u{202e}g\u{0}h";
        assert_eq!(line(hostile), "abc2Jd efgh");
    }

    #[test]
    fn lines_and_runs_of_space_become_one_space() {
        assert_eq!(line("  one\n\ttwo \r\n three "), "one two three");
    }

    #[test]
    fn a_line_of_a_log_keeps_its_indentation_and_its_last_writing() {
        assert_eq!(indented_line("\tone  \u{1b}[31mtwo\u{9b}  "), "    one  two");
        assert_eq!(indented_line("10 %\r20 %\r100 %\r"), "100 %");
    }

    #[test]
    fn letters_of_all_scripts_stay() {
        assert_eq!(line("任务 🦀 é"), "任务 🦀 é");
    }

    #[test]
    fn long_text_is_cut_by_characters() {
        assert_eq!(short_line("ééééé", 5), "ééééé");
        assert_eq!(short_line("éééééé", 5), "éééé…");
    }
}
