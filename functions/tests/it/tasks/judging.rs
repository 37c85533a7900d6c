//! Having trials analysed and tasks judged, with a worker that judges through `oddish_db`.

use oddish::judging::Judges;
use oddish_db::jobs::ProcessIdentity;
use oddish_db::judging::{self, Subject};
use oddish_db::{Db, queue};
use oddish_domain::retry::RetrySettings;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::shapes;

/// A deployment that judges.
fn judged(db: Db) -> Api {
    Api::with(db, |everything| everything.judges = Judges::of("claude-haiku-4-5", "openai/gpt-5.2"))
}

/// The worker: makes everything that is to be made, and tells how many analyses and verdicts that were.
async fn judge_all(api: &Api) -> (usize, usize) {
    let (mut analyses, mut verdicts) = (0, 0);
    let now = OffsetDateTime::now_utc();
    let process = ProcessIdentity { host: "testhost".to_owned(), pid: 42, started_at: now };
    while let Some(claim) = queue::claim(&api.db, 1, OffsetDateTime::now_utc()).await.unwrap().pop() {
        let now = OffsetDateTime::now_utc();
        let judgement =
            match judging::begin(&api.db, claim.attempt.token, &process, now).await.unwrap().expect("no trial") {
                Subject::Trial { trial_id, .. } => {
                    assert_eq!(claim.queue_key, "anthropic/claude-haiku-4-5");
                    analyses += 1;
                    json!({"classification": "GOOD_SUCCESS", "trial": trial_id})
                }
                Subject::Task { analyses, .. } => {
                    assert_eq!(claim.queue_key, "openai/gpt-5.2");
                    verdicts += 1;
                    json!({"is_good": true, "of": analyses.len()})
                }
            };
        judging::record(&api.db, claim.attempt.token, &Ok(judgement), &RetrySettings::default(), now).await.unwrap();
    }
    (analyses, verdicts)
}

/// A task of two trials that have ended.
async fn ended(api: &Api) -> String {
    let task_id = api.submitted(2).await;
    api.succeeded().await;
    api.succeeded().await;
    task_id
}

async fn task(api: &Api, task_id: &str) -> Value {
    api.get(&format!("/tasks/{task_id}")).await.json()
}

