//! A terminal for a program under test: a pseudo-terminal, and what a person would see on it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;

use crate::stack::eventually;

/// A program on a terminal of its own. Dropping it ends the program.
pub(crate) struct Terminal {
    keyboard: File,
    /// Kept open: its settings are looked at after the program's end.
    line: OwnedFd,
    settings: Termios,
    program: Child,
    seen: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    /// Starts a program with these arguments on a terminal of so many lines and columns, which is its session's.
    pub(crate) fn run(
        program: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
        lines: u16,
        columns: u16,
    ) -> Self {
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None).unwrap();
        let line = || Stdio::from(pair.slave.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program).args(arguments).env_remove("ODDISH_API_KEY").envs(variables.iter().copied());
        command.stdin(line()).stdout(line()).stderr(line()).env("TERM", "xterm-256color");
        let settings = tcgetattr(&pair.slave).unwrap();
        let program = command.spawn().unwrap();
        let seen = Arc::new(Mutex::new(vt100::Parser::new(lines, columns, 0)));
        let mut written = File::from(pair.master.try_clone().unwrap());
        let parser = Arc::clone(&seen);
        // Ends with the terminal.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = written.read(&mut bytes) {
                parser.lock().unwrap().process(&bytes[..length]);
            }
        });
        Self { keyboard: File::from(pair.master), line: pair.slave, settings, program, seen }
    }

    /// What is on the screen.
    pub(crate) fn text(&self) -> String {
        self.seen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows this.
    pub(crate) async fn shows(&self, wanted: &str) {
        self.until(wanted, |text| text.contains(wanted)).await;
    }

    /// Waits until the screen shows this no more.
    pub(crate) async fn hides(&self, unwanted: &str) {
        self.until(unwanted, |text| !text.contains(unwanted)).await;
    }

    /// Waits until the screen shows this, on one line or on several.
    pub(crate) async fn shows_line(&self, wanted: &str) {
        self.until(wanted, |text| text.replace('\n', "").contains(wanted)).await;
    }

    /// Waits until the last line of the screen begins like this.
    pub(crate) async fn until_last_line_is(&self, wanted: &str) {
        self.until(wanted, |text| text.lines().last().is_some_and(|line| line.starts_with(wanted))).await;
    }

    async fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        eventually(&format!("the screen: {what}"), async || holds(&self.text()).then_some(())).await;
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Changes the size, as a window does.
    pub(crate) fn resize(&self, lines: u16, columns: u16) {
        self.seen.lock().unwrap().screen_mut().set_size(lines, columns);
        let mut stty = Command::new("stty");
        stty.args(["rows", &lines.to_string(), "columns", &columns.to_string()]).stdin(self.line.try_clone().unwrap());
        assert!(stty.status().unwrap().success());
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.program.id().cast_signed()), signal).unwrap();
    }

    /// Waits for the program's end: its exit code. The terminal must be as it was before.
    pub(crate) async fn ends(&mut self) -> i32 {
        let status = eventually("the program to end", async || self.program.try_wait().unwrap()).await;
        eventually("the terminal to be given back", async || {
            let parser = self.seen.lock().unwrap();
            (!parser.screen().alternate_screen() && !parser.screen().hide_cursor()).then_some(())
        })
        .await;
        assert_eq!(tcgetattr(&self.line).unwrap(), self.settings, "its settings are those of before");
        status.code().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        if std::thread::panicking() {
            anstream::eprintln!("--- the screen ---\n{}", self.text());
        }
    }
}
