//! `POST /tasks/sweep`.

use oddish_db::Db;
use oddish_db::wake::Wakes;
use oddish_domain::environment::DockerEnvironment;
use oddish_domain::sealing::{SealingKey, SecretKey};
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use crate::shapes;

#[with_database]
async fn a_sweep_expands_into_trials_in_order(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    let sweep = json!({
        "task_id": task_id, "user": "alice", "priority": "high", "experiment_id": "nightly", "github_username": "octo",
        "tags": {"team": "evals"}, "unknown_field": 1,
        "configs": [
            {"agent": "claude-code", "model": "Claude-Sonnet-4-5", "n_trials": 2, "timeout_minutes": 5},
            {"agent": "nop"},
        ],
    });
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("TaskResponse", &api.post("/tasks/sweep", &sweep.to_string()).await), @r#"
    {
      "created_at": "[time]",
      "experiment_id": "[id]",
      "experiment_name": "nightly",
      "first_trial_index": 0,
      "id": "hello-[id]",
      "name": "hello",
      "priority": "high",
      "providers": {
        "claude": 2,
        "default": 1
      },
      "status": "pending",
      "trials_count": 3,
      "version": 1
    }
    "#);
    let task = api.get(&format!("/tasks/{task_id}")).await.json();
    assert_eq!(
        (&task["github_username"], &task["priority"], &task["user"]),
        (&json!("octo"), &json!("high"), &json!("alice"))
    );
    let trials = task["trials"].as_array().unwrap();
    let shown: Vec<Value> =
        trials.iter().map(|trial| json!([trial["id"], trial["queue_key"], trial["model"]])).collect();
    let expected = [
        json!([format!("{task_id}-0"), "anthropic/claude-sonnet-4-5", "Claude-Sonnet-4-5"]),
        json!([format!("{task_id}-1"), "anthropic/claude-sonnet-4-5", "Claude-Sonnet-4-5"]),
        json!([format!("{task_id}-2"), "default", "default"]),
    ];
    assert_eq!(shown, expected);
}

async fn refused(api: &Api, change: impl FnOnce(&mut Value), status: u16) -> String {
    let task_id = api.uploaded().await;
    let mut sweep = json!({"task_id": task_id, "user": "alice", "configs": [{"agent": "oracle"}]});
    change(&mut sweep);
    let text = api.post("/tasks/sweep", &sweep.to_string()).await.error(status);
    assert_eq!(api.get(&format!("/tasks/{task_id}")).await.status.as_u16(), 404, "nothing was created");
    text
}

