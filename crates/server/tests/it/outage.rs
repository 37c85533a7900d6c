//! The database is away for a while.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use oddish_runner::attempt::trial_name;
use tokio::time::{Instant, sleep_until};

use crate::stack::{Stack, eventually, hello};
use crate::stand_in;

const RUNNERS: usize = 50;
/// Runners that are back in contact only after the dispatcher has found their leases run out.
const SLOW: usize = 5;
/// Seconds that the database is away, unless `ODDISH_SOAK_SECONDS` says otherwise (`cargo xtask soak outage`).
const AWAY: u64 = 15;

/// Attempts that ended in another way than with their result.
const ENDED_OTHERWISE: &str = "attempts where outcome <> 'recorded'";

/// The leases run out meanwhile, as they do when it is away for longer.
#[tokio::test]
async fn while_the_database_is_away_nobody_is_reaped_and_no_result_is_lost() {
    let away = std::env::var("ODDISH_SOAK_SECONDS").map_or(AWAY, |seconds| seconds.parse().unwrap());
    let mut stack = Stack::with_own_postgres().await;
    let stand_in = stand_in::install(&stack);
    let gates = stack.folder().join("gates");
    std::fs::create_dir(&gates).unwrap();
    stack.set("ODDISH_HARBOR_PYTHON", stand_in.to_str().unwrap());
    stack.set("ODDISH_MAX_RUNNERS", &RUNNERS.to_string());
    stack.start_api(&["--n-concurrent", &format!(r#"{{"default": {RUNNERS}}}"#)]).await;
    let task_id = stack.submit(&hello(), &["-a", "oracle", "--n-trials", &RUNNERS.to_string()]).remove(0);
    eventually("all runners to be at work", async || {
        (count(&stack, "trials where harbor_stage = 'agent_running'").await == RUNNERS).then_some(())
    })
    .await;

    sqlx::query("update oddish.jobs set lease_until = now() + interval '3 s'").execute(&stack.db).await.unwrap();
    let trials: Vec<String> = (0..RUNNERS).map(|index| format!("{task_id}-{index}")).collect();
    let (early, late) = trials.split_at(RUNNERS / 2);
    let slow: Vec<i32> = sqlx::query_scalar("select pid from oddish.attempts where trial_id = any($1)")
        .bind(&late[..SLOW])
        .fetch_all(&stack.db)
        .await
        .unwrap();
    let slow: Vec<Pid> = slow.into_iter().map(Pid::from_raw).collect();
    stack.postgres().kill().await;
    let back = Instant::now() + Duration::from_secs(away);
    let end = |trials: &[String]| {
        for trial in trials {
            std::fs::write(gates.join(trial_name(trial, 1)), "").unwrap();
        }
    };
    end(early);
    let stored = stack.storage().join("tasks").join(&task_id).join("trials");
    eventually("half of the trials to finish", async || {
        early.iter().all(|trial| stored.join(trial).join("attempt-1.outcome.json").is_file()).then_some(())
    })
    .await;
    for runner in &slow {
        kill(*runner, Signal::SIGSTOP).unwrap();
    }
    sleep_until(back).await;
    stack.postgres().start_again();

    eventually("the leases that ran out to be seen", async || {
        assert_eq!(count(&stack, ENDED_OTHERWISE).await, 0, "a living runner was taken for dead");
        (count(&stack, "jobs where suspect_since is not null").await >= SLOW).then_some(())
    })
    .await;
    for runner in &slow {
        kill(*runner, Signal::SIGCONT).expect("a living runner was taken for dead");
    }
    eventually("results to arrive, and runners at work to renew their leases", async || {
        assert_eq!(count(&stack, ENDED_OTHERWISE).await, 0, "a living runner was taken for dead");
        let ended = count(&stack, "trials where status = 'success'").await;
        let suspect = count(&stack, "jobs where suspect_since is not null or lease_until < now()").await;
        (ended >= early.len() && suspect == 0).then_some(())
    })
    .await;
    end(late);
    let task = stack.completed(&task_id).await;
    assert_eq!((&task["completed"], &task["failed"]), (&RUNNERS.into(), &0.into()));
    assert_eq!(stack.outcomes(&task_id).await, vec!["recorded"; RUNNERS], "none ran again");
}

async fn count(stack: &Stack, what: &str) -> usize {
    let query = format!("select count(*) from oddish.{what}");
    let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&stack.db).await.unwrap();
    usize::try_from(count).unwrap()
}
