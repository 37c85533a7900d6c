//! The end of a trial's log, over the whole terminal.

use clap::builder::styling::Style;
use console::measure_text_width;

use super::Size;
use super::columns::{DIM, beginning_of};
use crate::plain_text;
use crate::watching::interface::OpenLog;
use crate::watching::model::Model;

const TITLE: Style = Style::new().bold();

/// The log's last lines, unless it was scrolled back; lines that are too long go on in the next one.
pub(super) fn lines(model: &Model, log: &OpenLog, room: Size) -> Vec<String> {
    let width = room.columns.saturating_sub(1).max(1);
    let mut lines = vec![title(model, log, width)];
    lines.extend(log.fault.iter().map(|fault| format!("No answer, trying again: {fault}")));
    let Some(text) = &log.lines else {
        lines.push(format!("{DIM}Asking for the log{DIM:#}"));
        return lines;
    };
    if text.is_empty() {
        lines.push(format!("{DIM}Nothing is written yet{DIM:#}"));
    }
    let rows = room.lines.saturating_sub(lines.len());
    let wrapped: Vec<&str> = text.iter().flat_map(|line| wrapped(line, width)).collect();
    let end = wrapped.len() - log.below(wrapped.len().saturating_sub(rows));
    lines.extend(wrapped[end.saturating_sub(rows)..end].iter().map(|line| (*line).to_owned()));
    lines
}

fn title(model: &Model, log: &OpenLog, width: usize) -> String {
    let trials = model.trials();
    let activity = trials.get(&log.trial_id).map(|trial| format!(" ({})", trials.activity(trial)));
    let title = format!("Log of {}{}", plain_text::line(&log.trial_id), activity.unwrap_or_default());
    format!("{TITLE}{}{TITLE:#}", beginning_of(&title, width))
}

/// The line in pieces that fit the width.
fn wrapped(line: &str, width: usize) -> Vec<&str> {
    let (mut pieces, mut begin, mut used) = (Vec::new(), 0, 0);
    for (at, character) in line.char_indices() {
        let wide = measure_text_width(character.encode_utf8(&mut [0; 4]));
        if used + wide > width && at > begin {
            pieces.push(&line[begin..at]);
            (begin, used) = (at, 0);
        }
        used += wide;
    }
    pieces.push(&line[begin..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn long_lines_go_on_in_the_next_and_nothing_is_lost() {
        assert_eq!(wrapped("abcdefg", 3), ["abc", "def", "g"]);
        assert_eq!(wrapped("任务🦀a", 4), ["任务", "🦀a"]);
        assert_eq!(wrapped("", 4), [""]);
        assert_eq!(wrapped("🦀🦀", 1), ["🦀", "🦀"]);
    }
}
