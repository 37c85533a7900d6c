//! `GET /experiments/{experiment_id}/results`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use super::built::{attempts, ended, experiment, graded, near, oracle, rewards, task, trials, used, with};
use crate::shapes;

const ID: &str = "0000000a";
const PATH: &str = "/experiments/0000000a/results";

fn near_estimate(found: &Value, expected: &Value) {
    near(&found["value"], &expected["value"]);
    near(&found["interval"]["low"], &expected["low"]);
    near(&found["interval"]["high"], &expected["high"]);
}

#[with_database]
async fn figures_are_those_that_other_programs_compute(db: Db) {
    let api = Api::new(db);
    let expected = &oracle()["table"];
    experiment(&api.db, ID).await;
    rewards(&api.db, ID, "codex", &expected["tasks"]).await;
    let row = api.get(PATH).await.json()["agents"][0].clone();
    near_estimate(&row["headline"], &expected["headline"]);
    near_estimate(&row["mixed"], &expected["mixed"]);
    let rates = expected["pass_rates"].as_array().unwrap();
    assert_eq!(row["pass_rates"].as_array().unwrap().len(), rates.len());
    for (found, expected) in row["pass_rates"].as_array().unwrap().iter().zip(rates) {
        assert_eq!(found["k"], expected["k"]);
        near_estimate(&found["pass_at_k"], &expected["at_least_one"]);
        near_estimate(&found["pass_all_k"], &expected["all"]);
    }
}

#[with_database]
async fn trials_without_a_grade_are_no_zeros(db: Db) {
    let api = Api::new(db);
    experiment(&api.db, ID).await;
    let one = task(&api.db, ID, "one", 'a').await;
    let failed = |class: &str| with(ended("failed"), &json!({"error_class": class}));
    let asked = json!({"cancel_requested_at": "2026-10-20T10:00:30Z"});
    let all = [
        with(graded(1.0), &json!({"cost_usd": 0.25})),
        graded(1.0),
        failed("infrastructure"),
        failed("infrastructure"),
        failed("verifier"),
        with(failed("agent"), &asked),
        with(failed("infrastructure"), &json!({"unconfirmed_reward": 1.0})),
        with(ended("success"), &json!({"rewards": {"speed": 1.0, "style": 0.5}})),
        with(ended("success"), &json!({"harbor": {"disable_verification": true}})),
        json!({"status": "running", "started_at": "2026-10-20T10:00:00Z"}),
        json!({"status": "retrying", "error_class": "infrastructure"}),
        json!({}),
    ];
    trials(&api.db, ID, &one, ("codex", Some("gpt-5.2")), &all).await;
    attempts(&api.db, &format!("{one}-0"), &[Some(30.0), Some(12.5)]).await;
    // What was paid for an attempt that had to be repeated was paid, too.
    used(&api.db, &format!("{one}-0"), 1, Some(0.5), [Some(1000), Some(0), None]).await;
    used(&api.db, &format!("{one}-0"), 2, Some(0.25), [None; 3]).await;
    attempts(&api.db, &format!("{one}-1"), &[Some(20.0)]).await;
    attempts(&api.db, &format!("{one}-9"), &[None]).await;
    // Trials of a task that waits.
    let two = task(&api.db, ID, "two", 'b').await;
    trials(&api.db, ID, &two, ("codex", Some("gpt-5.2")), &[json!({}), json!({})]).await;

    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("ResultsResponse", &api.get(PATH).await), @r#"
    {
      "agents": [
        {
          "agent": "codex",
          "coverage": {
            "graded": 2,
            "share": 0.14285714285714285,
            "trials": 14,
            "ungraded": [
              {
                "error_class": null,
                "reason": "waiting",
                "trials": 4
              },
              {
                "error_class": null,
                "reason": "running",
                "trials": 1
              },
              {
                "error_class": "infrastructure",
                "reason": "failed",
                "trials": 2
              },
              {
                "error_class": "verifier",
                "reason": "failed",
                "trials": 1
              },
              {
                "error_class": null,
                "reason": "cancelled",
                "trials": 1
              },
              {
                "error_class": null,
                "reason": "not_verified",
                "trials": 1
              },
              {
                "error_class": null,
                "reason": "no_scalar_reward",
                "trials": 1
              },
              {
                "error_class": null,
                "reason": "unconfirmed",
                "trials": 1
              }
            ]
          },
          "graded_tasks": 1,
          "headline": null,
          "headline_refused": {
            "reason": "2 of 14 trials are graded, and a headline needs 90 %",
            "ungraded_as_one": 1.0,
            "ungraded_as_zero": 0.08333333333333333
          },
          "mixed": {
            "few_tasks": true,
            "interval": null,
            "tasks": 1,
            "value": 0.0
          },
          "model": "gpt-5.2",
          "pass_rates": [],
          "ungraded_tasks": 1,
          "usage": {
            "cache_tokens": {
              "known": 1,
              "of": 4,
              "sum": 0.0
            },
            "cost_usd": {
              "known": 2,
              "of": 4,
              "sum": 0.75
            },
            "input_tokens": {
              "known": 1,
              "of": 4,
              "sum": 1000.0
            },
            "output_tokens": {
              "known": 0,
              "of": 4,
              "sum": null
            },
            "seconds": {
              "known": 3,
              "of": 4,
              "sum": 62.5
            }
          }
        }
      ],
      "coverage_bar": 0.9,
      "data_version": "[random]",
      "experiment_id": "[id]",
      "experiment_name": "e 0000000a",
      "pass_threshold": 1.0
    }
    "#);
    // With another bar the headline is there: of the graded trials alone.
    let lower = api.get(&format!("{PATH}?coverage_bar=0.1")).await.json()["agents"][0].clone();
    assert_eq!((&lower["headline"]["value"], &lower["headline_refused"]), (&json!(1.0), &Value::Null));
    let stricter = api.get(&format!("{PATH}?coverage_bar=0&pass_threshold=1.5")).await.json()["agents"][0].clone();
    assert_eq!(
        (&stricter["pass_rates"][0]["pass_at_k"]["value"], &stricter["pass_rates"][0]["k"]),
        (&json!(0.0), &json!(1))
    );
}

