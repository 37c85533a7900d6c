//! `GET /trials`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::http::listing::{all_pages, submit};

#[with_database]
async fn trials_are_sorted_within_their_experiment(db: Db) {
    let api = Api::new(db);
    let task = submit(&api, "alice", "e", json!([{"agent": "oracle", "n_trials": 7}])).await;
    let experiment = api.experiment_of(&task).await;
    // Two share each value, and one has none: the id decides, and whoever has none comes last or first.
    let ended =
        "update oddish.trials set status = 'success', started_at = '2026-01-01', reward = (trial_index / 2) * 0.1,
            rewards = '{}', cost_usd = (trial_index / 2) * 0.3,
            finished_at = timestamptz '2026-01-01 00:00:00.000001' + (trial_index / 2) * interval '0.1 seconds'
        where trial_index < 6";
    sqlx::query(ended).execute(&api.db).await.unwrap();
    let id = |index: u8| format!("{task}-{index}");
    for sort in ["reward", "cost_usd", "duration", "finished_at"] {
        let up = all_pages(&api, &format!("/trials?experiment_id={experiment}&sort={sort}&limit=2")).await;
        assert_eq!(up, [6, 0, 1, 2, 3, 4, 5].map(id), "{sort}");
        let down = all_pages(&api, &format!("/trials?experiment_id={experiment}&sort=-{sort}&limit=2")).await;
        assert_eq!(down, [5, 4, 3, 2, 1, 0, 6].map(id), "-{sort}");
    }
    // All trials of a sweep were created at one instant.
    let listed = all_pages(&api, "/trials?limit=3").await;
    assert_eq!(listed, [6, 5, 4, 3, 2, 1, 0].map(id));
}
