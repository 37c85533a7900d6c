//! Shared experiments and their tasks.

use oddish_db::Db;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use super::{Scene, sweep};

#[with_database]
async fn a_task_shows_what_the_shared_experiment_ran_of_it(db: Db) {
    let scene = Scene::new(db).await;
    let ids = |trials: &Value| -> Vec<String> {
        trials.as_array().unwrap().iter().map(|trial| trial["id"].as_str().unwrap().to_owned()).collect()
    };
    let shared: Vec<String> = (0..2).map(|index| format!("{}-{index}", scene.both)).collect();

    let tasks = scene.api.get(&format!("/public/experiments/{}/tasks", scene.token)).await;
    for word in [&scene.private, &scene.hidden, "the private one", "secret message", &format!("{}-2", scene.both)] {
        assert!(!tasks.body.contains(word), "{word}: {tasks:?}");
    }
    let tasks = tasks.json();
    assert_eq!(ids(&tasks).len(), 2);
    let listed = tasks.as_array().unwrap().iter().find(|task| task["id"] == json!(scene.both)).unwrap();
    let one = scene.get(&format!("/public/tasks/{}", scene.both)).await.json();
    assert_eq!(&one, listed);
    assert_eq!(ids(&one["trials"]), shared);
    assert_eq!((&one["total"], &one["completed"], &one["current_version"]), (&json!(2), &json!(2), &json!(1)));
    assert_eq!((&one["experiment_id"], &one["experiment_name"]), (&json!(scene.shared), &json!("the shared one")));
    // The task itself still runs, elsewhere.
    assert_eq!(scene.api.get(&format!("/tasks/{}", scene.both)).await.json()["status"], "running");
    assert_eq!((&one["status"], &one["finished_at"]), (&json!("completed"), &json!(null)));
    let own = scene.get(&format!("/public/tasks/{}?include_trials=false", scene.own)).await.json();
    assert_eq!((&own["status"], &own["trials"]), (&json!("completed"), &json!(null)));
    assert!(own["finished_at"].is_string());

    let trials = scene.get(&format!("/public/tasks/{}/trials", scene.both)).await.json();
    assert_eq!(ids(&trials), shared);
    for path in ["", "/trials", "/files", "/files/instruction.md"] {
        let text = scene.get(&format!("/public/tasks/{}{path}", scene.hidden)).await.error(404);
        assert_eq!(text, format!("Task {} not found", scene.hidden));
    }
    let limited = scene.api.get(&format!("/public/experiments/{}/tasks?limit=1&offset=1", scene.token)).await.json();
    assert_eq!(ids(&limited).len(), 1);
    scene.api.get(&format!("/public/experiments/{}/tasks?limit=0", scene.token)).await.error(422);
}

/// A verdict is on all trials of a task: where some are not shared, it is not either.
#[with_database]
async fn a_verdict_is_shared_with_all_that_it_is_on(db: Db) {
    let scene = Scene::new(db).await;
    let judged = "update oddish.tasks set verdict_status = 'success', verdict = '{\"is_good\": true}', verdict_finished_at = now()";
    sqlx::query(judged).execute(&scene.api.db).await.unwrap();
    let verdict = async |task: &str| scene.get(&format!("/public/tasks/{task}")).await.json()["verdict"].clone();
    assert_eq!((verdict(&scene.own).await, verdict(&scene.both).await), (json!({"is_good": true}), json!(null)));
}

/// Who else waits for which model is not the guests' to know.
#[with_database]
async fn queues_are_not_shared(db: Db) {
    let scene = Scene::new(db).await;
    sweep(&scene.api, &scene.own, &scene.shared, 1).await;
    let waiting = |task: &Value| {
        let trials = task["trials"].as_array().unwrap().iter();
        trials.filter(|trial| !trial["queue_info"].is_null() || !trial["waiting_reason"].is_null()).count()
    };
    assert_eq!(waiting(&scene.api.get(&format!("/tasks/{}", scene.own)).await.json()), 1);
    assert_eq!(waiting(&scene.get(&format!("/public/tasks/{}", scene.own)).await.json()), 0);
}
