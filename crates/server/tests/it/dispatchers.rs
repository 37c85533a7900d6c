//! Several dispatchers on one database.

use std::collections::BTreeSet;

use oddish_db::queue_keys;
use time::OffsetDateTime;

use crate::stack::{Stack, eventually, hello};
use crate::stand_in;

const TRIALS: usize = 60;

/// Two worker processes; the limit is lowered and raised while they run, and read from the database at every claim.
#[tokio::test]
async fn two_dispatchers_keep_limits_that_change_while_they_run() {
    let mut stack = Stack::new().await;
    let stand_in = stand_in::install(&stack);
    stack.set("ODDISH_HARBOR_PYTHON", stand_in.to_str().unwrap());
    stack.start_api(&["--no-workers", "--n-concurrent", r#"{"default": 3}"#]).await;
    stack.start(&["worker"]);
    stack.start(&["worker"]);
    let task_id = stack.submit(&hello(), &["-a", "oracle", "--n-trials", &TRIALS.to_string()]).remove(0);

    let mut limit: i64 = 3;
    let mut most = 0;
    let mut seen = BTreeSet::new();
    eventually("all trials to end", async || {
        let (held, ended): (i64, i64) = sqlx::query_as(
            "select (select count(*) from oddish.jobs where slot is not null),
                (select count(*) from oddish.trials where status in ('success', 'failed'))",
        )
        .fetch_one(&stack.db)
        .await
        .unwrap();
        assert!(held <= limit.max(most), "{held} run at once under a limit of {limit}");
        // Above a limit that was just lowered are only those that ran already.
        most = if held > limit { held } else { limit };
        seen.insert(held);
        let wanted = match ended {
            0..15 => 3,
            15..35 => 1,
            _ => 4,
        };
        if wanted != limit {
            most = limit.max(wanted);
            limit = wanted;
            queue_keys::set_limit(&stack.db, "default", u32::try_from(wanted).unwrap(), OffsetDateTime::now_utc())
                .await
                .unwrap();
        }
        (ended == i64::try_from(TRIALS).unwrap()).then_some(())
    })
    .await;
    assert!(seen.contains(&1) && seen.len() > 2, "the limits were not used: {seen:?}");
    assert_eq!(stack.outcomes(&task_id).await, vec!["recorded"; TRIALS]);
    let task = stack.completed(&task_id).await;
    assert_eq!(task["completed"], TRIALS);
    let hosts: i64 =
        sqlx::query_scalar("select count(distinct pid) from oddish.attempts").fetch_one(&stack.db).await.unwrap();
    assert_eq!(hosts, i64::try_from(TRIALS).unwrap(), "each trial had a runner of its own");
}
