//! `GET /queues/{key}`, with the key in any spelling.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use super::update_queue::submit;

#[with_database]
async fn a_key_may_be_spelled_in_any_way(db: Db) {
    let api = Api::new(db);
    submit(&api, "gpt-5.2", 1).await;
    for spelling in ["openai%2Fgpt-5.2", "openai%2fgpt-5.2", "gpt-5.2", "OpenAI/GPT-5.2"] {
        let answer = api.get(&format!("/queues/{spelling}")).await;
        assert_eq!(answer.json()["queue_key"], "openai/gpt-5.2", "{spelling}: {answer:?}");
        let limit = api.patch(&format!("/queues/{spelling}"), &json!({"concurrency_limit": 3})).await;
        assert_eq!(limit.json()["queue_key"], "openai/gpt-5.2", "{spelling}: {limit:?}");
    }
    assert_eq!(api.get("/queues").await.json().as_array().unwrap().len(), 1);
}
