//! What the clients do in a row.

use serde_json::{Value, json};
use uuid::Uuid;

use super::scene::{Scene, fresh_name, text, trial_archive};
use crate::caller::{content_hash, packed};
use crate::ended_trials;
use crate::stack::{eventually, hello};

impl Scene {
    async fn task(&self, task_id: &str) -> Value {
        self.caller.get(&format!("/tasks/{task_id}")).await.ok()
    }

    async fn submit(&self, sweep: &Value) -> Value {
        self.caller.post("/tasks/sweep", sweep).await.ok()
    }

    /// What `oddish run` of the newer client sends for a task: whether it found it unchanged, and the answer to the sweep.
    async fn run(&self, name: &str, experiment: &str) -> (bool, Value) {
        let hash = content_hash(&hello()).await;
        let init = json!({"name": name, "content_hash": hash});
        let init = self.caller.post("/tasks/upload/init", &init).await.ok();
        let unchanged = init["content_unchanged"].as_bool().unwrap();
        if !unchanged {
            assert_eq!(init["requires_completion"], true);
            self.caller.put(&init, packed(&hello()).await).await;
            let complete =
                json!({"task_id": init["task_id"], "name": name, "version": init["version"], "content_hash": hash});
            self.caller.post("/tasks/upload/complete", &complete).await.ok();
        }
        let mut sweep = json!({
            "task_id": init["task_id"], "user": "u", "priority": "low", "run_analysis": false, "experiment_id": experiment,
            "configs": [{"agent": "oracle", "model": null, "n_trials": 2, "environment": "docker"}],
            "environment": "docker", "publish_experiment": false, "content_hash": hash,
        });
        if init["existing_task"] == true {
            sweep["append_to_task"] = json!(true);
        }
        (unchanged, self.submit(&sweep).await)
    }

    /// Whether the newer client's watch would end: it looks at the trials of the experiment that the sweep answered.
    async fn watched_to_the_end(&self, sweep: &Value) -> bool {
        let task = self.task(&text(&sweep["id"])).await;
        let trials = task["trials"].as_array().unwrap();
        let of_run: Vec<_> = trials.iter().filter(|trial| trial["experiment_id"] == sweep["experiment_id"]).collect();
        assert!(!of_run.is_empty(), "it would wait for ever: {task}");
        of_run.iter().all(|trial| ["success", "failed"].contains(&trial["status"].as_str().unwrap()))
    }

