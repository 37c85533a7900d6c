//! `oddish cancel`.

use oddish_db::Db;
use oddish_test_support::with_database;
use serde_json::json;
use snapbox::{assert_data_eq, str};

use crate::binary::oddish;
use crate::served::Served;

#[with_database]
async fn a_task_is_cancelled_after_a_question_and_once(db: Db) {
    let served = Served::new(db).await;
    let task = served.task("alpha", Some("nightly"), 3).await;
    served.api.succeeded().await;
    served.api.begun().await;

    let refused = served.oddish(&["cancel", "alpha"]).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:#?}");
    let expected = format!(
        "error: Cancel 2 of 3 trials of task {task} (alpha)? There is no terminal to ask at\nhint: answer with --yes"
    );
    assert!(refused.stderr.starts_with(&expected), "{refused:#?}");

    let (shown, code) = served.oddish_at_terminal(&["cancel", "alpha"], "n").await;
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains(&format!("Cancel 2 of 3 trials of task {task} (alpha)? [y/N] ")), "{shown}");
    assert!(shown.ends_with("Aborted.\n"), "{shown}");
    assert_eq!(served.statuses(&task).await, ["success", "running", "queued"], "nothing was done");

    let (shown, code) = served.oddish_at_terminal(&["cancel", "alpha"], "y").await;
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("1  cancelled before they ran"), "{shown}");
    let told = served.oddish(&["cancel", &task, "--yes"]).await;
    assert_eq!((told.code, told.stderr.as_str()), (0, ""), "{told:#?}");
    assert_data_eq!(
        told.stdout.replace(&task, "alpha-00000001"),
        str![[r#"
Trials of task alpha-00000001 (alpha)
     1  stopping already
     2  ended before, and unchanged

"#]]
    );
}

#[with_database]
async fn a_filter_names_trials_and_leaves_the_others(db: Db) {
    let served = Served::new(db).await;
    let configs = json!([
        { "agent": "codex", "model": "openai/gpt-5.2", "n_trials": 2 },
        { "agent": "claude-code", "model": "anthropic/claude-sonnet-4-5", "n_trials": 2 },
    ]);
    let alpha = served.sweep("alpha", Some("nightly"), &configs).await;
    let beta = served.sweep("beta", Some("nightly"), &configs).await;

    let dry = served.oddish(&["cancel", "-e", "nightly", "-m", "OpenAI/GPT 5.2", "--task", "beta", "--dry-run"]).await;
    assert_eq!((dry.code, dry.stderr.as_str()), (0, ""), "{dry:#?}");
    assert_data_eq!(
        dry.stdout.replace(&beta, "beta-00000001").replace(&served.api.experiment_of(&alpha).await, "9f8e7d6c"),
        str![[r#"
Trial            Agent  Model           Status  Reward
beta-00000001-0  codex  openai/gpt-5.2  queued       -
beta-00000001-1  codex  openai/gpt-5.2  queued       -

2 trials of experiment 9f8e7d6c (nightly) would be cancelled

"#]]
    );
    assert_eq!(served.statuses(&beta).await, ["queued"; 4], "nothing was done");

    let filtered = ["cancel", "-e", "nightly", "--agent", "codex", "--agent", "nop", "--json", "--yes"];
    let told = served.oddish(&filtered).await;
    assert_eq!((told.code, told.stderr.as_str()), (0, ""), "{told:#?}");
    let ids = [format!("{alpha}-0"), format!("{alpha}-1"), format!("{beta}-0"), format!("{beta}-1")];
    assert_eq!(told.json()["cancelled"], json!(ids));
    for task in [&alpha, &beta] {
        assert_eq!(served.statuses(task).await, ["failed", "failed", "queued", "queued"]);
    }
    let again = served.oddish(&filtered).await.json();
    assert_eq!((&again["cancelled"], &again["already_ended"]), (&json!([]), &json!(ids)));

    let whole = served.oddish(&["cancel", "-e", "nightly", "--json", "--yes"]).await.json();
    assert_eq!(whole["cancelled"].as_array().unwrap().len(), 4, "{whole}");
    assert_eq!(whole["already_ended"].as_array().unwrap().len(), 4, "{whole}");
    // What has ended is no reason to ask.
    let idle = served.oddish(&["cancel", "-e", "nightly"]).await;
    assert_eq!((idle.code, idle.stderr.as_str()), (0, ""), "{idle:#?}");
}

#[with_database]
async fn failed_trials_that_wait_for_another_attempt_can_be_cancelled_alone(db: Db) {
    let served = Served::new(db).await;
    let task = served.task("alpha", None, 2).await;
    let retrying = served.failed("AddTestsDirError").await;
    let told =
        served.oddish(&["cancel", &task, "--failed", "--error-class", "infrastructure", "--json", "--yes"]).await;
    assert_eq!(told.json()["cancelled"], json!([retrying]), "{told:#?}");
    assert_eq!(served.statuses(&task).await, ["failed", "queued"]);
}

/// Every page of a long list, and one request for each trial.
#[with_database]
async fn an_experiment_of_many_tasks_is_whole(db: Db) {
    let served = Served::new(db).await;
    let first = served.task("alpha", Some("large"), 1).await;
    let experiment = served.api.experiment_of(&first).await;
    let tasks = "insert into oddish.tasks (id, name, experiment_id, submitted_by, created_at, updated_at)
        select 't-' || lpad(n::text, 8, '0'), 't', $1, 'a', now(), now() from generate_series(1, 3000) n";
    let versions = "insert into oddish.task_versions (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
        select 't-' || lpad(n::text, 8, '0'), 1, 'a', repeat('0', 64), 1, repeat('1', 64), now() from generate_series(1, 3000) n";
    let trials = "insert into oddish.trials (id, task_id, task_version, trial_index, experiment_id, agent, provider, queue_key, environment,
            max_attempts, created_at, updated_at)
        select 't-' || lpad(n::text, 8, '0') || '-0', 't-' || lpad(n::text, 8, '0'), 1, 0, $1, case n when 3000 then 'nop' else 'oracle' end,
            'default', 'default', 'docker', 6, now(), now() from generate_series(1, 3000) n";
    sqlx::query(tasks).bind(&experiment).execute(&served.api.db).await.unwrap();
    sqlx::query(versions).execute(&served.api.db).await.unwrap();
    sqlx::query(trials).bind(&experiment).execute(&served.api.db).await.unwrap();

    let all = served.oddish(&["cancel", "-e", "large", "--dry-run", "--json"]).await.json();
    assert_eq!(all["would_cancel"].as_array().unwrap().len(), 3001);
    let one = served.oddish(&["cancel", "-e", "large", "--agent", "nop", "--dry-run", "--json"]).await.json();
    assert_eq!(one["would_cancel"], json!(["t-00003000-0"]));
}

#[test]
fn a_command_line_that_makes_no_sense_is_a_usage_error() {
    for arguments in [
        &["cancel"][..],
        &["cancel", "x", "--experiment", "y"],
        &["cancel", ""],
        &["cancel", "x", "--error-class", "bad luck"],
        &["retry"],
        &["delete"],
        &["delete", "x", "-e", "y"],
        &["clean"],
        &["clean", "x", "--all-experiments"],
        &["clean", "-e", "x", "--all-experiments"],
        &["logs"],
        &["logs", "x", "--tail", "0"],
        &["logs", "x", "--attempt", "0"],
    ] {
        let outcome = oddish(arguments);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{arguments:?}: {outcome:#?}");
    }
}
