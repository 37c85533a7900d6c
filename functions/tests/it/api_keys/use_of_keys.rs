//! What the use of a key leads to.

use std::time::Duration;

use oddish_db::api_keys;
use oddish_db::{Db, queue};
use oddish_domain::api_key::{GeneratedKey, Scope};
use oddish_functions::http::auth::{Auth, AuthMode};
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;
use time::OffsetDateTime;

use super::{ask, made};

#[with_database]
async fn that_a_key_was_used_is_noted_to_the_minute(db: Db) {
    let (_, key) = made(&db, "alice", Scope::Read, None).await;
    let hash = oddish_domain::api_key::sha256(&key);
    let begin = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
    let noted = async |after: u64| {
        api_keys::authenticate(&db, &hash, begin + Duration::from_secs(after)).await.unwrap().unwrap();
        api_keys::list(&db).await.unwrap()[0].last_used_at.map(|at| (at - begin).whole_seconds())
    };
    assert_eq!(noted(0).await, Some(0));
    assert_eq!(noted(59).await, Some(0), "not every request is worth a write");
    assert_eq!(noted(61).await, Some(61));
    assert_eq!(noted(30).await, Some(61), "a clock that is behind takes nothing back");
}

#[with_database]
async fn without_a_database_nobody_is_turned_away_as_unknown(db: Db) {
    // Nobody listens there, and nobody waits for somebody to.
    let away = oddish_db::connect_lazy(&"postgresql://nobody@127.0.0.1:1/nothing".parse().unwrap(), 1);
    away.close().await;
    let auth = Auth::new(AuthMode::ApiKey, &away);
    let api = Api::with(db, |everything| (everything.auth, everything.db) = (auth, away));
    let key = GeneratedKey::draw().text;
    let text = ask(&api, "GET", "/tasks", &key, None).await.error(503);
    assert_eq!(text, "Temporary database connectivity issue. Please retry.");
}

/// Both name the same user; what counts is whose key it is.
#[with_database]
async fn slots_are_shared_between_the_owners_of_keys(db: Db) {
    let api = Api::with_keys(db);
    let (_, alice) = made(&api.db, "alice", Scope::Tasks, None).await;
    let (_, bob) = made(&api.db, "bob", Scope::Tasks, None).await;
    let mut tasks = Vec::new();
    for (key, trials) in [(&alice, 6), (&bob, 6)] {
        let uploaded = Api::new(api.db.clone()).uploaded().await;
        let sweep = json!({"task_id": uploaded, "user": "ci", "configs": [{"agent": "oracle", "n_trials": trials}]});
        let answer = ask(&api, "POST", "/tasks/sweep", key, Some(sweep)).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        tasks.push(uploaded);
    }
    let claims = queue::claim(&api.db, 4, OffsetDateTime::now_utc()).await.unwrap();
    for task in &tasks {
        assert_eq!(claims.iter().filter(|claim| claim.attempt.subject.starts_with(task)).count(), 2, "{claims:?}");
    }
}