#[with_database]
async fn a_bad_sweep_is_a_4xx_that_names_the_field(db: Db) {
    let api = Api::new(db);
    let config = |config: Value| move |sweep: &mut Value| sweep["configs"][0] = config;

    let text = refused(&api, config(json!({"agent": "orcale"})), 422).await;
    assert!(text.contains("configs[0].agent") && text.contains("oracle"), "it suggests the nearest name: {text}");
    let text = refused(&api, config(json!({"agent": "claude-code"})), 422).await;
    assert!(text.contains("configs[0].model") && text.contains("Model is required"), "{text}");
    let text = refused(&api, |sweep| sweep["version"] = json!(0), 422).await;
    assert!(text.contains("version must be at least 1"), "{text}");
    refused(&api, |sweep| sweep["version"] = json!("newest"), 422).await;
    let text = refused(&api, |sweep| sweep["version"] = json!(2), 404).await;
    assert!(text.starts_with("Version 2 not found for task hello-"), "{text}");
    let text = refused(&api, config(json!({"agent": "oracle", "n_trials": 0})), 422).await;
    assert!(text.contains("n_trials"), "{text}");
    let text = refused(&api, config(json!({"agent": "oracle", "n_trials": 1_000_000})), 422).await;
    assert!(text.contains("10000"), "{text}");
    let text = refused(&api, config(json!({"agent": "oracle", "environment": "moon"})), 422).await;
    assert!(text.contains("environment"), "{text}");
    let text = refused(&api, config(json!({"agent": "oracle", "agent_env": {"KEY-": "hush"}})), 422).await;
    assert!(text.contains("agent_env") && !text.contains("hush"), "{text}");
    let text = refused(&api, config(json!({"model": "x/y"})), 422).await;
    assert_eq!(text, r#"["body","configs",0,"agent"] Field required"#);
    let text = refused(&api, |sweep| sweep["configs"] = json!([]), 400).await;
    assert!(text.contains("Must specify 'configs'"), "{text}");
    let text = refused(&api, |sweep| sweep["user"] = json!(7), 422).await;
    assert!(text.contains(r#"["body","user"]"#), "{text}");
    let text = refused(&api, |sweep| sweep["user"] = json!(" "), 422).await;
    assert!(text.contains("user must not be empty"), "{text}");
    let text = refused(&api, |sweep| sweep["priority"] = json!("urgent"), 422).await;
    assert!(text.contains("priority"), "{text}");
    let text = refused(&api, |sweep| sweep["run_analysis"] = json!(true), 422).await;
    assert!(text.contains("run_analysis"), "{text}");
    let text = refused(&api, |sweep| sweep["task_id"] = json!("nowhere-12345678"), 404).await;
    assert_eq!(text, "Task nowhere-12345678 not found");
}

#[with_database]
async fn a_body_that_is_no_json_is_a_422(db: Db) {
    let api = Api::new(db);
    for body in ["", "{", "{} {}", "[]", "nonsense", "\u{0}", &"[".repeat(100_000)] {
        api.post("/tasks/sweep", body).await.error(422);
    }
    let sweep = json!({"task_id": api.uploaded().await, "user": "alice", "configs": [{"agent": "oracle"}]});
    let text = api.post("/tasks/sweep", &format!("{sweep} {sweep}")).await.error(422);
    assert!(text.contains("JSON decode error: trailing characters"), "{text}");
    api.post("/tasks/sweep", &format!("\"{}\"", "x".repeat(3 << 20))).await.error(413);
}

#[with_database]
async fn a_task_is_submitted_once(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let again = json!({"task_id": task_id, "user": "alice", "configs": [{"agent": "oracle"}]});
    assert!(api.post("/tasks/sweep", &again.to_string()).await.error(409).contains("submitted before"));
    assert_eq!(api.get(&format!("/tasks/{task_id}")).await.json()["total"], 1);
}

#[with_database]
async fn docker_is_refused_where_no_runner_has_it(db: Db) {
    let api = Api::with(db, |everything| everything.expansion.docker = DockerEnvironment::Refused);
    let works =
        "no runner here has Docker, which trials get that ask for nothing else: use one of daytona, e2b, modal, ";
    let text = refused(&api, |_| {}, 422).await;
    assert!(text.contains(r#"["body","environment"]"#) && text.contains(works), "not asked for: {text}");
    let text = refused(&api, |sweep| sweep["environment"] = json!("docker"), 422).await;
    assert!(text.contains(r#"["body","environment"]"#) && text.contains(works), "{text}");
    let text = refused(&api, |sweep| sweep["configs"][0]["environment"] = json!(" Docker"), 422).await;
    assert!(text.contains(r#"["body","configs[0].environment"]"#) && text.contains(works), "{text}");
    assert_eq!(environments(&api, json!("daytona")).await, ["daytona", "e2b"]);
}

#[with_database]
async fn docker_becomes_the_environment_of_the_deployment(db: Db) {
    let api = Api::with(db, |everything| everything.expansion.docker = DockerEnvironment::Replaced("modal"));
    assert_eq!(environments(&api, Value::Null).await, ["modal", "e2b"]);
    assert_eq!(environments(&api, json!("docker")).await, ["modal", "e2b"]);
    assert_eq!(environments(&api, json!("podman")).await, ["podman", "e2b"]);
}

/// The environments of the trials of a sweep for `environment`, one of whose configurations asks for another.
async fn environments(api: &Api, environment: Value) -> Vec<String> {
    let task_id = api.uploaded().await;
    let configs = json!([{"agent": "oracle"}, {"agent": "nop", "environment": "e2b"}]);
    let sweep = json!({"task_id": task_id, "user": "alice", "environment": environment, "configs": configs});
    let answer = api.post("/tasks/sweep", &sweep.to_string()).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
    sqlx::query_scalar("select environment from oddish.trials where task_id = $1 order by trial_index")
        .bind(task_id)
        .fetch_all(&api.db)
        .await
        .unwrap()
}

#[with_database]
async fn a_sweep_wakes_the_dispatcher(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    let mut wakes = Wakes::listen(&api.db).await.unwrap();
    let sweep = json!({"task_id": task_id, "user": "alice", "configs": [{"agent": "oracle"}]});
    assert!(api.post("/tasks/sweep", &sweep.to_string()).await.status.is_success());
    // Generous: nothing else sends anything, so that without a wake it would wait for ever.
    let woken = tokio::time::timeout(std::time::Duration::from_secs(30), wakes.next()).await;
    woken.expect("nobody was woken").unwrap();
}

/// A NUL is valid JSON and no valid text for Postgres.
#[with_database]
async fn a_nul_in_any_text_is_no_500(db: Db) {
    let api = Api::new(db);
    for field in ["task_id", "user", "name", "experiment_id", "environment", "github_username"] {
        let task_id = api.uploaded().await;
        let mut sweep = json!({"task_id": task_id, "user": "alice", "configs": [{"agent": "oracle"}]});
        sweep[field] = json!("a\u{0}b");
        let answer = api.post("/tasks/sweep", &sweep.to_string()).await;
        assert!(answer.status.is_client_error(), "{field}: {answer:?}");
    }
    let task_id = api.uploaded().await;
    for change in
        [json!({"tags": {"a": "\u{0}"}}), json!({"tags": {"\u{0}": "a"}}), json!({"harbor": {"artifacts": ["\u{0}"]}})]
    {
        let mut sweep = json!({"task_id": task_id, "user": "alice", "configs": [{"agent": "m:A", "model": "\u{0}"}]});
        sweep.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = api.post("/tasks/sweep", &sweep.to_string()).await;
        assert!(answer.status.is_client_error(), "{change}: {answer:?}");
    }
    for path in
        ["/tasks/a%00b", "/trials/a%00b/logs", "/trials/a%00b/result", "/tasks?user=%00", "/tasks?experiment_id=%00"]
    {
        let answer = api.get(path).await;
        assert!(!answer.status.is_server_error(), "{path}: {answer:?}");
    }
}

#[with_database]
async fn a_sweep_says_how_often_its_trials_are_tried(db: Db) {
    let api = Api::new(db);
    let text = refused(&api, |sweep| sweep["max_attempts"] = json!(0), 422).await;
    assert!(text.contains(r#"["body","max_attempts"]"#) && text.contains("1 to 100"), "{text}");
    refused(&api, |sweep| sweep["max_attempts"] = json!(101), 422).await;
    let max_attempts = async |asked: Value| {
        let task_id = api.uploaded().await;
        let sweep =
            json!({"task_id": task_id, "user": "alice", "max_attempts": asked, "configs": [{"agent": "oracle"}]});
        assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
        api.get(&format!("/tasks/{task_id}/trials/0")).await.json()["max_attempts"].clone()
    };
    assert_eq!(max_attempts(json!(100)).await, 100);
    assert_eq!(max_attempts(Value::Null).await, 6);
}

#[with_database]
async fn arguments_that_name_files_of_the_runner_are_a_422(db: Db) {
    let secret = SecretKey::generate();
    let api = Api::with_secret(db.clone(), &secret);
    let hostile = [
        (
            json!({"agent": "cline-cli", "model": "gpt-5.2", "agent_kwargs": {"tarball_path": "/etc/shadow"}}),
            "agent_kwargs.tarball_path",
        ),
        (
            json!({"agent": "codex", "model": "gpt-5.2", "agent_env": {"CODEX_AUTH_JSON_PATH": "/root/x"}}),
            "agent_env.CODEX_AUTH_JSON_PATH",
        ),
        (
            json!({"agent": "codex", "model": "gpt-5.2", "agent_config": {"kwargs": {"prompt_template_path": "/etc/passwd"}}}),
            "agent_kwargs.prompt_template_path",
        ),
    ];
    for (config, name) in &hostile {
        let text = refused(&api, |sweep| sweep["configs"][0] = config.clone(), 422).await;
        assert!(text.contains("configs[0]") && text.contains(&format!("`{name}` names a file")), "{text}");
    }
    let options = |sweep: &mut Value| {
        sweep["environment"] = json!("ec2");
        sweep["harbor"] =
            json!({"environment": {"kwargs": {"region": "x", "ssh_key_path": "/home/someone/.ssh/id_ed25519"}}});
    };
    assert!(refused(&api, options, 422).await.contains("`harbor.environment.kwargs.ssh_key_path` names a file"));

    let trusting = Api::with(db, |everything| {
        everything.expansion.sealing = Some(SealingKey::of(&secret));
        everything.expansion.allow_host_access = true;
    });
    for (config, _) in hostile {
        let task_id = trusting.uploaded().await;
        let sweep = json!({"task_id": task_id, "user": "alice", "configs": [config]});
        assert_eq!(trusting.post("/tasks/sweep", &sweep.to_string()).await.json()["trials_count"], 1);
    }
}
