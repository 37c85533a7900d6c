//! `oddish retry`.

use oddish_db::Db;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};
use wiremock::matchers::{header_exists, method, path};
use wiremock::{Mock, MockServer};

use crate::answers::{Script, error_answer, experiment, json_answer, on, task_status, trial};
use crate::binary::oddish_at;
use crate::served::Served;

/// Ends as a fault of the task: no other attempt is made.
const FAULT: &str = "ValidationError";

#[with_database]
async fn what_failed_runs_again_without_a_question(db: Db) {
    let served = Served::new(db).await;
    let task = served.task("alpha", Some("nightly"), 4).await;
    served.failed(FAULT).await;
    served.api.succeeded().await;
    served.api.begun().await;
    assert_eq!(served.statuses(&task).await, ["failed", "success", "running", "queued"]);

    let dry = served.oddish(&["retry", "alpha", "--failed", "--dry-run", "--json"]).await.json();
    assert_eq!((&dry["would_queue"], &dry["dry_run"]), (&json!([format!("{task}-0")]), &json!(true)));
    assert_eq!(served.statuses(&task).await[0], "failed", "nothing was done");

    let told = served.oddish(&["retry", "alpha", "--failed"]).await;
    assert_eq!((told.code, told.stderr.as_str()), (0, ""), "{told:#?}");
    assert_data_eq!(
        told.stdout.replace(&task, "alpha-00000001"),
        str![[r#"
Trials of task alpha-00000001 (alpha)
     1  queued again

"#]]
    );
    assert_eq!(served.statuses(&task).await, ["queued", "success", "running", "queued"]);
    let again = served.oddish(&["retry", "alpha", "--failed", "--json"]).await;
    assert_eq!((again.code, &again.json()["queued"]), (0, &json!([])), "{again:#?}");
}

#[with_database]
async fn a_grade_is_not_thrown_away_without_a_question(db: Db) {
    let served = Served::new(db).await;
    let task = served.task("alpha", Some("nightly"), 3).await;
    served.api.succeeded().await;
    served.failed(FAULT).await;
    let refused = served.oddish(&["retry", "-e", "nightly"]).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:#?}");
    let experiment = served.api.experiment_of(&task).await;
    let expected = format!(
        "error: Run 2 of 3 trials of experiment {experiment} (nightly) again? The grades of 1 trial are lost. There is no terminal"
    );
    assert!(refused.stderr.starts_with(&expected), "{refused:#?}");
    assert_eq!(served.statuses(&task).await, ["success", "failed", "queued"]);
    let told = served.oddish(&["retry", "-e", "nightly", "--yes", "--json"]).await.json();
    assert_eq!(told["queued"], json!([format!("{task}-0"), format!("{task}-1")]));
    assert_eq!(told["not_ended"], json!([format!("{task}-2")]));
    assert_eq!(served.statuses(&task).await, ["queued"; 3]);
}

#[with_database]
async fn an_experiment_runs_again_what_failed_of_a_class(db: Db) {
    let served = Served::new(db).await;
    let alpha = served.task("alpha", Some("nightly"), 2).await;
    let beta = served.task("beta", Some("nightly"), 1).await;
    served.failed(FAULT).await;
    served.api.succeeded().await;
    served.failed(FAULT).await;
    let told = served.oddish(&["retry", "-e", "nightly", "--failed", "--error-class", "task", "--json"]).await;
    assert_eq!(told.json()["queued"], json!([format!("{alpha}-0"), format!("{beta}-0")]), "{told:#?}");
    let jobs = "select count(*) from oddish.jobs where kind = 'trial'";
    let jobs: i64 = sqlx::query_scalar(jobs).fetch_one(&served.api.db).await.unwrap();
    assert_eq!(jobs, 2);
}

#[tokio::test]
async fn what_the_server_can_choose_by_itself_is_one_request() {
    let server = MockServer::start().await;
    let failed = json!({ "status": "failed", "error_class": "task" });
    let page = json!({ "items": [trial("a", 0, failed)], "next_cursor": null, "limit": 250, "total": null });
    on(&server, "GET", "/experiments/9f8e7d6c", json_answer(&experiment("9f8e7d6c", "nightly", json!({})))).await;
    on(&server, "GET", "/trials", json_answer(&page)).await;
    let answer = json!({ "status": "queued", "experiment_id": "9f8e7d6c", "queued": ["a-0"], "still_active": [] });
    on(&server, "POST", "/experiments/9f8e7d6c/retry", json_answer(&answer)).await;
    on(&server, "POST", "/trials/a-0/retry", json_answer(&json!({ "status": "queued", "trial_id": "a-0" }))).await;
    let retry = ["retry", "-e", "9f8e7d6c", "--failed", "--error-class", "task", "--json"];
    for (further, expected) in [(&[][..], "/experiments/9f8e7d6c/retry"), (&["-a", "oracle"], "/trials/a-0/retry")] {
        let told = oddish_at(&server, &[&retry[..], further].concat()).await;
        assert_eq!(told.json()["queued"], json!(["a-0"]), "{told:#?}");
        let requests = server.received_requests().await.unwrap();
        assert_eq!(requests.last().unwrap().url.path(), expected);
        if further.is_empty() {
            let body: Value = requests.last().unwrap().body_json().unwrap();
            assert_eq!(body, json!({ "statuses": ["failed"], "error_classes": ["task"] }));
        }
    }
}

/// A server of which one trial's request is refused and another one's answer is lost at first.
#[tokio::test]
async fn a_summary_is_true_whatever_happens() {
    let server = MockServer::start().await;
    let failed = |index| trial("a", index, json!({ "status": "failed" }));
    let page = json!({ "items": [failed(2), failed(1), failed(0)], "next_cursor": null, "limit": 250, "total": null });
    let task = task_status("a", &[], json!({ "trials": null, "status": "completed" }));
    on(&server, "GET", "/tasks/a", json_answer(&task)).await;
    on(&server, "GET", "/trials", json_answer(&page)).await;
    let queued = |id: &str| json_answer(&json!({ "status": "queued", "trial_id": id }));
    on(&server, "POST", "/trials/a-0/retry", queued("a-0")).await;
    on(&server, "POST", "/trials/a-1/retry", error_answer(400, &json!("not \u{1b}[31mnow"))).await;
    Mock::given(method("POST"))
        .and(path("/trials/a-2/retry"))
        .and(header_exists("idempotency-key"))
        .respond_with(Script::new([error_answer(503, &json!("Please retry.")), queued("a-2")]))
        .mount(&server)
        .await;
    let outcome = oddish_at(&server, &["retry", "a", "--json"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, "error: a-1: not now\n"), "{outcome:#?}");
    let told = outcome.json();
    assert_eq!((&told["queued"], &told["failed"]), (&json!(["a-0", "a-2"]), &json!({ "a-1": "not now" })));
    let requests = server.received_requests().await.unwrap();
    let keys: Vec<_> = requests
        .iter()
        .filter(|request| request.url.path() == "/trials/a-2/retry")
        .map(|request| request.headers["idempotency-key"].clone())
        .collect();
    assert!(keys.len() == 2 && keys[0] == keys[1], "the second is the first once more: {keys:?}");
}
