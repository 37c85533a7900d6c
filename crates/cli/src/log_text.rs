//! The text of a log, which comes in pieces, made safe for a terminal.

use anstream::adapter::StripBytes;

use crate::plain_text::steers_terminal;

/// Takes out of one log what steers a terminal. Lines, tabs and blanks stay as they are.
#[derive(Debug, Default)]
pub(crate) struct LogText {
    /// Where in an escape sequence the last piece ended.
    escape: StripBytes,
    /// Whether a carriage return is to become a line's end, unless one follows it anyway.
    returned: bool,
    /// Whether a line has begun and not ended.
    in_line: bool,
}

impl LogText {
    /// The next piece, without what steers a terminal.
    pub(crate) fn clean(&mut self, piece: &str) -> String {
        let mut text = String::with_capacity(piece.len());
        for part in piece.split_inclusive('\n') {
            let line = part.strip_suffix('\n');
            let printable: Vec<u8> =
                self.escape.strip_next(line.unwrap_or(part).as_bytes()).flatten().copied().collect();
            for character in String::from_utf8_lossy(&printable).chars() {
                self.take(character, &mut text);
            }
            if line.is_some() {
                // A sequence that nobody ended must not swallow the lines that follow.
                self.escape = StripBytes::new();
                self.returned = false;
                self.in_line = false;
                text.push('\n');
            }
        }
        text
    }

    fn take(&mut self, character: char, text: &mut String) {
        if character == '\r' {
            self.returned = true;
            return;
        }
        if character != '\t' && steers_terminal(character) {
            return;
        }
        if std::mem::take(&mut self.returned) && self.in_line {
            text.push('\n');
        }
        self.in_line = true;
        text.push(character);
    }

    /// What ends the log's last line, if it has begun.
    pub(crate) fn end(&mut self) -> &'static str {
        let in_line = std::mem::take(&mut self.in_line);
        *self = Self::default();
        if in_line { "\n" } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::LogText;

    fn cleaned(pieces: &[&str]) -> String {
        let mut log = LogText::default();
        let mut text: String = pieces.iter().map(|piece| log.clean(piece)).collect();
        text.push_str(log.end());
        text
    }

    #[test]
    fn lines_tabs_and_blanks_stay() {
        assert_eq!(cleaned(&["  a\tb\n\n", "  c", "  d\n"]), "  a\tb\n\n  c  d\n");
        assert_eq!(cleaned(&["任务 🦀 é"]), "任务 🦀 é\n");
        assert_eq!(cleaned(&[]), "");
    }

    #[test]
    fn nothing_that_steers_a_terminal_is_left_wherever_the_pieces_end() {
        let hostile = "a\u{1b}[31mb\u{1b}]0;title\u{7}c\u{9b}2Jd\u{8}f\u{202e}g\u{0}h\n";
        assert_eq!(cleaned(&[hostile]), "abc2Jdfgh\n");
        for (cut, _) in hostile.char_indices() {
            let (one, other) = hostile.split_at(cut);
            assert_eq!(cleaned(&[one, other]), "abc2Jdfgh\n", "cut at {cut}");
        }
    }

    #[test]
    fn a_sequence_without_an_end_hides_its_own_line_only() {
        assert_eq!(cleaned(&["a\u{1b}]0;never", " ended\nthe next line\n"]), "a\nthe next line\n");
    }

    #[test]
    fn what_a_carriage_return_overwrites_becomes_a_line() {
        assert_eq!(cleaned(&["10 %\r20 %\r\r30 %\n"]), "10 %\n20 %\n30 %\n");
        assert_eq!(cleaned(&["windows\r", "\nends\r\n"]), "windows\nends\n");
    }
}
