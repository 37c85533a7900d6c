//! What a watch looks like: what is known, as lines that fit a terminal. Knows no terminal itself.

mod columns;
mod log;
mod numbers;
mod sections;

use clap::builder::styling::{AnsiColor, Style};
use console::measure_text_width;

use self::columns::{DIM, beginning_of};
use self::numbers::period;
use super::interface::Interface;
use super::model::Model;

pub(super) use self::sections::{failure, outcome, summary};

const TITLE: Style = Style::new().bold();
const TROUBLE: Style = AnsiColor::Yellow.on_default().bold();

/// The least lines that the list of trials has, its headings included, before other parts get more.
const LIST_LINES: usize = 4;
/// With fewer lines than this, no line is left empty.
const ROOMY: usize = 20;
/// Agents that are shown before the list of trials takes what is left.
const AGENTS: usize = 6;
const WAITING_KEYS: usize = 3;
const FAILURES: usize = 3;

const KEYS: &[(&str, &str)] = &[
    ("Up, Down, k, j", "Choose a trial, or scroll its log"),
    ("PgUp, PgDn", "The same, by ten lines"),
    ("Home, End, g, G", "To the first, to the last"),
    ("f", "Only trials that failed, or all again"),
    ("Enter", "Log of the chosen trial"),
    ("Esc", "Back"),
    ("q, Ctrl-C", "Leave; the trials go on"),
    ("?", "These keys"),
];

/// Columns and lines of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) lines: usize,
}

/// What the trials of each agent and model came to, all of them.
pub(super) fn agents(model: &Model, width: usize) -> Vec<String> {
    sections::agents(model, usize::MAX, width)
}

/// One frame: at most as many lines as there is room for, none wider than there is room for.
pub(super) fn frame(model: &Model, interface: &Interface, size: Size, now: i64) -> Vec<String> {
    let footer_lines = 1;
    let room = Size { lines: size.lines.saturating_sub(footer_lines), ..size };
    let (mut lines, footer) = if interface.shows_keys {
        (keys(), "any key goes back")
    } else if let Some(open) = &interface.log {
        (log::lines(model, open, room), "q leave   ? keys   Esc back   Up/Down scroll")
    } else {
        let footer = if interface.only_failed {
            "q leave   ? keys   f all trials   Enter log   Up/Down choose"
        } else {
            "q leave   ? keys   f failed only   Enter log   Up/Down choose"
        };
        (overview(model, interface, room, now), footer)
    };
    lines.truncate(room.lines);
    lines.resize(room.lines, String::new());
    lines.push(format!("{DIM}{footer}{DIM:#}"));
    // A line that fills the last column makes some terminals wrap.
    let width = size.columns.saturating_sub(1);
    lines.into_iter().map(|line| beginning_of(&line, width)).collect()
}

fn keys() -> Vec<String> {
    let mut lines = vec![format!("{TITLE}Keys{TITLE:#}"), String::new()];
    lines.extend(KEYS.iter().map(|(keys, meaning)| format!("{keys:<17} {meaning}")));
    lines
}

/// Counts first; then whatever says most about what is wrong; the list of trials gets what is left.
fn overview(model: &Model, interface: &Interface, room: Size, now: i64) -> Vec<String> {
    let width = room.columns.saturating_sub(1);
    let mut head = vec![title(model, width)];
    if let Some((read, total)) = model.reading() {
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        head.push(format!("Reading trials: {read}{of}"));
        head.extend(trouble(model, now));
        return head;
    }
    head.extend(sections::counts(model, now, width));
    head.extend(trouble(model, now));

    let gap = usize::from(room.lines >= ROOMY);
    let mut left = room.lines.saturating_sub(head.len()).saturating_sub(LIST_LINES + gap);
    // Each part with the empty line before it. A heading without a line below it says nothing.
    let mut take = |part: Vec<String>| {
        let taken = part.len().min(left.saturating_sub(gap));
        if taken < 2 {
            return Vec::new();
        }
        left -= taken + gap;
        std::iter::repeat_n(String::new(), gap).chain(part.into_iter().take(taken)).collect()
    };
    let agents = take(sections::agents(model, AGENTS.max(room.lines / 4), width));
    let waiting = take(sections::waiting(model, WAITING_KEYS, width));
    let failures =
        if interface.only_failed { Vec::new() } else { take(sections::failures(model, FAILURES, now, width)) };

    let mut lines = [head, agents, waiting].concat();
    lines.resize(lines.len() + gap, String::new());
    let rows = room.lines.saturating_sub(lines.len() + failures.len());
    let mut list = sections::list(model, interface, rows, now, width);
    if !failures.is_empty() {
        // They stand at the bottom, whatever the list leaves free.
        list.resize(rows, String::new());
    }
    lines.extend(list);
    lines.extend(failures);
    lines
}

/// What is watched, and the state of the watch at the right.
fn title(model: &Model, width: usize) -> String {
    let state = match model.judging {
        0 => String::new(),
        1 => "1 task is judged still".to_owned(),
        tasks => format!("{tasks} tasks are judged still"),
    };
    let title = beginning_of(model.title(), width.saturating_sub(measure_text_width(&state) + 1));
    let space = width.saturating_sub(measure_text_width(&title) + measure_text_width(&state));
    format!("{TITLE}{title}{TITLE:#}{}{state}", " ".repeat(space))
}

fn trouble(model: &Model, now: i64) -> Option<String> {
    let trouble = model.trouble.as_ref()?;
    let since = period(now - trouble.since);
    Some(format!("{TROUBLE}No answer for {since}{TROUBLE:#}, trying again: {}", trouble.text))
}

#[cfg(test)]
mod tests;
