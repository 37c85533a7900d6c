//! Tasks on disk, and what a server says of them.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub(crate) const TIME: &str = "2026-10-20T10:00:00Z";

/// A folder with valid tasks of these names.
pub(crate) fn tasks(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        task(&folder.path().join(name));
    }
    folder
}

fn task(folder: &Path) -> PathBuf {
    for (name, content) in [
        ("task.toml", "[agent]\ntimeout_sec = 60\n"),
        ("instruction.md", "Say hello.\n"),
        ("environment/Dockerfile", "FROM scratch\n"),
        ("tests/test.sh", "exit 0\n"),
    ] {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
    folder.into()
}

/// A trial as the server gives it; `changes` are laid over it.
pub(crate) fn trial(task_id: &str, index: usize, changes: Value) -> Value {
    let mut trial = json!({
        "id": format!("{task_id}-{index}"), "name": format!("hello-{index}"), "task_id": task_id,
        "task_path": "tasks/x", "task_version": 1, "task_version_id": format!("{task_id}-v1"),
        "experiment_id": "9f8e7d6c", "agent": "oracle", "provider": "default", "queue_key": "default", "origin": "oddish",
        "model": "default", "status": "queued", "attempts": 0, "max_attempts": 6, "harbor_stage": null,
        "reward": null, "rewards": null, "unconfirmed_reward": null, "error_message": null, "error_type": null, "result": null,
        "input_tokens": null, "cache_tokens": null, "output_tokens": null, "cost_usd": null,
        "error_class": null, "cancel_requested_at": null, "queue_info": null, "waiting_reason": null,
        "phase_timing": null, "has_trajectory": false, "omitted_files": null, "files_incomplete": false, "analysis_status": null, "analysis": null,
        "analysis_error": null, "created_at": TIME, "started_at": null, "finished_at": null
    });
    overlay(&mut trial, changes);
    trial
}

/// A task with these trials; counts and status follow from them, `changes` are laid over.
pub(crate) fn task_status(id: &str, trials: &[Value], changes: Value) -> Value {
    let count = |status: &str| trials.iter().filter(|trial| trial["status"] == status).count();
    let rewards: Vec<f64> = trials.iter().filter_map(|trial| trial["reward"].as_f64()).collect();
    let ended = count("success") + count("failed");
    let status = if ended == trials.len() { "completed" } else { "running" };
    let mut task = json!({
        "id": id, "name": "hello", "status": status, "priority": "low", "user": "tester",
        "github_username": null, "github_meta": null, "task_path": "tasks/x", "experiment_id": "9f8e7d6c",
        "experiment_name": "swift-otter-x1y2", "experiment_is_public": false, "current_version": 1,
        "current_version_id": format!("{id}-v1"), "total": trials.len(), "completed": count("success"),
        "failed": count("failed"), "progress": "", "reward_success": null,
        "reward_total": rewards.len(), "reward_sum": rewards.iter().sum::<f64>(), "reward_unconfirmed": 0, "run_analysis": false,
        "verdict_status": null, "verdict": null, "verdict_error": null, "trials": trials,
        "created_at": TIME, "started_at": null, "finished_at": null
    });
    overlay(&mut task, changes);
    task
}

/// An experiment as a list has it; `changes` are laid over it.
pub(crate) fn experiment(id: &str, name: &str, changes: Value) -> Value {
    let mut experiment = json!({
        "id": id, "name": name, "is_public": false, "task_count": 2, "total_trials": 5, "completed_trials": 3,
        "failed_trials": 1, "active_trials": 1, "reward_success": 1, "reward_total": 3, "reward_sum": 1.5, "reward_unconfirmed": 0,
        "cost_usd": 0.0, "analysis_tasks": 0, "verdict_good": 0, "verdict_needs_review": 0, "verdict_failed": 0,
        "verdict_pending": 0, "created_at": TIME, "last_created_at": TIME, "last_author": null, "last_pr_url": null,
        "last_pr_title": null, "last_pr_number": null
    });
    overlay(&mut experiment, changes);
    experiment
}

/// `GET /experiments` with one page.
pub(crate) fn experiments(items: &Value) -> Value {
    json!({ "items": items, "next_cursor": null, "limit": 8, "total": null })
}

fn overlay(value: &mut Value, changes: Value) {
    let Value::Object(changes) = changes else { return };
    for (key, change) in changes {
        value[key] = change;
    }
}

/// What the experiment of the submissions shows.
pub(crate) fn results_of_submissions() -> Value {
    let unknown = json!({"sum": null, "known": 0, "of": 2});
    json!({
        "experiment_id": "9f8e7d6c", "experiment_name": "swift-otter-x1y2", "data_version": "0", "pass_threshold": 1.0,
        "coverage_bar": 0.9, "agents": [{
            "agent": "oracle", "model": "default", "graded_tasks": 1, "ungraded_tasks": 0,
            "coverage": {"graded": 2, "trials": 2, "share": 1.0, "ungraded": []}, "headline_refused": null,
            "headline": {"value": 0.625, "interval": null, "tasks": 1, "few_tasks": true}, "pass_rates": [], "mixed": null,
            "usage": {"cost_usd": {"sum": 0.5, "known": 2, "of": 2}, "input_tokens": unknown, "cache_tokens": unknown,
                "output_tokens": unknown, "seconds": unknown}
        }]
    })
}

pub(crate) fn json_answer(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

pub(crate) fn error_answer(status: u16, detail: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "detail": detail }))
}

