//! `DELETE /api-keys/{key_id}`, and keys that expire.

use std::time::Duration;

use oddish_db::Db;
use oddish_db::api_keys;
use oddish_domain::api_key::Scope;
use oddish_functions::http::auth::TRUSTED_FOR;
use oddish_test_support::with_database;
use time::OffsetDateTime;

use super::{ask, made, trusting};

const LONG: Duration = Duration::from_hours(1);

#[with_database]
async fn a_revoked_key_works_no_longer_than_its_look_up_is_believed(db: Db) {
    assert!(TRUSTED_FOR < Duration::from_mins(1), "revoking takes effect within a minute");
    let (id, key) = made(&db, "alice", Scope::Read, None).await;
    let (believing, doubting) = (trusting(db.clone(), LONG), trusting(db.clone(), Duration::ZERO));
    for api in [&believing, &doubting] {
        assert_eq!(ask(api, "GET", "/tasks", &key, None).await.status.as_u16(), 200);
    }
    api_keys::revoke(&db, &id, OffsetDateTime::now_utc()).await.unwrap();
    assert_eq!(ask(&believing, "GET", "/tasks", &key, None).await.status.as_u16(), 200);
    ask(&doubting, "GET", "/tasks", &key, None).await.error(401);
}

#[with_database]
async fn a_key_ends_when_it_expires_even_where_it_is_remembered(db: Db) {
    let api = trusting(db, LONG);
    let end = OffsetDateTime::now_utc() + Duration::from_secs(2);
    let (_, key) = made(&api.db, "alice", Scope::Read, Some(end)).await;
    let mut worked = false;
    loop {
        let answer = ask(&api, "GET", "/queues", &key, None).await;
        if answer.status.as_u16() == 401 {
            break;
        }
        worked = true;
        assert!(OffsetDateTime::now_utc() < end + Duration::from_mins(1), "it never ended");
    }
    assert!(worked && OffsetDateTime::now_utc() >= end, "it ended before its time");
}
