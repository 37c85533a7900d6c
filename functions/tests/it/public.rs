//! What whoever has the token of a shared experiment sees, and what not.

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use oddish_artifacts::{Key, key};
use oddish_db::Db;
use oddish_functions::endpoints::ENDPOINTS;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use crate::api::{Answer, Api};

/// One experiment is shared, the other is not; the task `both` has trials in both, with a version of its own in the private one.
struct Scene {
    api: Api,
    token: String,
    shared: String,
    private: String,
    /// Of the shared experiment alone, with two trials.
    own: String,
    /// Trials 0 and 1 are shared, 2 is not.
    both: String,
    /// Of the private experiment alone.
    hidden: String,
}

async fn sweep(api: &Api, task_id: &str, experiment: &str, trials: u32) -> String {
    let sweep = json!({"task_id": task_id, "user": "alice", "experiment_id": experiment, "append_to_task": true,
        "configs": [{"agent": "oracle", "n_trials": trials}]});
    let answer = api.post("/tasks/sweep", &sweep.to_string()).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    answer.json()["experiment_id"].as_str().unwrap().to_owned()
}

impl Scene {
    async fn new(db: Db) -> Self {
        let api = Api::new(db);
        let [own, both, hidden] = [api.uploaded().await, api.uploaded().await, api.uploaded().await];
        let shared = sweep(&api, &own, "the shared one", 2).await;
        sweep(&api, &both, &shared, 2).await;
        for _ in 0..4 {
            api.succeeded().await;
        }
        // The private version has a file that nobody else may know of.
        let second = "insert into oddish.task_versions
            select task_id, 2, archive_key, archive_sha256, archive_bytes, content_hash, created_at, 'secret message', files_key
            from oddish.task_versions where task_id = $1";
        sqlx::query(second).bind(&both).execute(&api.db).await.unwrap();
        let files = "insert into oddish.task_files
            select task_id, 2, 'environment/private.txt', start, size from oddish.task_files
            where task_id = $1 and path = 'instruction.md'";
        sqlx::query(files).bind(&both).execute(&api.db).await.unwrap();
        let private = sweep(&api, &both, "the private one", 1).await;
        sweep(&api, &hidden, &private, 1).await;
        for trial in [format!("{own}-0"), format!("{both}-2"), format!("{hidden}-0")] {
            let task_id = trial.rsplit_once('-').unwrap().0;
            let prefix = key::attempt_prefix(task_id, &trial, 1).unwrap();
            for file in ["result.json", "agent/trajectory.json", "agent/oracle.txt"] {
                let key = Key::parse(format!("{prefix}{file}")).unwrap();
                api.store.put(&key, Bytes::from(json!({"of": trial}).to_string())).await.unwrap();
            }
            let left = "update oddish.trials set artifact_prefix = $2 where id = $1";
            sqlx::query(left).bind(&trial).bind(prefix).execute(&api.db).await.unwrap();
        }
        let share = api.post(&format!("/experiments/{shared}/publish"), "").await.json();
        let token = share["public_token"].as_str().unwrap().to_owned();
        Self { api, token, shared, private, own, both, hidden }
    }

    /// Asks with the token in the query.
    async fn get(&self, path: &str) -> Answer {
        let separator = if path.contains('?') { '&' } else { '?' };
        self.api.get(&format!("{path}{separator}token={}", self.token)).await
    }
}

#[with_database]
async fn only_the_token_opens_anything(db: Db) {
    let scene = Scene::new(db).await;
    let api = &scene.api;
    assert_eq!(api.get("/public/experiments").await.json(), json!([]), "whatever is shared");
    let listed = scene.get("/public/experiments").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!((&listed[0]["id"], &listed[0]["task_count"]), (&json!(scene.shared), &json!(2)));
    let header = async |value: &str| {
        let request = Request::get(format!("/public/tasks/{}", scene.own)).header("x-share-token", value);
        api.ask_whole(request.body(Body::empty()).unwrap()).await.1
    };
    assert_eq!(header(&scene.token).await.json()["id"], json!(scene.own));
    header("x").await.error(404);

    // Every route, without a token, with one that is none, and with that of an experiment that is no longer shared.
    let second = api.post(&format!("/experiments/{}/publish", scene.private), "").await.json();
    let ended = second["public_token"].as_str().unwrap().to_owned();
    api.post(&format!("/experiments/{}/unpublish", scene.private), "").await.json();
    let trial = format!("{}-0", scene.own);
    let mut routes = 0;
    for route in ENDPOINTS.iter().filter(|route| route.path.starts_with("/public/")) {
        routes += 1;
        for token in ["", "nothing", "a%00b", &"a".repeat(43), &ended] {
            let path = route.path.replace("{task_id}", &scene.own).replace("{trial_id}", &trial);
            let path = path.replace("{*path}", "instruction.md");
            let path = path.replace("{token}", if token.is_empty() { "-" } else { token });
            let query = if token.is_empty() { String::new() } else { format!("?token={token}") };
            let answer = api.get(&format!("{path}{query}")).await;
            if route.name == "list_public_experiments" {
                assert_eq!(answer.json(), json!([]), "{token}");
                continue;
            }
            let text = match route.path.as_str() {
                path if path.contains("{trial_id}") => format!("Trial {trial} not found"),
                path if path.contains("{task_id}") => format!("Task {} not found", scene.own),
                _ => "Experiment not found".to_owned(),
            };
            assert_eq!(answer.error(404), text, "{route:?} {token}");
        }
    }
    assert_eq!(routes, 13);
}

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

