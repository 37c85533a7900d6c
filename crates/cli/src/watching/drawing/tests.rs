use console::{measure_text_width, strip_ansi_codes};
use serde_json::{Value, json};
use snapbox::{assert_data_eq, file};

use super::{Size, frame};
use crate::watching::interface::{Interface, Key};
use crate::watching::model::{Model, Page, Reason, Total, Trouble};
use crate::watching::subject::Subject;

/// 12:00 on the day of these tests.
const NOON: i64 = 1_792_497_600;
const SIZES: [Size; 3] =
    [Size { columns: 80, lines: 24 }, Size { columns: 120, lines: 40 }, Size { columns: 40, lines: 10 }];

/// Trials of two agents: many have ended, 12 run, some wait for two queue keys, some failed.
fn busy() -> Model {
    let mut trials: Vec<Value> = Vec::new();
    for index in 0..300 {
        let claude = index % 2 == 0;
        let (agent, model) = if claude {
            ("claude-code", Some("anthropic/claude-sonnet-4-5"))
        } else {
            ("codex\u{1b}[31m\u{1b}]0;owned\u{7}", Some("openai/gpt-5.2"))
        };
        let at = |minute: usize| format!("2026-10-20T11:{:02}:{:02}Z", minute % 60, index % 60);
        let state = match index {
            0..200 if index % 25 == 3 => {
                json!({ "status": "failed", "started_at": at(10), "finished_at": at(40 + index / 20),
                "error_class": "infrastructure", "error_message": "RuntimeError: docker build failed:\u{1b}[2J no space left on device" })
            }
            0..200 => json!({ "status": "success", "reward": if index % 3 == 0 { 0.0 } else { 1.0 }, "cost_usd": 0.25,
                "started_at": at(10), "finished_at": at(40 + index / 11) }),
            200..212 => {
                json!({ "status": "running", "harbor_stage": if index % 3 == 0 { "verification" } else { "agent_running" },
                "started_at": at(index - 160) })
            }
            212..220 => json!({ "status": "retrying" }),
            _ => json!({ "status": "queued" }),
        };
        let mut trial = json!({
            "id": format!("fix-the-build-of-a-repository-1a2b3c4d-{index}"), "task_id": "t", "experiment_id": "9f8e7d6c",
            "agent": agent, "model": model, "queue_key": model
        });
        for (key, value) in state.as_object().unwrap() {
            trial[key] = value.clone();
        }
        trials.push(trial);
    }
    let trials: Vec<_> = trials.into_iter().map(|trial| serde_json::from_value(trial).unwrap()).collect();
    let mut model = Model::new(Subject::Experiment("9f8e7d6c".into()));
    model.name("swift-otter-x1y2");
    model.apply(&Page { total: Total::Counted(trials.len()), trials, from_the_start: true, complete: true });
    let reason = |queue_key: &str, text: &str| Reason { queue_key: queue_key.into(), text: text.into() };
    model.reasons = vec![
        reason(
            "openai/gpt-5.2",
            "openai/gpt-5.2 has been paused since 11:40 because the provider refused the account.",
        ),
        reason("anthropic/claude-sonnet-4-5", "6 of at most 6 run"),
    ];
    model
}

/// The frame as text, after checking that it fits and steers no terminal.
fn text(model: &Model, interface: &Interface, size: Size) -> String {
    let lines = frame(model, interface, size, NOON);
    assert!(lines.len() <= size.lines, "{lines:#?}");
    let plain: Vec<String> = lines
        .iter()
        .map(|line| {
            assert!(measure_text_width(line) < size.columns, "{line:?}");
            assert!(!line.replace("\u{1b}[", "").contains(char::is_control), "{line:?}");
            strip_ansi_codes(line).trim_end().to_owned()
        })
        .collect();
    let text = plain.join("\n") + "\n";
    assert!(!text.contains("owned"), "{text}");
    text
}

