//! Behind poolers in transaction mode, whose server connections many clients share.
//!
//! `cargo xtask test` starts both kinds. What is tested here holds on every way to the database; `cargo xtask test --pooler` runs all tests
//! of this crate through each pooler.

use std::collections::BTreeSet;
use std::sync::Arc;

use oddish_db::api_keys::{self, NewApiKey};
use oddish_db::attempts::Standing;
use oddish_db::idempotency::Work;
use oddish_db::jobs::{Fenced, Recorded};
use oddish_db::{Db, DbError, attempts, connect_lazy, leases, queue, wake};
use oddish_domain::api_key::{GeneratedKey, Scope};
use oddish_test_support::scene::{NOW, RULES, Scene, process, reward};
use oddish_test_support::{Through, with_database};
use sqlx::AssertSqlSafe;
use time::Duration;
use tokio::task::JoinSet;

const CLIENTS: usize = 16;
const STATEMENTS: usize = 500;

/// A pool of one connection for each client.
fn clients(through: Through, db: &Db) -> Vec<Db> {
    (0..CLIENTS).map(|_| through.connect(db.direct_options(), 1)).collect()
}

/// Every client asks statements that differ from those of others and say whose they are.
async fn foreign_answers(through: Through, db: &Db) -> usize {
    let mut asking = JoinSet::new();
    for (client, db) in clients(through, db).into_iter().enumerate() {
        asking.spawn(async move {
            let mut foreign = 0;
            for number in 0..STATEMENTS {
                let sql = AssertSqlSafe(format!("select {client}, $1::bigint"));
                let number = i64::try_from(number).unwrap();
                let answer: (i32, i64) = sqlx::query_as(sql).bind(number).fetch_one(&db).await.unwrap();
                foreign += usize::from(answer != (i32::try_from(client).unwrap(), number));
            }
            db.close().await;
            foreign
        });
    }
    asking.join_all().await.into_iter().sum()
}

#[with_database]
async fn no_client_gets_the_answer_of_another(db: Db) {
    for through in Through::POOLERS {
        assert_eq!(foreign_answers(through, &db).await, 0, "{through:?}");
    }
}

/// Names that the pooler does not follow are missing where they are looked for, or taken where they are to be given: the error names
/// the setting that helps.
#[with_database]
async fn named_statements_behind_a_pooler_that_does_not_follow_them_are_a_clear_error(db: Db) {
    let url = Through::UnnamedPooler.url(db.direct_options()).with_statement_cache(100);
    let mut asking = JoinSet::new();
    for _ in 0..CLIENTS {
        let db = connect_lazy(&url, 1);
        asking.spawn(async move { wake::notify(&db).await });
    }
    let refused = asking.join_all().await.into_iter().find_map(Result::err).expect("clients share connections");
    assert!(matches!(refused, DbError::StatementsNotFollowed { .. }), "{refused:?}");
    assert!(refused.to_string().contains("ODDISH_DB_STATEMENT_CACHE=0"), "{refused}");
}

/// Whoever sends an API key is taken for its owner, also while others send theirs.
#[with_database]
async fn an_api_key_opens_for_its_owner_and_nobody_else(db: Db) {
    let mut keys = Vec::new();
    for client in 0..CLIENTS {
        let key = GeneratedKey::draw();
        let owner = format!("owner {client}");
        let new = NewApiKey { name: "key", owner: &owner, scope: Scope::Full, expires_at: None };
        let mut work = Work::begin(&db).await.unwrap();
        api_keys::create(&mut work, &key, &new, NOW).await.unwrap();
        work.finish(&serde_json::Value::Null).await.unwrap();
        keys.push((owner, key.sha256));
    }
    let keys = Arc::new(keys);
    for through in Through::POOLERS {
        let mut asking = JoinSet::new();
        for (client, db) in clients(through, &db).into_iter().enumerate() {
            let keys = Arc::clone(&keys);
            asking.spawn(async move {
                let (owner, sha256) = &keys[client];
                for _ in 0..100 {
                    let found = api_keys::authenticate(&db, sha256, NOW).await.unwrap().unwrap();
                    assert_eq!(found.owner, *owner);
                }
                db.close().await;
            });
        }
        while let Some(asked) = asking.join_next().await {
            asked.unwrap_or_else(|failed| panic!("{through:?}: {failed}"));
        }
    }
}

async fn left(db: &Db) -> i64 {
    sqlx::query_scalar("select count(*) from oddish.jobs").fetch_one(db).await.unwrap()
}

/// Dispatchers and runners behind a pooler: no key runs more than its limit, every lease is its runner's, every trial is recorded once.
#[with_database]
async fn claims_leases_and_records_hold_behind_poolers(db: Db) {
    for through in Through::POOLERS {
        let scene = Scene::new(through.connect(db.direct_options(), 4)).limit("a/one", 3).await.limit("b/two", 2).await;
        scene.task(20, "a/one").await;
        scene.task(12, "b/two").await;
        let mut dispatchers = JoinSet::new();
        for db in clients(through, &db) {
            dispatchers.spawn(async move {
                let mut recorded = BTreeSet::new();
                while left(&db).await > 0 {
                    for claim in queue::claim(&db, 2, NOW).await.unwrap() {
                        let assignment =
                            attempts::begin(&db, claim.attempt.token, &process(), NOW).await.unwrap().unwrap();
                        assert_eq!(
                            (&assignment.attempt.subject, &assignment.queue_key),
                            (&claim.attempt.subject, &claim.queue_key)
                        );
                        let later = NOW + Duration::minutes(1);
                        assert_eq!(leases::renew(&db, claim.attempt.token, later).await.unwrap(), Fenced::Accepted);
                        assert_eq!(attempts::standing(&db, claim.attempt.token).await.unwrap(), Standing::Ours);
                        let outcome =
                            attempts::record(&db, claim.attempt.token, &reward(1.0), &RULES, later).await.unwrap();
                        assert_eq!(outcome, Recorded::Ended);
                        assert_eq!(attempts::standing(&db, claim.attempt.token).await.unwrap(), Standing::Stale);
                        assert!(recorded.insert(claim.attempt.subject));
                    }
                }
                db.close().await;
                recorded
            });
        }
        let recorded: Vec<String> = dispatchers.join_all().await.into_iter().flatten().collect();
        assert_eq!(recorded.len(), 32, "{through:?}: each trial once");
        assert_eq!(recorded.into_iter().collect::<BTreeSet<_>>().len(), 32, "{through:?}");
        scene.assert_consistent().await;
        scene.db.close().await;
    }
}
