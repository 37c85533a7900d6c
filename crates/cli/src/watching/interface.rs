//! What a person at the terminal has chosen to see. Knows no terminal: keys come in, requests come out.

use std::cell::Cell;

use super::model::Model;
use super::trials::Trial;
use crate::plain_text;

/// Lines that a key scrolls by where it scrolls by a page.
const PAGE: usize = 10;

/// A key that means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    /// Only trials that failed, or all again.
    Failed,
    /// The log of the chosen trial.
    Open,
    Back,
    Keys,
    Leave,
    /// Any other.
    Other,
}

/// What a key asks of whoever runs the watch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    Leave,
    /// The end of the log that is open now.
    Log,
}

/// The end of a trial's log.
#[derive(Debug, Default)]
pub(super) struct OpenLog {
    pub(super) trial_id: String,
    /// Safe to print; nothing before the first answer.
    pub(super) lines: Option<Vec<String>>,
    /// Why there is no newer answer.
    pub(super) fault: Option<String>,
    /// Whether the log grows no more.
    pub(super) complete: bool,
    below: Cell<usize>,
}

impl OpenLog {
    /// Lines, as they are drawn, below the last one that is shown; 0 follows the log. Only who draws knows how many lines there are, so that
    /// what was scrolled too far is taken back here.
    pub(super) fn below(&self, most: usize) -> usize {
        self.below.set(self.below.get().min(most));
        self.below.get()
    }
}

/// What is shown.
#[derive(Debug, Default)]
pub(super) struct Interface {
    pub(super) only_failed: bool,
    pub(super) shows_keys: bool,
    pub(super) log: Option<OpenLog>,
    /// The chosen trial, and its place in the list when it was chosen.
    chosen: Option<(Box<str>, usize)>,
}

impl Interface {
    /// Takes a key.
    pub(super) fn press(&mut self, key: Key, model: &Model) -> Wish {
        if key == Key::Leave {
            return Wish::Leave;
        }
        if self.shows_keys {
            self.shows_keys = false;
            return Wish::Nothing;
        }
        if key == Key::Keys {
            self.shows_keys = true;
            return Wish::Nothing;
        }
        if let Some(log) = &mut self.log {
            match key {
                Key::Back => self.log = None,
                Key::Up => log.below.update(|below| below.saturating_add(1)),
                Key::Down => log.below.update(|below| below.saturating_sub(1)),
                Key::PageUp => log.below.update(|below| below.saturating_add(PAGE)),
                Key::PageDown => log.below.update(|below| below.saturating_sub(PAGE)),
                Key::First => log.below.set(usize::MAX),
                Key::Last => log.below.set(0),
                Key::Failed | Key::Open | Key::Keys | Key::Leave | Key::Other => {}
            }
            return Wish::Nothing;
        }
        let listed = model.listed(self.only_failed);
        let place = self.place(&listed);
        match key {
            Key::Up => self.choose(&listed, place.map_or(0, |place| place.saturating_sub(1))),
            Key::Down => self.choose(&listed, place.map_or(0, |place| place + 1)),
            Key::PageUp => self.choose(&listed, place.map_or(0, |place| place.saturating_sub(PAGE))),
            Key::PageDown => self.choose(&listed, place.map_or(0, |place| place.saturating_add(PAGE))),
            Key::First => self.choose(&listed, 0),
            Key::Last => self.choose(&listed, usize::MAX),
            Key::Failed => {
                self.only_failed = !self.only_failed;
                self.chosen = None;
            }
            Key::Back if self.only_failed => {
                self.only_failed = false;
                self.chosen = None;
            }
            Key::Back => self.chosen = None,
            Key::Open => {
                self.choose(&listed, place.unwrap_or(0));
                if let Some((id, _)) = &self.chosen {
                    self.log = Some(OpenLog { trial_id: String::from(&**id), ..OpenLog::default() });
                    return Wish::Log;
                }
            }
            Key::Keys | Key::Leave | Key::Other => {}
        }
        Wish::Nothing
    }

    /// The place of the chosen trial in the list. One that is listed no more leaves the choice at its place.
    pub(super) fn place(&self, listed: &[(&str, &Trial)]) -> Option<usize> {
        let (id, before) = self.chosen.as_ref()?;
        let found = listed.iter().position(|(listed, _)| **listed == **id);
        found.or_else(|| Some((*before).min(listed.len().checked_sub(1)?)))
    }

    /// Takes the end of a trial's log, unless that log is closed by now.
    pub(super) fn show_log(&mut self, trial_id: &str, log: Result<(&str, bool), String>) {
        let Some(open) = self.log.as_mut().filter(|open| open.trial_id == trial_id) else { return };
        match log {
            Ok((text, complete)) => {
                open.lines = Some(text.lines().map(plain_text::indented_line).collect());
                open.complete = complete;
                open.fault = None;
            }
            Err(fault) => open.fault = Some(fault),
        }
    }

    fn choose(&mut self, listed: &[(&str, &Trial)], place: usize) {
        let place = place.min(listed.len().saturating_sub(1));
        self.chosen = listed.get(place).map(|(id, _)| (Box::from(*id), place));
    }
}

#[cfg(test)]
mod tests;
