use serde_json::{Value, json};

use super::Report;
use crate::client::WatchedTrial;
use crate::watching::model::{Model, Page, Total, Trouble};
use crate::watching::subject::Subject;

const NOW: i64 = 1_792_490_400;

fn trial(index: usize, changes: &Value) -> WatchedTrial {
    let mut trial = json!({
        "id": format!("a-{index}"), "task_id": "a", "experiment_id": "e", "agent": "codex", "model": null, "queue_key": "k",
        "status": "queued", "started_at": null, "finished_at": null
    });
    for (key, change) in changes.as_object().unwrap() {
        trial[key] = change.clone();
    }
    serde_json::from_value(trial).unwrap()
}

fn model(trials: usize, changes: impl Fn(usize) -> Value) -> Model {
    let trials: Vec<_> = (0..trials).map(|index| trial(index, &changes(index))).collect();
    let mut model = Model::new(Subject::Experiment("e".into()));
    model.apply(&Page { total: Total::Counted(trials.len()), trials, from_the_start: true, complete: true });
    model
}

fn change(model: &mut Model, index: usize, changes: &Value) {
    let total = Total::Counted(model.trials().len());
    model.apply(&Page { trials: vec![trial(index, changes)], from_the_start: false, complete: true, total });
}

fn failed(message: &str) -> Value {
    json!({ "status": "failed", "error_class": "task", "error_message": message, "finished_at": "2026-10-20T10:00:00Z" })
}

#[test]
fn of_a_few_trials_each_change_has_a_line() {
    let (mut model, mut report) = (model(2, |_| json!({})), Report::default());
    assert_eq!(report.lines(&model, NOW), ["a-0: queued", "a-1: queued"]);
    assert_eq!(report.lines(&model, NOW), Vec::<String>::new());
    change(&mut model, 0, &json!({ "status": "running", "harbor_stage": "agent\u{1b}[2J_running" }));
    change(&mut model, 1, &failed("no\u{7} Dockerfile"));
    assert_eq!(report.lines(&model, NOW), ["a-0: agent_running", "a-1: failed, task: no Dockerfile"]);
    change(&mut model, 0, &json!({ "status": "success", "reward": 0.25 }));
    assert_eq!(report.lines(&model, NOW), ["a-0: success, reward 0.25"]);
}

#[test]
fn of_many_trials_a_line_now_and_then_says_where_they_stand() {
    let (mut model, mut report) = (model(10_000, |_| json!({})), Report::default());
    assert_eq!(report.lines(&model, NOW), ["0/10000 trials ended, 10000 waiting"]);
    change(&mut model, 0, &json!({ "status": "running", "started_at": "2026-10-20T10:00:00Z" }));
    assert_eq!(report.lines(&model, NOW + 29), Vec::<String>::new(), "not yet");
    assert_eq!(report.lines(&model, NOW + 30), ["0/10000 trials ended, 1 running, 9999 waiting"]);
    assert_eq!(report.lines(&model, NOW + 90), Vec::<String>::new(), "nothing is different");
    for index in 0..8 {
        change(&mut model, index, &failed("no Dockerfile"));
    }
    let lines = report.lines(&model, NOW + 90);
    assert_eq!(lines.len(), 7, "{lines:?}");
    assert_eq!(lines[0], "a-0: failed, task: no Dockerfile");
    assert_eq!(lines[5..], ["... and 3 more failed", "8/10000 trials ended, 8 failed, 9992 waiting"]);
    change(&mut model, 8, &failed("no Dockerfile"));
    assert_eq!(report.lines(&model, NOW + 120).len(), 2, "each failure is told once");
}

#[test]
fn the_end_is_told_at_once() {
    let (mut model, mut report) = (model(50, |_| json!({ "status": "success", "reward": 1.0 })), Report::default());
    change(&mut model, 3, &json!({ "status": "running" }));
    report.lines(&model, NOW);
    change(&mut model, 3, &json!({ "status": "success", "reward": 1.0 }));
    assert_eq!(report.lines(&model, NOW + 1), ["50/50 trials ended"]);
}

#[test]
fn a_server_that_answers_again_is_told_once() {
    let (mut model, mut report) = (model(1, |_| json!({})), Report::default());
    report.lines(&model, NOW);
    model.trouble = Some(Trouble { text: "gone".into(), since: NOW });
    assert_eq!(report.lines(&model, NOW), Vec::<String>::new());
    model.trouble = None;
    assert_eq!(report.lines(&model, NOW), ["The server answers again."]);
    assert_eq!(report.lines(&model, NOW), Vec::<String>::new());
}
