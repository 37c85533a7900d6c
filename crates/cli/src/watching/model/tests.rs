use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Model, Page, Total};
use crate::client::WatchedTrial;
use crate::watching::scope::RunTrials;
use crate::watching::subject::Subject;

/// 10:00 on the day of these tests, in seconds since 1970.
const TEN: i64 = 1_792_490_400;

fn trial(id: &str, changes: Value) -> WatchedTrial {
    let (task_id, _) = id.rsplit_once('-').unwrap();
    let mut trial = json!({
        "id": id, "task_id": task_id, "experiment_id": "9f8e7d6c", "agent": "codex", "model": "m", "queue_key": "openai/m",
        "status": "queued", "harbor_stage": null, "reward": null, "error_message": null, "error_class": null, "cost_usd": null,
        "started_at": null, "finished_at": null
    });
    overlay(&mut trial, changes);
    serde_json::from_value(trial).unwrap()
}

fn overlay(value: &mut Value, changes: Value) {
    let Value::Object(changes) = changes else { panic!("{changes}") };
    for (key, change) in changes {
        value[key] = change;
    }
}

/// One that ran from a minute of the hour after ten to another one.
fn ended(id: &str, from: u32, to: u32, changes: Value) -> WatchedTrial {
    let at = |minute: u32| format!("2026-10-20T10:{minute:02}:00Z");
    let mut all = json!({ "status": "success", "reward": 1.0, "started_at": at(from), "finished_at": at(to) });
    overlay(&mut all, changes);
    trial(id, all)
}

fn page(trials: Vec<WatchedTrial>, from_the_start: bool, total: usize) -> Page {
    Page { trials, from_the_start, complete: true, total: Total::Counted(total) }
}

fn model(trials: Vec<WatchedTrial>) -> Model {
    let mut model = Model::new(Subject::Experiment("9f8e7d6c".into()));
    let total = trials.len();
    model.apply(&page(trials, true, total));
    model
}

fn ids(model: &Model, only_failed: bool) -> Vec<&str> {
    model.listed(only_failed).into_iter().map(|(id, _)| id).collect()
}

#[test]
fn changes_are_laid_over_what_is_known() {
    let mut model = model(vec![trial("a-0", json!({})), trial("a-1", json!({}))]);
    assert!(model.apply(&page(vec![trial("a-1", json!({ "status": "running" }))], false, 2)));
    assert!(!model.apply(&page(vec![trial("a-1", json!({ "status": "running" }))], false, 2)), "the same again");
    let tally = model.tally();
    assert_eq!((tally.waiting, tally.running, tally.total()), (1, 1, 2));
}

#[test]
fn a_first_reading_is_shown_once_it_is_complete() {
    let mut model = Model::new(Subject::Experiment("9f8e7d6c".into()));
    model.apply(&Page { complete: false, ..page(vec![trial("a-0", json!({}))], true, 2) });
    assert_eq!((model.reading(), model.trials().len()), (Some((1, Some(2))), 0));
    assert!(!model.is_empty() && !model.trials_ended());
    model.apply(&page(vec![trial("a-1", json!({}))], false, 2));
    assert_eq!((model.reading(), model.trials().len()), (None, 2));
}

#[test]
fn trials_that_were_deleted_are_noticed_and_go_with_the_next_reading() {
    let mut model = model(vec![trial("a-0", json!({})), trial("a-1", json!({}))]);
    assert!(!model.is_out_of_date());
    model.apply(&page(vec![], false, 1));
    assert!(model.is_out_of_date());
    model.apply(&page(vec![trial("a-1", json!({}))], true, 1));
    assert!(!model.is_out_of_date());
    assert_eq!(ids(&model, false), ["a-1"]);
}

#[test]
fn trials_that_the_list_of_changes_still_leaves_out_hold_the_end_up() {
    let mut model = model(vec![ended("a-0", 0, 1, json!({}))]);
    assert!(model.trials_ended());
    model.apply(&page(vec![], false, 2));
    assert!(!model.trials_ended() && !model.is_out_of_date());
}

#[test]
fn only_a_count_tells_that_all_trials_have_ended_or_that_some_are_gone() {
    let mut model = model(vec![ended("a-0", 0, 1, json!({})), trial("a-1", json!({}))]);
    let uncounted = |trials| Page { total: Total::NotAsked, ..page(trials, false, 0) };
    model.apply(&uncounted(vec![trial("b-0", json!({}))]));
    assert!(!model.is_out_of_date() && !model.needs_count(), "one was added since the count");
    model.apply(&uncounted(vec![ended("a-1", 0, 2, json!({})), ended("b-0", 0, 2, json!({}))]));
    assert!(model.needs_count() && !model.trials_ended());
    model.apply(&page(vec![], false, 3));
    assert!(!model.needs_count() && model.trials_ended());
}