/// Answers in this order; the last one again and again.
pub(crate) struct Script(Mutex<VecDeque<ResponseTemplate>>);

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = ResponseTemplate>) -> Self {
        Self(Mutex::new(answers.into_iter().collect()))
    }
}

impl Respond for Script {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let mut answers = self.0.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
    }
}

/// Mounts answers for one route.
pub(crate) async fn on(server: &MockServer, verb: &str, route: &str, answers: impl Respond + 'static) {
    Mock::given(method(verb)).and(path(route)).respond_with(answers).mount(server).await;
}

/// The name in an announcement of an upload.
pub(crate) fn announced_name(request: &Request) -> String {
    request.body_json::<Value>().unwrap()["name"].as_str().unwrap().into()
}

/// A server that takes every upload as task `<name>-00000001` and every sweep with the trials asked for.
pub(crate) async fn accepting_server() -> MockServer {
    let server = MockServer::start().await;
    take_uploads(&server).await;
    take_sweeps(&server).await;
    server
}

/// Takes every sweep with the trials asked for, as the first of their task.
pub(crate) async fn take_sweeps(server: &MockServer) {
    take_sweeps_after(server, 0).await;
}

/// Takes every sweep with the trials asked for, on tasks that have so many trials already.
pub(crate) async fn take_sweeps_after(server: &MockServer, older: u32) {
    let answer = move |request: &Request| json_answer(&swept(&request.body_json().unwrap(), older));
    on(server, "POST", "/tasks/sweep", answer).await;
    on(server, "GET", "/experiments/9f8e7d6c/results", json_answer(&results_of_submissions())).await;
}

/// Takes every upload as task `<name>-00000001`.
pub(crate) async fn take_uploads(server: &MockServer) {
    let uri = server.uri();
    let announced = move |request: &Request| json_answer(&announced(&uri, &announced_name(request), json!({})));
    on(server, "POST", "/tasks/upload/init", announced).await;
    on(server, "PUT", "/store/key", ResponseTemplate::new(200)).await;
    let completed = |request: &Request| json_answer(&uploaded(&announced_name(request)));
    on(server, "POST", "/tasks/upload/complete", completed).await;
}

/// The answer to an announcement: a new task, to be put into the store at `uri`; `changes` are laid over it.
pub(crate) fn announced(uri: &str, name: &str, changes: Value) -> Value {
    let mut announced = json!({
        "task_id": format!("{name}-00000001"), "name": name, "task_path": null, "s3_key": "tasks/x/", "version": 1,
        "version_id": format!("{name}-00000001-v1"), "existing_task": false, "content_unchanged": false,
        "content_hash": "00", "upload_url": format!("{uri}/store/key?X-Signature=hush"), "upload_method": "PUT",
        "upload_headers": { "Content-Type": "application/gzip", "x-amz-signed": "yes" }, "requires_completion": true
    });
    overlay(&mut announced, changes);
    announced
}

pub(crate) fn uploaded(name: &str) -> Value {
    json!({
        "task_id": format!("{name}-00000001"), "name": name, "task_path": null, "s3_key": "tasks/x/", "version": 1,
        "version_id": format!("{name}-00000001-v1"), "existing_task": false, "content_unchanged": false,
        "content_hash": "00", "warnings": []
    })
}

fn swept(sweep: &Value, older: u32) -> Value {
    let trials: u64 =
        sweep["configs"].as_array().unwrap().iter().map(|config| config["n_trials"].as_u64().unwrap()).sum();
    let id = sweep["task_id"].as_str().unwrap();
    json!({
        "id": id, "name": id.strip_suffix("-00000001"), "status": "pending", "priority": sweep["priority"],
        "version": sweep["version"], "first_trial_index": older, "trials_count": trials, "providers": { "default": trials }, "experiment_id": "9f8e7d6c",
        "experiment_name": "swift-otter-x1y2", "created_at": TIME
    })
}

/// The bodies of the sweeps that a server got.
pub(crate) async fn sweeps(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    let sweeps = requests.iter().filter(|request| request.url.path() == "/tasks/sweep");
    sweeps.map(|request| request.body_json().unwrap()).collect()
}