#[with_database]
async fn where_nobody_judges_nothing_is_queued(db: Db) {
    let api = Api::new(db);
    let task_id = ended(&api).await;
    let trial = format!("/trials/{task_id}-0/analysis/retry");
    for path in [trial, format!("/tasks/{task_id}/analysis/retry"), format!("/tasks/{task_id}/verdict/retry")] {
        let text = api.post(&path, "").await.error(409);
        assert!(text.contains("ODDISH_ANALYSIS_MODEL") && text.contains("ODDISH_VERDICT_MODEL"), "{text}");
    }
    let sweep =
        json!({"task_id": api.uploaded().await, "user": "a", "run_analysis": true, "configs": [{"agent": "oracle"}]});
    let text = api.post("/tasks/sweep", &sweep.to_string()).await.error(422);
    assert!(text.contains(r#"["body","run_analysis"]"#) && text.contains("ODDISH_ANALYSIS_MODEL"), "{text}");
    assert!(queue::claim(&api.db, 1, OffsetDateTime::now_utc()).await.unwrap().is_empty());
}

#[with_database]
async fn a_sweep_with_analysis_is_judged(db: Db) {
    let api = judged(db);
    let task_id = api.uploaded().await;
    let mut sweep =
        json!({"task_id": task_id, "user": "a", "run_analysis": true, "configs": [{"agent": "oracle", "n_trials": 2}]});
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    for _ in 0..2 {
        // Analyses are queued meanwhile; the trial is what was submitted first.
        let (trial, token) = api.begun().await;
        let outcome = oddish_db::attempts::Outcome {
            succeeded: true,
            reward: Some(1.0),
            rewards: Some(json!({"reward": 1.0})),
            ..oddish_db::attempts::Outcome::default()
        };
        let rules = RetrySettings::default();
        oddish_db::attempts::record(&api.db, token, &outcome, &rules, OffsetDateTime::now_utc()).await.unwrap();
        assert!(trial.starts_with(&task_id));
        sqlx::query("update oddish.queue_keys set paused_at = now(), paused_by = 'user' where queue_key <> 'default'")
            .execute(&api.db)
            .await
            .unwrap();
    }
    sqlx::query("update oddish.queue_keys set paused_at = null, paused_by = null").execute(&api.db).await.unwrap();
    assert_eq!(judge_all(&api).await, (2, 1));
    let judged = task(&api, &task_id).await;
    assert_eq!(
        (&judged["status"], &judged["run_analysis"], &judged["verdict"]["of"]),
        (&json!("completed"), &json!(true), &json!(2))
    );
    // Added trials are judged as the task is; one that is not judged cannot be from some trial on.
    sweep["append_to_task"] = json!(true);
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    sweep["task_id"] = json!(api.submitted(1).await);
    let text = api.post("/tasks/sweep", &sweep.to_string()).await.error(400);
    assert_eq!(text, "Cannot enable run_analysis when appending to a task that was created without it");
}

#[with_database]
async fn a_task_is_analysed_and_judged_again(db: Db) {
    let api = judged(db);
    let task_id = ended(&api).await;
    let retry = format!("/tasks/{task_id}/analysis/retry");
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push(api.post(&retry, "").await);
        let analysing = task(&api, &task_id).await;
        assert_eq!((&analysing["status"], &analysing["run_analysis"]), (&json!("analyzing"), &json!(true)));
        assert_eq!((&analysing["verdict"], &analysing["finished_at"]), (&json!(null), &json!(null)));
        let text = api.post(&retry, "").await.error(400);
        assert_eq!(text, "Some trial analyses are already in progress for this task");
        let text = api.post(&format!("/trials/{task_id}-1/analysis/retry"), "").await.error(400);
        assert_eq!(text, "Analysis is already in progress for this trial (current: queued)");
        let text = api.post(&format!("/tasks/{task_id}/verdict/retry"), "").await.error(400);
        assert_eq!(text, "All trial analyses must finish before running a task verdict");
        assert_eq!(judge_all(&api).await, (2, 1));
        assert_eq!(task(&api, &task_id).await["status"], "completed");
    }

    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("RetryTaskAnalysisResponse", &answers[0]), @r#"
    {
      "status": "queued",
      "task_id": "hello-[id]",
      "trial_count": 2
    }
    "#);
    assert_eq!(answers[0].body, answers[1].body);
    let answer = api.post(&format!("/trials/{task_id}-1/analysis/retry"), "").await.json();
    assert_eq!(answer, json!({"status": "queued", "trial_id": format!("{task_id}-1")}));
    assert_eq!(task(&api, &task_id).await["trials"][0]["analysis_status"], "success", "the other's stays");
    assert_eq!(judge_all(&api).await, (1, 1));

    insta::assert_json_snapshot!(shapes::of("RetryVerdictResponse", &api.post(&format!("/tasks/{task_id}/verdict/retry"), "").await), @r#"
    {
      "status": "queued",
      "task_id": "hello-[id]"
    }
    "#);
    let pending = task(&api, &task_id).await;
    assert_eq!((&pending["status"], &pending["verdict_status"]), (&json!("verdict_pending"), &json!("queued")));
    let text = api.post(&format!("/tasks/{task_id}/verdict/retry"), "").await.error(400);
    assert_eq!(text, "Task verdict is already in progress");
    for path in [&retry, &format!("/trials/{task_id}-1/analysis/retry")] {
        let text = api.post(path, "").await.error(400);
        assert_eq!(text, "Cannot rerun analysis while the task verdict is still running");
    }
    assert_eq!(judge_all(&api).await, (0, 1));
    assert_eq!(task(&api, &task_id).await["verdict"]["of"], 2);
}

#[with_database]
async fn what_has_not_ended_is_not_judged(db: Db) {
    let api = judged(db);
    let task_id = api.submitted(2).await;
    let retry = async |path: String| api.post(&path, "").await.error(400);
    let text = retry(format!("/trials/{task_id}-0/analysis/retry")).await;
    assert_eq!(text, "Can only run analysis for completed or failed trials (current: queued)");
    let text = retry(format!("/tasks/{task_id}/analysis/retry")).await;
    assert_eq!(text, "Can only run task analysis after all trials finish");
    let text = retry(format!("/tasks/{task_id}/verdict/retry")).await;
    assert_eq!(text, "Can only run a task verdict after all trials finish");
    api.succeeded().await;
    let text = retry(format!("/trials/{task_id}-0/analysis/retry")).await;
    assert_eq!(text, "Can only run trial analysis after all trials for the task finish");
    api.succeeded().await;
    let text = retry(format!("/tasks/{task_id}/verdict/retry")).await;
    assert_eq!(text, "All trial analyses must finish before running a task verdict", "there are none");

    for index in 0..2 {
        api.delete(&format!("/trials/{task_id}-{index}")).await.json();
    }
    assert_eq!(retry(format!("/tasks/{task_id}/analysis/retry")).await, "Task has no trials to analyze");
    assert_eq!(retry(format!("/tasks/{task_id}/verdict/retry")).await, "Task has no trials");
    for (path, text) in [
        ("/trials/nowhere-0/analysis/retry", "Trial nowhere-0 not found"),
        ("/tasks/nowhere/analysis/retry", "Task nowhere not found"),
        ("/tasks/nowhere/verdict/retry", "Task nowhere not found"),
    ] {
        assert_eq!(api.post(path, "").await.error(404), text);
    }
    assert!(queue::claim(&api.db, 10, OffsetDateTime::now_utc()).await.unwrap().is_empty());
}

/// Somebody asked for the end of the task, and now wants to know how it went.
#[with_database]
async fn a_cancelled_task_can_be_judged(db: Db) {
    let api = judged(db);
    let task_id = api.submitted(2).await;
    api.succeeded().await;
    api.post("/tasks/cancel", &json!({"task_ids": [task_id]}).to_string()).await.json();
    assert_eq!(task(&api, &task_id).await["status"], "failed");
    assert_eq!(api.post(&format!("/tasks/{task_id}/analysis/retry"), "").await.json()["trial_count"], 2);
    assert_eq!(judge_all(&api).await, (2, 1));
    assert_eq!(task(&api, &task_id).await["status"], "completed");
}