#[test]
fn a_run_counts_its_own_trials_and_knows_of_the_others() {
    let sweep = serde_json::from_value(json!({
        "id": "a", "name": "a", "status": "pending", "priority": "low", "version": 1, "first_trial_index": 1, "trials_count": 1, "providers": {},
        "created_at": "2026-10-20T10:00:00Z"
    }));
    let mine = RunTrials::of(&sweep.unwrap());
    let tasks = BTreeMap::from([("a".to_owned(), mine.clone()), ("b".to_owned(), mine)]);
    let mut model = Model::new(Subject::Run { experiment_id: "9f8e7d6c".into(), tasks });
    let elsewhere = trial("b-1", json!({ "experiment_id": "00000000" }));
    let trials = vec![trial("a-0", json!({})), ended("a-1", 0, 1, json!({})), trial("c-1", json!({})), elsewhere];
    model.apply(&page(trials, true, 4));
    assert_eq!(ids(&model, false), ["a-1"]);
    assert!(model.trials_ended() && !model.is_out_of_date());
}

#[test]
fn agents_and_models_are_counted_apart() {
    let model = model(vec![
        ended("a-0", 0, 1, json!({ "cost_usd": 0.5, "reward": 0.0 })),
        ended("a-1", 0, 1, json!({ "cost_usd": 1.0 })),
        trial("a-2", json!({ "model": null, "status": "failed" })),
        trial("a-3", json!({ "agent": "aider\u{1b}[2J", "status": "running" })),
    ]);
    let rows: Vec<_> = model
        .by_agent()
        .into_iter()
        .map(|(agent, model, tally)| (agent, model, tally.ended(), tally.running, tally.failed, tally.mean_reward()))
        .collect();
    assert_eq!(
        rows,
        [("aider", Some("m"), 0, 1, 0, None), ("codex", None, 1, 0, 1, None), ("codex", Some("m"), 2, 0, 0, Some(0.5)),]
    );
    assert_eq!(model.tally().cost, Some(1.5));
}

#[test]
fn what_runs_comes_first_then_what_ended_last_then_what_waits() {
    let started = |at: &str| json!({ "status": "running", "started_at": at });
    let model = model(vec![
        trial("a-10", json!({})),
        trial("a-9", json!({})),
        ended("a-1", 0, 5, json!({ "status": "failed" })),
        ended("a-2", 0, 6, json!({})),
        trial("a-3", started("2026-10-20T10:02:00Z")),
        trial("a-4", started("2026-10-20T10:01:00Z")),
        trial("a-5", json!({ "status": "retrying" })),
    ]);
    assert_eq!(ids(&model, false), ["a-4", "a-3", "a-2", "a-1", "a-5", "a-9", "a-10"]);
    assert_eq!(ids(&model, true), ["a-1"]);
}

#[test]
fn of_waiting_trials_one_that_was_never_tried_is_the_example() {
    let model = model(vec![
        trial("a-10", json!({})),
        trial("a-2", json!({})),
        trial("a-1", json!({ "status": "retrying" })),
        trial("b-0", json!({ "queue_key": "x", "status": "retrying" })),
    ]);
    let keys: Vec<_> = model.waiting_keys().into_iter().map(|key| (key.queue_key, key.trials, key.example)).collect();
    assert_eq!(keys, [("openai/m", 3, "a-2"), ("x", 1, "b-0")]);
}

#[test]
fn the_rate_is_of_the_last_ten_minutes_and_the_time_left_follows_from_it() {
    let mut trials: Vec<_> = (0..10).map(|number| ended(&format!("a-{number}"), 0, 20 + number, json!({}))).collect();
    trials.extend((10..30).map(|number| trial(&format!("a-{number}"), json!({}))));
    // Thousands that were cancelled at once are no pace.
    trials.push(ended("a-30", 0, 29, json!({ "status": "failed", "error_class": "cancelled" })));
    let model = model(trials);
    let now = TEN + 30 * 60;
    assert_eq!(model.rate(now), Some(0.9));
    assert_eq!(model.seconds_left(now), Some(1334));
    // Too few ends lately: the pace of the whole time.
    assert_eq!(model.rate(now + 8 * 60), Some(0.1));
    assert_eq!(model.seconds_left(now + 8 * 60), Some(20 * 38 * 60 / 10));
}

#[test]
fn without_an_end_there_is_no_rate_and_without_a_rest_no_time_left() {
    let none = model(vec![trial("a-0", json!({ "status": "running", "started_at": "2026-10-20T10:00:00Z" }))]);
    assert_eq!((none.rate(TEN + 60), none.seconds_left(TEN + 60)), (None, None));
    let all = model(vec![ended("a-0", 0, 1, json!({}))]);
    assert_eq!(all.seconds_left(TEN + 60), None);
    // A clock behind the server's.
    assert_eq!(all.rate(TEN - 3600), Some(2.0));
}

#[test]
fn a_message_is_its_first_line_without_escapes_and_only_of_a_failure() {
    let message = "\n \u{1b}]0;title\u{7}RuntimeError:\tno space\nmore";
    let model = model(vec![
        trial("a-0", json!({ "status": "failed", "error_class": "infrastructure", "error_message": message })),
        trial("a-1", json!({ "status": "retrying", "error_class": "infrastructure", "error_message": message })),
    ]);
    let trials = model.trials();
    assert_eq!(trials.get("a-0").unwrap().message.as_deref(), Some("RuntimeError: no space"));
    assert_eq!(trials.get("a-1").unwrap().message, None);
}