#[test]
fn an_overview_fits_every_terminal() {
    let snapshots = [file!["snapshots/80x24.txt"], file!["snapshots/120x40.txt"], file!["snapshots/40x10.txt"]];
    for (size, snapshot) in SIZES.into_iter().zip(snapshots) {
        assert_data_eq!(text(&busy(), &Interface::default(), size), snapshot.raw());
    }
}

#[test]
fn no_size_is_too_small() {
    let (mut model, mut interface) = (busy(), Interface::default());
    model.trouble = Some(Trouble { text: "cannot reach the server".into(), since: NOON - 90 });
    interface.press(Key::Last, &model);
    for columns in 1..100 {
        for lines in 1..40 {
            let lines_of_frame = frame(&model, &interface, Size { columns, lines }, NOON);
            assert!(lines_of_frame.len() <= lines, "{columns}x{lines}");
            assert!(lines_of_frame.iter().all(|line| measure_text_width(line) <= columns), "{columns}x{lines}");
        }
    }
}

#[test]
fn failed_trials_have_their_class_and_message() {
    let (model, mut interface) = (busy(), Interface::default());
    interface.press(Key::Failed, &model);
    interface.press(Key::Down, &model);
    assert_data_eq!(text(&model, &interface, SIZES[0]), file!["snapshots/failed.txt"].raw());
}

#[test]
fn the_chosen_trial_is_always_shown() {
    let (model, mut interface) = (busy(), Interface::default());
    for key in [Key::Down, Key::PageDown, Key::PageDown, Key::Last, Key::PageUp, Key::First] {
        interface.press(key, &model);
        for size in SIZES {
            let text = text(&model, &interface, size);
            assert_eq!(text.lines().filter(|line| line.starts_with("> ")).count(), 1, "{key:?}: {text}");
        }
    }
}

#[test]
fn a_server_that_is_away_is_told_and_what_is_known_stays() {
    let mut model = busy();
    model.trouble = Some(Trouble { text: "cannot reach the server at http://x: refused".into(), since: NOON - 90 });
    for size in SIZES {
        let text = text(&model, &Interface::default(), size);
        assert!(text.contains("No answer for 1 min, trying again: can"), "{text}");
        assert!(text.contains("200/300 ended"), "{text}");
    }
}

#[test]
fn a_first_reading_says_how_far_it_is() {
    let mut model = Model::new(Subject::Experiment("9f8e7d6c".into()));
    model.apply(&Page { trials: Vec::new(), from_the_start: true, complete: false, total: Total::Counted(10_000) });
    let text = text(&model, &Interface::default(), SIZES[0]);
    assert!(text.starts_with("9f8e7d6c\nReading trials: 0 of 10000\n"), "{text}");
}

#[test]
fn keys_are_explained() {
    let (model, mut interface) = (busy(), Interface::default());
    interface.press(Key::Keys, &model);
    assert_data_eq!(text(&model, &interface, SIZES[0]), file!["snapshots/keys.txt"].raw());
    assert!(text(&model, &interface, SIZES[2]).contains("q, Ctrl-C"));
}

#[test]
fn a_log_is_shown_from_its_end() {
    let (model, mut interface) = (busy(), Interface::default());
    interface.press(Key::Open, &model);
    assert!(text(&model, &interface, SIZES[2]).contains("Asking for the log"));
    let log: Vec<_> = (0..100).map(|number| format!("\tline {number} {}\u{1b}[2J", "x".repeat(number))).collect();
    let id = interface.log.as_ref().unwrap().trial_id.clone();
    interface.show_log(&id, Ok((&log.join("\n"), false)));
    assert_data_eq!(text(&model, &interface, SIZES[2]), file!["snapshots/log.txt"].raw());
    interface.press(Key::First, &model);
    assert!(text(&model, &interface, SIZES[0]).contains("\n    line 0\n    line 1 x\n"));
    interface.show_log(&id, Err("no answer".into()));
    assert!(text(&model, &interface, SIZES[0]).contains("No answer, trying again: no answer\n"));
}
