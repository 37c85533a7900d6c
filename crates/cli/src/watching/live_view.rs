//! What a watcher sees, on stderr: a table redrawn in place on a terminal, else one line for each change.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use console::Term;
use oddish_api_types::{TaskStatusResponse, TrialResponse};

use crate::plain_text;
use crate::printer::Printer;
use crate::view::{task, trial};

/// Lines kept free of rows: headers, summaries, and the prompt.
const FRAME_LINES: usize = 8;

pub(crate) enum LiveView<'a> {
    /// Redrawn in place; `drawn` lines stand there now.
    Screen { terminal: Term, drawn: usize, tasks: String },
    /// One line for each change; `known` is what was said last of each trial or task.
    Lines { printer: &'a Printer, known: BTreeMap<String, String> },
}

impl<'a> LiveView<'a> {
    pub(crate) fn new(printer: &'a Printer) -> Self {
        let terminal = Term::stderr();
        let dumb = std::env::var("TERM").is_ok_and(|name| name == "dumb");
        if terminal.is_term() && !dumb && !printer.is_quiet() {
            Self::Screen { terminal, drawn: 0, tasks: String::new() }
        } else {
            Self::Lines { printer, known: BTreeMap::new() }
        }
    }

    /// Shows where things stand: the trials, if there is one task only; else the tasks.
    pub(crate) fn show(&mut self, tasks: &[TaskStatusResponse]) {
        match self {
            Self::Screen { terminal, tasks: text, .. } => {
                let (height, width) = terminal.size();
                let rows = usize::from(height).saturating_sub(FRAME_LINES).max(1);
                *text = match tasks {
                    [task] if task.trials.is_some() => {
                        let trials = task.trials.as_deref().unwrap_or_default();
                        format!("{}\n\n{}", plain_text::line(&task.id), trial::live_trials(trials, Some(width), rows))
                    }
                    _ => task::experiment(tasks, Some(width), rows),
                };
                let text = text.clone();
                self.draw(&text);
            }
            Self::Lines { printer, known } => {
                for (id, state) in states(tasks) {
                    if known.get(&id) != Some(&state) {
                        printer.note(&format!("{id}: {state}"));
                        known.insert(id, state);
                    }
                }
            }
        }
    }

    /// Shows that there was no answer, and that another try follows.
    pub(crate) fn trouble(&mut self, text: &str) {
        match self {
            Self::Screen { tasks, .. } => {
                let separator = if tasks.is_empty() { "" } else { "\n\n" };
                let text = format!("{tasks}{separator}{text}; trying again");
                self.draw(&text);
            }
            Self::Lines { printer, .. } => printer.warning(&format!("{text}; trying again")),
        }
    }

    /// Takes the table away, so that what follows stands alone.
    pub(crate) fn clear(&mut self) {
        if let Self::Screen { terminal, drawn, .. } = self {
            let _ = terminal.clear_last_lines(*drawn);
            *drawn = 0;
        }
    }

    fn draw(&mut self, text: &str) {
        let Self::Screen { terminal, drawn, .. } = self else { return };
        let width = usize::from(terminal.size().1);
        let coloured = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
        let mut frame = String::new();
        if *drawn > 0 {
            let _ = write!(frame, "\x1b[{drawn}A\r");
        }
        *drawn = 0;
        for line in text.lines() {
            let line = if coloured { line.to_owned() } else { console::strip_ansi_codes(line).into_owned() };
            // A line that wraps would count as one and be two. Each old line is erased only as it is written over, so
            // that nothing flickers.
            let _ = writeln!(frame, "{}\x1b[K", console::truncate_str(&line, width, ""));
            *drawn += 1;
        }
        frame.push_str("\x1b[J");
        let _ = terminal.write_str(&frame);
        let _ = terminal.flush();
    }
}

/// What there is to say of each trial, if there is one task only and its trials are known; else of each task.
fn states(tasks: &[TaskStatusResponse]) -> Vec<(String, String)> {
    if let [TaskStatusResponse { trials: Some(trials), .. }] = tasks {
        let state = |trial: &TrialResponse| {
            let reward = trial.reward.map(|reward| format!(", reward {}", trial::reward(Some(reward))));
            format!("{}{}", plain_text::line(trial::activity(trial)), reward.unwrap_or_default())
        };
        return trials.iter().map(|trial| (plain_text::line(&trial.id), state(trial))).collect();
    }
    let state = |task: &TaskStatusResponse| {
        format!("{}, {}/{} trials ended", task.status, task.completed + task.failed, task.total)
    };
    tasks.iter().map(|task| (plain_text::line(&task.id), state(task))).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use console::{Term, measure_text_width};
    use oddish_api_types::TaskStatusResponse;
    use serde_json::json;

    use super::LiveView;

    fn task(trials: usize) -> TaskStatusResponse {
        let time = "2026-10-20T10:00:00Z";
        let trials: Vec<_> = (0..trials)
            .map(|index| {
                let running = index == trials - 1;
                json!({
                    "id": format!("t-{index}"), "name": "t", "task_id": "t", "task_path": "t", "agent": "任务🦀".repeat(index),
                    "provider": "default", "queue_key": "default", "model": "m\u{1b}[2J".repeat(40),
                    "status": if running { "running" } else { "success" }, "harbor_stage": "verification",
                    "attempts": 1, "max_attempts": 6, "reward": 0.5, "has_trajectory": false, "created_at": time,
                    "started_at": null, "finished_at": null
                })
            })
            .collect();
        let task = json!({
            "id": "t", "name": "t", "status": "running", "priority": "low", "user": "u", "task_path": "t",
            "experiment_id": "e", "experiment_name": "e", "total": 1, "completed": 0, "failed": 0, "progress": "",
            "run_analysis": false, "trials": trials, "created_at": time, "started_at": null, "finished_at": null
        });
        serde_json::from_value(task).unwrap()
    }

    #[test]
    fn a_frame_fits_the_terminal_and_covers_the_one_before() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // What is no terminal counts as one of 24 lines and 80 columns.
        let terminal = Term::read_write_pair(file.reopen().unwrap(), file.reopen().unwrap());
        let mut view = LiveView::Screen { terminal, drawn: 0, tasks: String::new() };
        view.show(&[task(40)]);
        view.trouble("no answer");
        let mut text = String::new();
        file.reopen().unwrap().read_to_string(&mut text).unwrap();

        let frames: Vec<&str> = text.split_inclusive("\u{1b}[J").collect();
        let [first, second] = frames[..] else { panic!("two frames: {text:?}") };
        let lines = first.matches('\n').count();
        assert!(lines < 24, "{first}");
        assert!(first.lines().all(|line| measure_text_width(line) <= 80), "{first}");
        assert!(first.contains("verification"), "the trial that runs is shown: {first}");
        assert!(first.contains("... and 24 more"), "{first}");
        assert!(!first.contains("\u{1b}[2J"), "{first:?}");
        assert!(second.starts_with(&format!("\u{1b}[{lines}A\r")), "{second:?}");
        assert!(second.contains("no answer; trying again") && second.contains("verification"), "{second}");
    }
}
