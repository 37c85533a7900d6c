//! Names and other texts of clients: those that the database cannot keep are a 422 that names the field, in every request that has one.

use oddish_api_types::{MAX_MESSAGE, MAX_TAGS};
use oddish_db::Db;
use oddish_functions::http::document::openapi;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Map, Value, json};

/// The longest that can be kept: 1020 bytes, in the database's indexes too.
fn longest_label() -> String {
    "🦦".repeat(255)
}

/// As one sweep after the other is refused, with the field that is at fault.
#[with_database]
async fn what_a_sweep_cannot_keep_is_a_422_that_names_the_field(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    let tags = |count: usize| (0..count).map(|n| (format!("tag {n}"), json!("x"))).collect::<Map<_, _>>();
    let config = |agent: String, model: Option<String>| json!([{"agent": agent, "model": model}]);
    for (field, value, at) in [
        ("configs", config("claude-code".into(), Some("g".repeat(256))), "configs[0].model"),
        ("configs", config("claude-code".into(), Some(format!("openai/{}", "g".repeat(249)))), "configs[0].model"),
        ("configs", config("claude-code".into(), Some(format!("gpt-{}", "5".repeat(250)))), "configs[0].model"),
        ("configs", config("claude-code".into(), Some("🦦".repeat(201))), "configs[0].model"),
        ("configs", config("claude-code".into(), Some("gpt-5\u{1b}[2J".into())), "configs[0].model"),
        ("configs", config("claude-code".into(), Some("\n".into())), "configs[0].model"),
        ("configs", config("claude-code".into(), Some("a\0b".into())), "configs[0].model"),
        ("configs", config("oracle".into(), Some("g".repeat(256))), "configs[0].model"),
        ("configs", config(format!("m.{}:C", "a".repeat(2700)), None), "configs[0].agent"),
        ("configs", config(format!("m:{}", "é".repeat(199)), None), "configs[0].agent"),
        ("configs", config("oracle\n".into(), None), "configs[0].agent"),
        ("user", json!("u".repeat(256)), "user"),
        ("user", json!("u\u{7}"), "user"),
        ("name", json!("n".repeat(256)), "name"),
        ("name", json!("n\tn"), "name"),
        ("experiment_id", json!("e".repeat(256)), "experiment_id"),
        ("experiment_id", json!("e\ne"), "experiment_id"),
        ("tags", Value::Object(tags(MAX_TAGS + 1)), "tags"),
        ("tags", json!({"n".repeat(256): "x"}), "tags"),
        ("tags", json!({"n\u{85}": "x"}), "tags"),
        ("tags", json!({"": "x"}), "tags"),
        ("tags", json!({"team": "x".repeat(4097)}), "tags\",\"team"),
        ("tags", json!({"team": "a\u{1b}b"}), "tags\",\"team"),
        ("github_username", json!("x".repeat(4097)), "github_username"),
        ("github_username", json!("x\ry"), "github_username"),
    ] {
        let mut sweep = json!({"task_id": task_id, "user": "alice", "configs": [{"agent": "oracle"}]});
        let shown: String = value.to_string().chars().take(60).collect();
        sweep[field] = value;
        let text = api.post("/tasks/sweep", &sweep.to_string()).await.error(422);
        assert!(text.contains(&format!("[\"body\",\"{at}\"]")) && text.len() < 1000, "{field} {shown}: {text}");
    }
    assert_eq!(api.get(&format!("/tasks/{task_id}")).await.status.as_u16(), 404, "nothing was created");
}

/// Everything as long as it may be, at once: the indexes that hold several of them have room for that.
#[with_database]
async fn the_longest_names_are_kept(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    let mut tags: Map<String, Value> = (0..MAX_TAGS - 1).map(|n| (format!("tag {n}"), json!("x"))).collect();
    tags.insert(longest_label(), json!("ü".repeat(4096)));
    let ascii = format!("m.{}:C", "a".repeat(251));
    let model = "🦦".repeat(200);
    let sweep = json!({
        "task_id": task_id, "user": longest_label(), "name": longest_label(), "experiment_id": longest_label(), "tags": tags,
        "configs": [
            {"agent": format!("m.{}:C", "ö".repeat(196)), "model": model},
            {"agent": ascii, "model": "g".repeat(255)},
            {"agent": "claude-code", "model": format!("gpt-{}", "5".repeat(244))},
        ],
    });
    let answer = api.post("/tasks/sweep", &sweep.to_string()).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    let trials = api.get(&format!("/tasks/{task_id}")).await.json();
    assert_eq!((&trials["trials"][0]["model"], &trials["trials"][1]["agent"]), (&json!(model), &json!(ascii)));
    for trial in trials["trials"].as_array().unwrap() {
        let key = trial["queue_key"].as_str().unwrap();
        let path: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
        let paused = api.patch(&format!("/queues/{path}"), &json!({"paused": true})).await;
        assert_eq!(paused.status.as_u16(), 200, "a key that trials wait for can be paused: {paused:?}");
    }
}

