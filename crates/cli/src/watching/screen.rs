//! The terminal: taken over while a watch is shown, given back however the watch ends.

use std::io::{self, Write as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use console::Term;
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::{cursor, execute, queue, terminal};
use nix::unistd::{getpgrp, tcgetpgrp};
use tokio::sync::mpsc;

use super::drawing::Size;
use super::interface::Key;
use crate::printer::Printer;

/// How soon the thread that reads keys notices that the watch has ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Whether the terminal is taken over now.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What a person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Key(Key),
    Resized,
}

/// A terminal that is taken over until this is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: Term,
    coloured: bool,
    size: Size,
    drawn: Vec<String>,
    inputs: mpsc::UnboundedReceiver<Input>,
}

impl Screen {
    /// Takes the terminal over. Nothing where there is none, where another job has it, or where only results are wanted.
    pub(super) fn take(printer: &Printer) -> Option<Self> {
        let terminal = Term::stderr();
        let dumb = std::env::var("TERM").is_ok_and(|name| name == "dumb");
        if !terminal.is_term() || dumb || printer.is_quiet() || !is_in_front() {
            return None;
        }
        restore_on_panic();
        terminal::enable_raw_mode().ok()?;
        TAKEN.store(true, Ordering::Release);
        if execute!(io::stderr(), terminal::EnterAlternateScreen, cursor::Hide).is_err() {
            restore();
            return None;
        }
        let coloured = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        let size = size_of(&terminal);
        Some(Self { terminal, coloured, size, drawn: Vec::new(), inputs: read_inputs() })
    }

    /// What the person does next. Pending for ever where keys cannot be read.
    pub(super) async fn input(&mut self) -> Input {
        match self.inputs.recv().await {
            Some(input) => input,
            None => std::future::pending().await,
        }
    }

    /// Columns and lines, as they are now.
    pub(super) fn size(&self) -> Size {
        size_of(&self.terminal)
    }

    /// Shows a frame of a size. Only lines that are different are written, so that nothing flickers.
    pub(super) fn draw(&mut self, frame: Vec<String>, size: Size) -> io::Result<()> {
        let mut stderr = io::stderr().lock();
        let mut bytes = Vec::new();
        if size != self.size {
            self.drawn.clear();
            self.size = size;
        }
        if self.drawn.is_empty() {
            queue!(bytes, terminal::Clear(terminal::ClearType::All))?;
        }
        for (number, line) in frame.iter().enumerate() {
            if self.drawn.get(number) == Some(line) {
                continue;
            }
            queue!(bytes, cursor::MoveTo(0, u16::try_from(number).unwrap_or(u16::MAX)))?;
            let line = if self.coloured { line.clone() } else { console::strip_ansi_codes(line).into_owned() };
            bytes.extend_from_slice(line.as_bytes());
            queue!(bytes, terminal::Clear(terminal::ClearType::UntilNewLine))?;
        }
        self.drawn = frame;
        stderr.write_all(&bytes)?;
        stderr.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn size_of(terminal: &Term) -> Size {
    let (lines, columns) = terminal.size();
    Size { columns: usize::from(columns), lines: usize::from(lines) }
}

/// Whether this process may take the terminal: one that a shell runs in the background would be stopped for it.
fn is_in_front() -> bool {
    // A terminal that controls no session of ours knows no jobs.
    tcgetpgrp(io::stderr()).map_or(true, |in_front| in_front == getpgrp())
}

/// Gives the terminal back, once.
fn restore() {
    if TAKEN.swap(false, Ordering::AcqRel) {
        let _ = execute!(io::stderr(), terminal::LeaveAlternateScreen, cursor::Show);
        let _ = terminal::disable_raw_mode();
    }
}

/// The report of a panic would go with the screen that it is written on.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
    });
}

/// Reads keys in a thread of its own, which ends after the receiver. Where there is nothing to read from, there are no keys.
fn read_inputs() -> mpsc::UnboundedReceiver<Input> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while !sender.is_closed() {
            let input = match event::poll(LOOK_EVERY) {
                Ok(false) => continue,
                Ok(true) => event::read(),
                Err(error) => Err(error),
            };
            let input = match input {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Input::Key(meaning(key)),
                Ok(Event::Resize(..)) => Input::Resized,
                Ok(_) => continue,
                Err(_) => return,
            };
            if sender.send(input).is_err() {
                return;
            }
        }
    });
    receiver
}

fn meaning(key: KeyEvent) -> Key {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return if matches!(key.code, KeyCode::Char('c')) { Key::Leave } else { Key::Other };
    }
    match key.code {
        KeyCode::Up | KeyCode::Char('k') => Key::Up,
        KeyCode::Down | KeyCode::Char('j') => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown | KeyCode::Char(' ') => Key::PageDown,
        KeyCode::Home | KeyCode::Char('g') => Key::First,
        KeyCode::End | KeyCode::Char('G') => Key::Last,
        KeyCode::Char('f') => Key::Failed,
        KeyCode::Enter => Key::Open,
        KeyCode::Esc | KeyCode::Backspace => Key::Back,
        KeyCode::Char('?') => Key::Keys,
        KeyCode::Char('q') => Key::Leave,
        _ => Key::Other,
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::meaning;
    use crate::watching::interface::Key;

    #[test]
    fn keys_mean_what_the_help_says() {
        let plain = |code| meaning(KeyEvent::new(code, KeyModifiers::NONE));
        let letters = [('k', Key::Up), ('j', Key::Down), ('g', Key::First), ('f', Key::Failed), ('?', Key::Keys)];
        for (letter, expected) in letters.into_iter().chain([('q', Key::Leave), ('x', Key::Other), ('c', Key::Other)]) {
            assert_eq!(plain(KeyCode::Char(letter)), expected, "{letter}");
        }
        assert_eq!(meaning(KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT)), Key::Last);
        let control = |letter| meaning(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL));
        assert_eq!((control('c'), control('q')), (Key::Leave, Key::Other));
        assert_eq!((plain(KeyCode::Esc), plain(KeyCode::Enter)), (Key::Back, Key::Open));
    }
}
