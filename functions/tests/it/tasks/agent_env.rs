//! Environment variables that a sweep gives its agents.

use oddish_db::Db;
use oddish_domain::harbor_settings::HarborSettings;
use oddish_domain::sealing::{SealingKey, SecretKey};
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

const SECRET: &str = "hush-4711-hush";

/// Every row of every table that is ours, as text.
async fn dump(db: &Db) -> String {
    let names = "select table_name::text from information_schema.tables where table_schema = 'oddish' order by 1";
    let tables: Vec<String> = sqlx::query_scalar(names).fetch_all(db).await.unwrap();
    assert!(tables.iter().any(|table| table == "trials"), "{tables:?}");
    let mut text = String::new();
    for table in tables {
        let sql = format!("select coalesce(string_agg(t::text, e'\\n'), '') from oddish.{table} t");
        text += &sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(sql)).fetch_one(db).await.unwrap();
    }
    text
}

#[with_database]
async fn values_are_stored_sealed_and_never_answered(db: Db) {
    let secret = SecretKey::generate();
    let api = Api::with_secret(db, &secret);
    let task_id = api.uploaded().await;
    let sweep = json!({
        "task_id": task_id, "user": "alice", "agent_env": {"IN_FLAT": SECRET},
        "harbor": {"agent_config": {"env": {"IN_HARBOR": SECRET}}},
        "configs": [
            {"agent": "oracle", "agent_env": {"IN_CONFIG": SECRET}, "n_trials": 2},
            {"agent": "nop", "agent_config": {"env": {"IN_AGENT_CONFIG": SECRET}}},
        ],
    });
    let answer = api.post("/tasks/sweep", &sweep.to_string()).await;
    assert_eq!(answer.json()["trials_count"], 3);

    let stored = dump(&api.db).await;
    assert!(stored.contains("IN_CONFIG"), "names may be read: {stored}");
    assert!(!stored.contains(SECRET), "{stored}");
    let harbor: Vec<Value> =
        sqlx::query_scalar("select harbor from oddish.trials order by trial_index").fetch_all(&api.db).await.unwrap();
    let key = SealingKey::of(&secret);
    let mut names = Vec::new();
    for harbor in &harbor {
        let settings: HarborSettings = serde_json::from_value(harbor.clone()).unwrap();
        let env = settings.agent_env.unseal(&key, &task_id).unwrap();
        assert!(env.iter().all(|(_, value)| value == SECRET), "{harbor}");
        names.push(env.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>().join(" "));
    }
    assert_eq!(
        names,
        ["IN_CONFIG IN_FLAT IN_HARBOR", "IN_CONFIG IN_FLAT IN_HARBOR", "IN_AGENT_CONFIG IN_FLAT IN_HARBOR"]
    );

    let sealed = harbor[0]["agent_env"]["IN_CONFIG"].as_str().unwrap();
    for path in ["/tasks".to_owned(), format!("/tasks/{task_id}"), format!("/tasks/{task_id}/trials/0")] {
        let answer = api.get(&path).await;
        assert!(
            answer.status.is_success() && !answer.body.contains(SECRET) && !answer.body.contains(sealed),
            "{answer:?}"
        );
    }
}

#[with_database]
async fn without_a_secret_they_are_refused_with_what_to_set(db: Db) {
    let api = Api::new(db);
    let task_id = api.uploaded().await;
    let mut sweep =
        json!({"task_id": task_id, "user": "alice", "configs": [{"agent": "oracle", "agent_env": {"KEY": SECRET}}]});
    let text = api.post("/tasks/sweep", &sweep.to_string()).await.error(422);
    assert!(text.contains("configs[0].agent_env") && text.contains("set ODDISH_SECRET_KEY"), "{text}");
    assert!(!text.contains(SECRET), "{text}");
    assert!(!dump(&api.db).await.contains(SECRET));
    sweep["configs"][0]["agent_env"] = json!({});
    assert!(api.post("/tasks/sweep", &sweep.to_string()).await.status.is_success());
}
