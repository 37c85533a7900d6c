//! A trial of a hostile task: how it goes, what it leaves where, and what its Harbor takes.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use walkdir::WalkDir;

use super::process_table::{end, parent, processes, resident};
use super::verdict::Verdict;
use crate::http::{self, Request};
use crate::interrupt;
use crate::stack::Stack;

const POLL: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_mins(1);
/// How much of a file is looked at in one piece.
const PIECE: usize = 1 << 20;
/// How much of a message is shown as evidence.
const SHOWN: usize = 160;

/// What the server says of a trial.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct State {
    pub(super) status: String,
    pub(super) reward: Option<f64>,
    pub(super) harbor_stage: Option<String>,
    pub(super) error_type: Option<String>,
    pub(super) error_class: Option<String>,
    pub(super) error_message: Option<String>,
    pub(super) omitted_files: Option<Value>,
}

impl State {
    /// Whether its first attempt has ended.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "success" | "failed" | "retrying")
    }

    /// In a few words.
    pub(super) fn told(&self) -> String {
        let reward = self.reward.map(|reward| format!(", reward {reward}"));
        let kind = self.error_type.as_deref().zip(self.error_class.as_deref());
        let kind = kind.map(|(kind, class)| format!(", {kind} of class {class}"));
        let message = self.error_message.as_deref().and_then(|message| message.lines().next());
        let message = message.map(|line| format!(": {}", line.chars().take(SHOWN).collect::<String>()));
        [Some(self.status.clone()), reward, kind, message].into_iter().flatten().collect()
    }
}

/// The first trial of a submission.
pub(super) struct Trial {
    pub(super) id: String,
    pub(super) task_id: String,
    port: u16,
    mark: String,
    storage: PathBuf,
    /// The folder that each attempt's own begins with.
    scratch: PathBuf,
}

impl Trial {
    pub(super) fn new(stack: &Stack, folder: &Path, task_id: &str, mark: &str) -> Self {
        let id = format!("{task_id}-0");
        Self {
            storage: stack.storage().join("tasks").join(task_id).join("trials").join(&id),
            scratch: folder.join("harbor-jobs").join(format!("{id}.1")),
            task_id: task_id.to_owned(),
            port: stack.port(),
            mark: mark.to_owned(),
            id,
        }
    }

    pub(super) fn state(&self) -> Result<State> {
        let answer = http::get(self.port, &format!("/trials/{}", self.id))?;
        serde_json::from_str(&answer).context("GET /trials/{id} answered something else than a trial")
    }

    /// Its state at the end of the first attempt, or after `patience`.
    pub(super) fn ended(&self, patience: Duration) -> Result<State> {
        self.reached(patience, State::is_over)
    }

    /// Its state once `there` says so, or after `patience`.
    pub(super) fn reached(&self, patience: Duration, there: impl Fn(&State) -> bool) -> Result<State> {
        let deadline = Instant::now() + patience;
        loop {
            interrupt::check()?;
            let state = self.state()?;
            if there(&state) || Instant::now() > deadline {
                return Ok(state);
            }
            std::thread::sleep(POLL);
        }
    }

    pub(super) fn cancel(&self) -> Result<()> {
        http::post(self.port, &format!("/trials/{}/cancel", self.id), "{}").map(drop)
    }

    /// Cancels it, and tells how long it then takes to end; none when that is longer than `patience`.
    pub(super) fn time_to_cancel(&self, patience: Duration) -> Result<Option<Duration>> {
        let begun = Instant::now();
        self.cancel()?;
        let state = self.ended(patience)?;
        Ok(state.is_over().then(|| begun.elapsed()))
    }

    /// The Compose project of its first attempt's sandbox.
    pub(super) fn project(&self) -> String {
        format!("{}-a1__env", self.id)
    }

    /// The folder that the store keeps its files in.
    pub(super) fn stored(&self) -> &Path {
        &self.storage
    }