#[with_database]
async fn copies_and_versions_of_a_task_are_one_and_agents_are_apart(db: Db) {
    let api = Api::new(db);
    for id in [ID, "0000000b"] {
        experiment(&api.db, id).await;
    }
    let here = task(&api.db, ID, "same", 'a').await;
    let copy = task(&api.db, "0000000b", "same", 'b').await;
    trials(&api.db, ID, &here, ("codex", None), &[graded(1.0)]).await;
    // A task that is filed elsewhere has trials here, and the other way round.
    trials(&api.db, ID, &copy, ("codex", None), &[graded(0.0), graded(0.0)]).await;
    trials(&api.db, "0000000b", &here, ("codex", None), &[graded(1.0)]).await;
    trials(&api.db, ID, &here, ("codex", Some("m")), &[graded(0.5)]).await;
    let agents = api.get(PATH).await.json()["agents"].clone();
    let shown: Vec<_> = agents
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["model"], row["graded_tasks"], row["coverage"]["trials"]]))
        .collect();
    assert_eq!(json!(shown), json!([[null, 1, 3], ["m", 1, 1]]));
    near(&agents[0]["headline"]["value"], &json!(1.0 / 3.0));
    // One trial of one task says nothing of other tasks.
    assert_eq!((&agents[1]["headline"]["interval"], &agents[1]["headline"]["few_tasks"]), (&Value::Null, &json!(true)));
}

#[with_database]
async fn imported_trials_count_with_what_they_say(db: Db) {
    let api = Api::new(db);
    experiment(&api.db, ID).await;
    let id = task(&api.db, ID, "one", 'a').await;
    let imported = with(graded(1.0), &json!({"origin": "imported", "cost_usd": 2.0}));
    trials(&api.db, ID, &id, ("codex", None), &[imported]).await;
    let usage = api.get(PATH).await.json()["agents"][0]["usage"].clone();
    assert_eq!(usage["cost_usd"], json!({"sum": 2.0, "known": 1, "of": 1}));
    assert_eq!(usage["seconds"], json!({"sum": 60.0, "known": 1, "of": 1}));
    assert_eq!(usage["output_tokens"], json!({"sum": null, "known": 0, "of": 1}));
}

#[with_database]
async fn an_empty_experiment_has_no_figures_and_an_unknown_one_is_not_found(db: Db) {
    let api = Api::new(db);
    experiment(&api.db, ID).await;
    let empty = api.get(PATH).await.json();
    assert_eq!((&empty["experiment_name"], &empty["agents"]), (&json!("e 0000000a"), &json!([])));
    assert_eq!(api.get("/experiments/nowhere/results").await.error(404), "Experiment nowhere not found");
    for (bad, field) in [
        ("coverage_bar=90", "coverage_bar"),
        ("coverage_bar=NaN", "coverage_bar"),
        ("pass_threshold=inf", "pass_threshold"),
        ("pass_threshold=x", "pass_threshold"),
    ] {
        let text = api.get(&format!("{PATH}?{bad}")).await.error(422);
        assert!(text.contains(&format!(r#"["query","{field}"]"#)), "{bad}: {text}");
    }
}

/// A share's token opens no results: neither here nor among what guests may read.
#[with_database]
async fn a_guest_reads_no_results(db: Db) {
    let api = Api::with_keys(db);
    experiment(&api.db, ID).await;
    let token = "t".repeat(43);
    let share = "update oddish.experiments set is_public = true, public_token = $1";
    sqlx::query(share).bind(&token).execute(&api.db).await.unwrap();
    assert_eq!(api.get(&format!("/public/experiments/{token}")).await.status.as_u16(), 200);
    for call in ["results?", "compare?with=0000000a&"] {
        let answer = api.get(&format!("/experiments/{ID}/{call}token={token}")).await;
        assert_eq!(answer.error(401), "Authentication required", "{call}");
        assert_eq!(api.get(&format!("/public/experiments/{token}/{call}")).await.status.as_u16(), 404, "{call}");
    }
}