#[with_database]
async fn an_import_keeps_the_longest_names_and_refuses_longer_ones(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    let import = |agent: &str, model: &str| {
        let trial = json!({"agent": agent, "model": model, "status": "success", "external_trial_id": longest_label()});
        json!({"task_id": task_id, "upload_artifacts": false, "experiment_id": longest_label(), "trial": trial})
            .to_string()
    };
    let otters = "🦦".repeat(201);
    for (agent, model, field) in [
        (otters.as_str(), "gpt-5", "agent"),
        ("codex", otters.as_str(), "model"),
        (&"a".repeat(256), "gpt-5", "agent"),
        ("codex", &format!("gpt-{}", "5".repeat(250)), "model"),
        ("a\u{1b}b", "gpt-5", "agent"),
    ] {
        let text = api.post("/trials/import/init", &import(agent, model)).await.error(422);
        assert!(text.contains(&format!(r#"["body","trial","{field}"]"#)), "{text}");
    }
    let longest = "🦦".repeat(200);
    let kept = api.post("/trials/import/init", &import(&longest, &longest)).await;
    assert_eq!(kept.status.as_u16(), 200, "{kept:?}");
}

#[with_database]
async fn other_names_have_their_bounds_too(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let experiment = format!("/experiments/{}", api.experiment_of(&task_id).await);
    let hash = "a".repeat(64);
    let message = json!({"name": "n", "content_hash": hash, "message": "ä".repeat(MAX_MESSAGE)});
    assert_eq!(api.post("/tasks/upload/init", &message.to_string()).await.status.as_u16(), 200);
    for (path, body, field) in [
        (
            "/tasks/upload/init",
            json!({"name": "n", "content_hash": hash, "message": "ä".repeat(MAX_MESSAGE + 1)}),
            "message",
        ),
        ("/tasks/upload/init", json!({"name": "n".repeat(256), "content_hash": hash}), "name"),
        (
            "/tasks/upload/complete",
            json!({"task_id": "t", "name": "n", "version": 1, "content_hash": hash, "message": "ä".repeat(MAX_MESSAGE + 1)}),
            "message",
        ),
        (
            "/tasks/upload/complete",
            json!({"task_id": "t", "name": "n", "version": 1, "content_hash": hash, "user": "u\u{1}"}),
            "user",
        ),
        ("/api-keys", json!({"name": "n".repeat(256)}), "name"),
        ("/api-keys", json!({"name": "n", "owner": "o\n"}), "owner"),
    ] {
        let text = api.post(path, &body.to_string()).await.error(422);
        assert!(text.contains(&format!(r#"["body","{field}"]"#)), "{path}: {text}");
    }
    for name in ["n".repeat(256), "a\u{9b}b".to_owned()] {
        let text = api.patch(&experiment, &json!({"name": name})).await.error(422);
        assert!(text.contains(r#"["body","name"]"#), "{text}");
    }
    for key in ["x".repeat(256), "a%1Bb".to_owned(), "a%00b".to_owned()] {
        let text = api.patch(&format!("/queues/{key}"), &json!({"concurrency_limit": 1})).await.error(422);
        assert!(text.contains(r#"["path","key"]"#), "{text}");
    }
}

/// What the document says of these fields is what is asked of them.
#[test]
fn the_document_has_the_bounds() {
    let document = serde_json::to_value(openapi()).unwrap();
    let fields = |schema: &str| document["components"]["schemas"][schema]["properties"].clone();
    let validator = |schema: &Value| jsonschema::draft202012::new(schema).unwrap();
    let sweep = fields("SweepRequest");
    for field in ["agent", "model"] {
        let name = validator(&fields("SweepConfig")[field]);
        for good in ["a".repeat(255), "🦦".repeat(200), String::new()] {
            assert!(name.is_valid(&json!(good)), "{field} {good}");
        }
        for bad in ["a".repeat(256), "🦦".repeat(201), "a\nb".to_owned(), "a\u{85}".to_owned(), "a\0".to_owned()] {
            assert!(!name.is_valid(&json!(bad)), "{field} {bad:?}");
        }
    }
    let tags = validator(&sweep["tags"]);
    assert!(tags.is_valid(&json!({"team": "", "größe": "ü".repeat(4096)})));
    for bad in
        [json!({"": "x"}), json!({"a\nb": "x"}), json!({"a": "b\nc"}), json!({"a": "b".repeat(4097)}), json!({"a": 1})]
    {
        assert!(!tags.is_valid(&bad), "{bad}");
    }
    let many: Map<String, Value> = (0..=MAX_TAGS).map(|n| (n.to_string(), json!("x"))).collect();
    assert!(!tags.is_valid(&Value::Object(many)));
    for (schema, field, most) in [
        ("SweepRequest", "github_username", 4096),
        ("SweepRequest", "user", 255),
        ("InitUploadRequest", "message", MAX_MESSAGE),
        ("CompleteUploadRequest", "message", MAX_MESSAGE),
        ("ImportedTrial", "agent", 255),
        ("ImportedTrial", "model", 255),
    ] {
        assert_eq!(fields(schema)[field]["maxLength"], json!(most), "{schema}.{field}");
    }
}