    /// Everything that `oddish pull` saves of a trial that has ended.
    async fn pulls(&self, trial_id: &str, by_url: bool) {
        let get = async |what: &str| self.caller.get(&format!("/trials/{trial_id}/{what}")).await;
        let logs = get("logs").await.ok();
        assert!(logs["logs"].as_str().unwrap().contains("PASS"), "{logs}");
        let structured = get("logs/structured").await.ok();
        let commands = structured["agent"]["commands"].as_array().unwrap();
        let names: Vec<_> = commands.iter().map(|command| command["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["command-0", "command-2", "command-10"]);
        assert_eq!(structured["verifier"]["stdout"], "PASS\n");
        assert_eq!(get("result").await.ok()["id"], "1");
        assert!(get("trajectory").await.ok()["steps"].is_array());

        let listing = get("files").await.ok();
        let files = listing["files"].as_array().unwrap();
        for (path, content) in ended_trials::FILES {
            let file = files.iter().find(|file| file["path"] == *path);
            let file = file.unwrap_or_else(|| panic!("{path} is not among {listing}"));
            assert_eq!(file["size"], content.len());
            let answer = if by_url {
                self.caller.fetch(file["url"].as_str().unwrap()).await
            } else {
                get(&format!("files/{}", encoded(path))).await
            };
            assert_eq!((answer.status, answer.text().as_str()), (200, *content), "{path}");
        }
    }

    /// What `oddish pull --include-task-files` saves of a task.
    async fn pulls_task_files(&self, task_id: &str, presign: bool) {
        let listing = self.caller.get(&format!("/tasks/{task_id}/files?recursive=true&presign={presign}")).await.ok();
        let files = listing["files"].as_array().unwrap();
        let paths: Vec<_> = files.iter().map(|file| file["path"].as_str().unwrap()).collect();
        for path in ["task.toml", "instruction.md", "environment/Dockerfile", "tests/test.sh", "solution/solve.sh"] {
            assert!(paths.contains(&path), "{path} is not among {paths:?}");
            let file = self.caller.get(&format!("/tasks/{task_id}/files/{path}?presign=false")).await.ok();
            assert_eq!(file["path"], path);
            assert_eq!(text(&file["content"]), std::fs::read_to_string(hello().join(path)).unwrap());
        }
        if let (true, Some(url)) = (presign, listing["archive_url"].as_str()) {
            let archive = self.caller.fetch(url).await;
            assert_eq!((archive.status, &archive.body[..2]), (200, &[0x1f, 0x8b][..]), "a gzip file");
        }
    }

    async fn is_gone(&self, task_id: &str) {
        let answer = self.caller.get(&format!("/tasks/{task_id}")).await;
        assert_eq!((answer.status, text(&answer.json()["detail"])), (404, format!("Task {task_id} not found")));
    }
}

fn encoded(path: &str) -> String {
    percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn the_older_client_runs_watches_pulls_and_deletes() {
    let scene = Scene::new().await;
    assert_eq!(scene.caller.get("/health").await.ok()["status"], "healthy");
    let waiting = scene.fill("{waiting}").await;
    // So that the trials of this test are the next in the queue.
    scene.caller.post("/tasks/cancel", &json!({"task_ids": [waiting]})).await.ok();

    let uploaded = scene.caller.upload("my-task").await.ok();
    let task_id = text(&uploaded["task_id"]);
    let sweep = json!({
        "task_id": task_id, "user": "u", "priority": "low", "experiment_id": "of the older", "environment": "docker",
        "configs": [{"agent": "oracle", "model": null, "n_trials": 2, "environment": "docker"}],
        "run_analysis": false, "publish_experiment": false,
    });
    assert_eq!(scene.submit(&sweep).await["trials_count"], 2);
    let task = scene.task(&task_id).await;
    let experiment = text(&task["experiment_id"]);
    assert_eq!((task["status"].as_str(), &task["experiment_name"]), (Some("pending"), &json!("of the older")));
    for _ in 0..2 {
        ended_trials::end(&scene.stack, true).await;
    }
    let task = scene.task(&task_id).await;
    assert_eq!((&task["status"], &task["reward_success"]), (&json!("completed"), &json!(2)));
    let listed = scene.caller.get(&format!("/tasks?experiment_id={experiment}")).await.ok();
    assert_eq!(listed[0]["trials"].as_array().unwrap().len(), 2);

    scene.pulls(&format!("{task_id}-0"), false).await;
    scene.pulls_task_files(&task_id, false).await;
    let deleted = scene.caller.ask("DELETE", &format!("/experiments/{experiment}"), None).await.ok();
    assert_eq!(deleted["status"], "success");
    assert_eq!(scene.caller.get(&format!("/tasks?experiment_id={experiment}")).await.ok(), json!([]));
    scene.is_gone(&task_id).await;
}

#[tokio::test]
async fn the_newer_client_runs_appends_watches_pulls_and_deletes() {
    let scene = Scene::new().await;
    let waiting = scene.fill("{waiting}").await;
    scene.caller.post("/tasks/cancel", &json!({"task_ids": [waiting]})).await.ok();

    let name = fresh_name();
    let (unchanged, first) = scene.run(&name, "first").await;
    assert!(!unchanged);
    let task_id = text(&first["id"]);
    assert!(!scene.watched_to_the_end(&first).await);
    for _ in 0..2 {
        ended_trials::end(&scene.stack, true).await;
    }
    assert!(scene.watched_to_the_end(&first).await);

    let (unchanged, second) = scene.run(&name, "second").await;
    assert!(unchanged, "the same files under the same name");
    assert_eq!((text(&second["id"]), second["trials_count"].as_u64()), (task_id.clone(), Some(2)));
    assert_ne!(second["experiment_id"], first["experiment_id"]);
    assert!(!scene.watched_to_the_end(&second).await);
    assert!(scene.watched_to_the_end(&first).await, "the other run is over");

    // `run --task` without an experiment goes on in the task's own.
    let appended = json!({
        "task_id": task_id, "user": "u", "priority": "low", "run_analysis": false, "publish_experiment": false,
        "configs": [{"agent": "nop", "model": null, "n_trials": 1}], "append_to_task": true,
    });
    let third = scene.submit(&appended).await;
    assert_eq!(third["experiment_id"], first["experiment_id"]);
    for _ in 0..3 {
        ended_trials::end(&scene.stack, true).await;
    }
    assert!(scene.watched_to_the_end(&third).await && scene.watched_to_the_end(&second).await);
    let task = scene.task(&task_id).await;
    assert_eq!((&task["status"], &task["total"]), (&json!("completed"), &json!(5)));

    scene.pulls(&format!("{task_id}-0"), true).await;
    scene.pulls_task_files(&task_id, true).await;
    let deleted = scene.caller.ask("DELETE", &format!("/tasks/{task_id}"), None).await.ok();
    assert_eq!((&deleted["status"], &deleted["deleted"]["task_id"]), (&json!("success"), &json!(task_id)));
    scene.is_gone(&task_id).await;
}

#[tokio::test]
async fn cancelling_twice_cancels_nothing_the_second_time() {
    let scene = Scene::new().await;
    let task_id = scene.fill("{waiting}").await;
    let cancel = json!({"task_ids": [task_id]});
    let first = scene.caller.post("/tasks/cancel", &cancel).await.ok();
    assert_eq!((&first["tasks_cancelled"], &first["trials_cancelled"]), (&json!(1), &json!(2)));
    let second = scene.caller.post("/tasks/cancel", &cancel).await.ok();
    assert_eq!((&second["tasks_found"], &second["trials_cancelled"]), (&json!(1), &json!(0)));
    let task = scene.task(&task_id).await;
    assert!(["completed", "failed"].contains(&task["status"].as_str().unwrap()), "the watch would never end: {task}");
    for trial in task["trials"].as_array().unwrap() {
        assert_eq!((&trial["status"], &trial["error_message"]), (&json!("failed"), &json!("Cancelled by user")));
    }
}

/// The newer client imports the first trial alone, then several at once.
#[tokio::test]
async fn trials_that_ran_elsewhere_are_imported() {
    let scene = Scene::new().await;
    let task_id = scene.store(&json!({"register_task": true, "user": "u", "priority": "low"})).await.task_id;
    assert_eq!(scene.task(&task_id).await["total"], 0, "an upload shows without trials");
    let external = Uuid::new_v4().to_string();
    let import = json!({
        "task_id": task_id, "upload_artifacts": true, "experiment_id": "imported",
        "trial": {
            "agent": "oracle", "model": null, "status": "success", "reward": 0.5, "error_message": null,
            "harbor_stage": "completed", "input_tokens": 7, "has_trajectory": true, "external_trial_id": external,
            "started_at": "2026-04-09T10:00:44.279700+00:00", "finished_at": "2026-04-09T10:00:56.721047+00:00",
        },
    });
    let announced = scene.caller.post("/trials/import/init", &import).await.ok();
    let trial_id = text(&announced["trial_id"]);
    scene.caller.put(&announced, trial_archive().await).await;
    let completed = scene.caller.post("/trials/import/complete", &json!({"trial_id": trial_id})).await.ok();
    assert_eq!(completed["files_extracted"], ended_trials::FILES.len());
    let trial = scene.task(&task_id).await["trials"][0].clone();
    assert_eq!((&trial["id"], &trial["origin"]), (&json!(trial_id), &json!("imported")));
    assert_eq!(
        (&trial["status"], &trial["reward"], &trial["input_tokens"]),
        (&json!("success"), &json!(0.5), &json!(7))
    );
    assert_eq!(trial["experiment_id"], announced["experiment_id"]);
    scene.pulls(&trial_id, true).await;
    let again = scene.caller.post("/trials/import/init", &import).await;
    assert!((400..500).contains(&again.status), "the same trial is not imported twice: {again:?}");
}

/// The older client submits the tasks of a dataset side by side under one new name. That they meet is forced: nobody can add an experiment
/// until all of them are at it.
#[tokio::test]
async fn a_new_experiment_name_makes_one_experiment() {
    const SWEEPS: i64 = 4;
    let scene = Scene::new().await;
    let mut tasks = Vec::new();
    for _ in 0..SWEEPS {
        tasks.push(scene.store(&json!({})).await.task_id);
    }
    let mut gate = scene.stack.db.begin().await.unwrap();
    sqlx::query("lock table oddish.experiments in share mode").execute(&mut gate).await.unwrap();
    let mut submitted = tokio::task::JoinSet::new();
    for task_id in tasks {
        let sweep =
            json!({"task_id": task_id, "user": "u", "experiment_id": "one for all", "configs": [{"agent": "oracle"}]});
        let caller = scene.caller.clone();
        submitted.spawn(async move { caller.post("/tasks/sweep", &sweep).await.ok()["experiment_id"].clone() });
    }
    eventually("all sweeps to be at it", async || {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(&scene.stack.db)
        .await
        .unwrap();
        (waiting == SWEEPS).then_some(())
    })
    .await;
    gate.commit().await.unwrap();
    let ids: Vec<Value> = submitted.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}