#[with_database]
async fn neither_solution_nor_tests_are_shared(db: Db) {
    let scene = Scene::new(db).await;
    let step = "insert into oddish.task_files select task_id, version, 'steps/one/tests/test.sh', start, size from oddish.task_files
        where path = 'instruction.md'";
    sqlx::query(step).execute(&scene.api.db).await.unwrap();
    let paths = |answer: &Value, field: &str| -> Vec<String> {
        answer[field].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect()
    };
    let files = format!("/public/tasks/{}/files", scene.both);
    let all = paths(&scene.api.get(&format!("/tasks/{}/files", scene.own)).await.json(), "files");
    let kept = |path: &&String| !["solution/", "tests/", "steps/"].iter().any(|hidden| path.starts_with(hidden));
    let expected: Vec<String> = all.iter().filter(kept).cloned().collect();
    assert!(expected.len() < all.len() && !expected.is_empty(), "{all:?}");

    let listed = scene.get(&files).await.json();
    assert_eq!(paths(&listed, "files"), expected, "of the version that was shared");
    assert_eq!(
        (&listed["version"], &listed["archive_url"], &listed["presigned"]),
        (&json!(1), &json!(null), &json!(false))
    );
    let folders = scene.get(&format!("{files}?recursive=false")).await.json();
    assert!(
        !paths(&folders, "dirs").iter().any(|folder| ["solution", "tests", "steps"].contains(&&**folder)),
        "{folders}"
    );
    for prefix in ["solution", "tests", "steps/one/tests"] {
        assert_eq!(paths(&scene.get(&format!("{files}?prefix={prefix}")).await.json(), "files"), Vec::<String>::new());
    }
    assert!(scene.get(&format!("{files}/instruction.md")).await.json()["content"].is_string());
    for hidden in all.iter().filter(|path| !expected.contains(path)).chain([&"environment/private.txt".to_owned()]) {
        assert_eq!(scene.get(&format!("{files}/{hidden}")).await.error(404), "File not found", "{hidden}");
    }
    for path in [&files, &format!("{files}/instruction.md")] {
        let text = scene.get(&format!("{path}?version=2")).await.error(404);
        assert_eq!(text, format!("Version 2 not found for task {}", scene.both));
    }
    // A version without an index is in its archive only, which is not shared.
    sqlx::query("update oddish.task_versions set files_key = null").execute(&scene.api.db).await.unwrap();
    assert_eq!(scene.get(&files).await.error(404), "File not found");
}

/// A guest with a wrong query learns no more of what is not shared than one with a right query.
#[with_database]
async fn what_is_not_shared_is_not_found_before_the_query_is_checked(db: Db) {
    let scene = Scene::new(db).await;
    let hidden = [
        format!("trials/{}-0/logs?limit=0", scene.hidden),
        format!("trials/{}-0/files?limit=0", scene.hidden),
        format!("tasks/{}/files?limit=0", scene.hidden),
        format!("trials/{}-0/files/..%2Fx", scene.hidden),
        format!("tasks/{}/files/..%2Fx", scene.hidden),
    ];
    for path in &hidden {
        assert!(scene.get(&format!("/public/{path}")).await.error(404).ends_with(" not found"), "{path}");
        let shared = path.replace(&scene.hidden, &scene.own);
        for path in [format!("/public/{shared}"), format!("/{path}")] {
            let status = if path.contains("limit=0") { 422 } else { 400 };
            scene.get(&path).await.error(status);
        }
    }
}

/// The archive holds the solution, so that a file which is too large for an answer gets no link to it.
#[with_database]
async fn no_answer_links_to_the_archive(db: Db) {
    let scene = Scene::new(db).await;
    let large = "update oddish.task_files set size = 100000000 where path = 'instruction.md'";
    sqlx::query(large).execute(&scene.api.db).await.unwrap();
    let answer = scene.get(&format!("/public/tasks/{}/files/instruction.md", scene.own)).await;
    assert!(!answer.error(413).contains("http"), "{answer:?}");
    let member = scene.api.get(&format!("/tasks/{}/files/instruction.md", scene.own)).await;
    assert!(member.error(413).contains("http"), "{member:?}");
}

#[with_database]
async fn what_a_shared_trial_left_can_be_read(db: Db) {
    let scene = Scene::new(db).await;
    let shared = format!("{}-0", scene.own);
    let read = async |path: &str| scene.get(&format!("/public/trials/{shared}{path}")).await;
    assert_eq!(read("/result").await.json()["of"], json!(shared));
    assert_eq!(read("/trajectory").await.json()["of"], json!(shared));
    assert_eq!(read("/files/agent/oracle.txt").await.json()["of"], json!(shared));
    assert_eq!(read("/files").await.json()["files"].as_array().unwrap().len(), 3);
    assert!(read("/logs").await.json()["logs"].as_str().unwrap().contains(&shared));
    assert_eq!(read("/logs/structured").await.json()["trial_id"], json!(shared));
    for private in [format!("{}-2", scene.both), format!("{}-0", scene.hidden), "nowhere-0".to_owned()] {
        for path in ["/result", "/trajectory", "/files", "/files/result.json", "/logs", "/logs/structured"] {
            let text = scene.get(&format!("/public/trials/{private}{path}")).await.error(404);
            assert_eq!(text, format!("Trial {private} not found"), "{path}");
        }
    }
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
