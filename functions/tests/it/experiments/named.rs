//! Names in place of ids: what is read takes them, what changes something does not.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use super::built::{experiment, graded, task, trials};

/// Two experiments of the name `nightly`, the second one newer, each with a task and a trial.
async fn two_of_a_name(api: &Api) {
    for (id, hour) in [("0000000a", 1), ("0000000b", 2)] {
        experiment(&api.db, id).await;
        let named = "update oddish.experiments set name = 'nightly', created_at = make_timestamptz(2026, 10, 20, $2, 0, 0) where id = $1";
        sqlx::query(named).bind(id).bind(hour).execute(&api.db).await.unwrap();
        let task = task(&api.db, id, "hello", 'a').await;
        trials(&api.db, id, &task, ("codex", Some("m")), &[graded(1.0)]).await;
    }
}

#[with_database]
async fn an_experiment_is_read_by_its_name_and_the_newest_is_meant(db: Db) {
    let api = Api::new(db);
    two_of_a_name(&api).await;
    for (text, id) in [("nightly", "0000000b"), ("0000000a", "0000000a")] {
        let get = async |path: String| api.get(&path).await.json();
        assert_eq!(get(format!("/experiments/{text}")).await["id"], id);
        assert_eq!(get(format!("/experiments/{text}/results")).await["experiment_id"], id);
        let compared = get(format!("/experiments/{text}/compare?with={text}")).await;
        assert_eq!((&compared["left"]["experiment_id"], &compared["right"]["experiment_id"]), (&json!(id), &json!(id)));
        assert_eq!(get(format!("/experiments/{text}/share")).await["name"], "nightly");
        // As the published client asks for `status --experiment`.
        let tasks = get(format!("/tasks?experiment_id={text}")).await;
        assert_eq!((tasks.as_array().unwrap().len(), &tasks[0]["id"]), (1, &json!(format!("hello-{id}"))));
        let trials = get(format!("/trials?experiment_id={text}&total=true")).await;
        assert_eq!((&trials["items"][0]["experiment_id"], &trials["total"]), (&json!(id), &json!(1)));
    }
    assert_eq!(api.get("/experiments/none").await.error(404), "Experiment none not found");
    assert_eq!(api.get("/experiments/nightly/compare?with=none").await.error(404), "Experiment none not found");
    assert_eq!(api.get("/tasks?experiment_id=none").await.json(), json!([]));
    assert_eq!(api.get("/trials?experiment_id=none").await.json()["items"], json!([]));
}

#[with_database]
async fn an_id_wins_over_a_name(db: Db) {
    let api = Api::new(db);
    two_of_a_name(&api).await;
    let named = "update oddish.experiments set name = '0000000a' where id = '0000000b'";
    sqlx::query(named).execute(&api.db).await.unwrap();
    assert_eq!(api.get("/experiments/0000000a").await.json()["id"], "0000000a");
    let trials = api.get("/trials?experiment_id=0000000a").await.json();
    assert_eq!(trials["items"][0]["experiment_id"], "0000000a");
}

#[with_database]
async fn what_changes_an_experiment_takes_its_id_only(db: Db) {
    let api = Api::new(db);
    two_of_a_name(&api).await;
    let failed = r#"{"statuses": ["failed"]}"#;
    for answer in [
        api.delete("/experiments/nightly").await,
        api.post("/experiments/nightly/cancel", "").await,
        api.post("/experiments/nightly/retry", failed).await,
        api.post("/experiments/nightly/publish", "").await,
        api.post("/experiments/nightly/unpublish", "").await,
        api.patch("/experiments/nightly", &json!({"name": "x"})).await,
    ] {
        assert_eq!(answer.error(404), "Experiment nightly not found");
    }
    assert_eq!(api.delete("/tasks/hello").await.error(404), "Task hello not found");
    assert_eq!(api.post("/tasks/cancel", r#"{"task_ids": ["hello"]}"#).await.error(404), "No matching tasks found");
}

#[with_database]
async fn a_task_is_read_by_its_name_and_the_newest_is_meant(db: Db) {
    let api = Api::new(db);
    two_of_a_name(&api).await;
    let older = "update oddish.tasks set created_at = created_at - interval '1 hour' where id = 'hello-0000000b'";
    sqlx::query(older).execute(&api.db).await.unwrap();
    for (text, id) in [("hello", "hello-0000000a"), ("hello-0000000b", "hello-0000000b")] {
        assert_eq!(api.get(&format!("/tasks/{text}")).await.json()["id"], id);
        assert_eq!(api.get(&format!("/tasks/{text}/trials")).await.json()[0]["task_id"], id);
    }
    assert_eq!(api.get("/tasks/none").await.error(404), "Task none not found");
}

#[with_database]
async fn lists_are_searched_by_name_and_by_the_beginning_of_an_id(db: Db) {
    let api = Api::new(db);
    two_of_a_name(&api).await;
    let ids = async |path: &str| -> Vec<String> {
        let answer = api.get(path).await.json();
        let items = answer.get("items").unwrap_or(&answer).as_array().unwrap().clone();
        items.iter().map(|item: &Value| item["id"].as_str().unwrap().to_owned()).collect()
    };
    for (path, expected) in [
        ("/experiments?name=nightly", vec!["0000000b", "0000000a"]),
        ("/experiments?name=night", vec![]),
        ("/experiments?id_prefix=0000000b", vec!["0000000b"]),
        ("/experiments?id_prefix=000000", vec!["0000000b", "0000000a"]),
        ("/experiments?id_prefix=%25", vec![]),
        ("/tasks?name=hello&id_prefix=hello-0000000a", vec!["hello-0000000a"]),
        ("/tasks?name=Hello", vec![]),
        ("/trials?name=hello-0&experiment_id=nightly", vec!["hello-0000000b-0"]),
        ("/trials?name=hello-1", vec![]),
        ("/trials?name=hello", vec![]),
        ("/trials?id_prefix=hello-0000000a-", vec!["hello-0000000a-0"]),
    ] {
        assert_eq!(ids(path).await, expected, "{path}");
    }
    for (path, expected) in [("/trials?name=hello-0&total=true", 2), ("/trials?name=hello&total=true", 0)] {
        assert_eq!(api.get(path).await.json()["total"], expected, "{path}");
    }
}