    /// The folder that its first attempt works in.
    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Its Harbor, once it runs.
    pub(super) fn harbor(&self) -> Option<u32> {
        processes(&self.scratch.to_string_lossy(), "python").first().copied()
    }

    /// The runner that started its Harbor.
    pub(super) fn runner(&self) -> Option<u32> {
        let is_runner = |process: u32| {
            let name = std::fs::read_to_string(format!("/proc/{process}/comm"));
            name.is_ok_and(|name| name.trim() == "oddish-runner")
        };
        let mut process = self.harbor()?;
        while process > 1 {
            process = parent(process)?;
            if is_runner(process) {
                return Some(process);
            }
        }
        None
    }

    /// Where a text is to be read that must be nowhere: in what is stored of the trial, or in what the server answers about it.
    pub(super) fn leak(&self, text: &str) -> Result<Option<String>> {
        for path in ["", "/result", "/logs"] {
            let path = format!("/trials/{}{path}", self.id);
            let request = Request { method: "GET", path: &path, headers: &[], body: b"" };
            if http::send(self.port, &request, PATIENCE)?.text().contains(text) {
                return Ok(Some(format!("GET {path}")));
            }
        }
        for entry in WalkDir::new(&self.storage).into_iter().filter_map(Result::ok) {
            if entry.file_type().is_file() && holds(entry.path(), text.as_bytes())? {
                let path = entry.path().strip_prefix(&self.storage).unwrap_or(entry.path());
                return Ok(Some(format!("the stored {}", path.display())));
            }
        }
        Ok(None)
    }

    /// What came of the attack, given what shows that it succeeded, if anything does. Without that it counts as held only where its script
    /// is known to have run.
    pub(super) fn verdict(&self, succeeded: Option<String>, state: &State) -> Result<Verdict> {
        if let Some(evidence) = succeeded {
            return Ok(Verdict::Succeeded(evidence));
        }
        if self.leak(&self.mark)?.is_none() {
            bail!("nothing shows that the hostile script ran; the trial's end: {}", state.told());
        }
        Ok(Verdict::Held(state.told()))
    }

    /// Follows the memory of its Harbor until the attempt has ended, or `patience` is over. A Harbor that takes more than `most` bytes is
    /// killed, before it takes the machine's.
    pub(super) fn memory(&self, most: u64, patience: Duration) -> Result<(u64, State)> {
        let deadline = Instant::now() + patience;
        let mut peak = 0;
        let mut looked = Instant::now();
        let mut state = self.state()?;
        let mut harbor = Vec::new();
        while !state.is_over() && Instant::now() < deadline {
            interrupt::check()?;
            if looked.elapsed() > Duration::from_millis(500) {
                state = self.state()?;
                harbor = processes(&self.scratch.to_string_lossy(), "python");
                looked = Instant::now();
            }
            for process in &harbor {
                let taken = resident(*process).unwrap_or(0);
                peak = peak.max(taken);
                if taken > most {
                    end(*process);
                    return Ok((peak, self.state()?));
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok((peak, state))
    }
}

/// Whether a file has these bytes in it.
pub(super) fn holds(file: &Path, bytes: &[u8]) -> Result<bool> {
    let mut reader = File::open(file).with_context(|| format!("can't open {}", file.display()))?;
    let mut piece = Vec::with_capacity(PIECE + bytes.len());
    loop {
        let read = reader.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
        if piece.windows(bytes.len()).any(|window| window == bytes) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // What stands across the border of two pieces is found in the next.
        piece.drain(..piece.len().saturating_sub(bytes.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_on_both_sides_of_a_border_between_pieces_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        for start in [0, PIECE - 6, PIECE - 3, PIECE, 2 * PIECE - 1] {
            let mut content = vec![b'.'; 2 * PIECE + 100];
            content[start..start + 6].copy_from_slice(b"secret");
            std::fs::write(&file, content).unwrap();
            assert!(holds(&file, b"secret").unwrap(), "at {start}");
            assert!(!holds(&file, b"secrets").unwrap(), "at {start}");
        }
    }
}
