//! `GET /experiments/{experiment_id}/compare`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use super::built::{ended, experiment, graded, near, oracle, rewards, task, trials, with};
use crate::shapes;

const LEFT: &str = "0000000a";
const RIGHT: &str = "0000000b";
const PATH: &str = "/experiments/0000000a/compare?with=0000000b";

#[with_database]
async fn differences_are_those_that_other_programs_compute(db: Db) {
    let api = Api::new(db);
    let oracle = oracle();
    let cases = oracle["comparisons"].as_array().unwrap();
    for (index, expected) in cases.iter().enumerate() {
        let ids = ["a", "b"].map(|side| format!("{index:07}{side}"));
        for (id, side) in ids.iter().zip(["left", "right"]) {
            experiment(&api.db, id).await;
            rewards(&api.db, id, side, &expected[side]).await;
        }
        let found = api.get(&format!("/experiments/{}/compare?with={}", ids[0], ids[1])).await.json();
        let found = &found["comparisons"][0];
        // One agent on each side, so that these are compared although they differ.
        assert_eq!((&found["left"]["agent"], &found["right"]["agent"]), (&json!("left"), &json!("right")));
        near(&found["difference"]["value"], &expected["difference"]["value"]);
        near(&found["difference"]["interval"]["low"], &expected["difference"]["low"]);
        near(&found["difference"]["interval"]["high"], &expected["difference"]["high"]);
        near(&found["smallest_difference"], &expected["smallest_difference"]);
        assert_eq!(found["halving"]["more_tasks"], expected["more_tasks"]);
        match &expected["times_the_trials"] {
            Value::Null => assert_eq!(found["halving"]["times_the_trials"], Value::Null),
            times => near(&found["halving"]["times_the_trials"], times),
        }
    }
    assert!(!cases.is_empty());
}

/// Five losses of single trials, which the oracle knows, beside what is not used: tasks of one side, trials without a grade.
#[with_database]
async fn single_trials_are_tested_and_what_differs_is_named(db: Db) {
    let api = Api::new(db);
    for id in [LEFT, RIGHT] {
        experiment(&api.db, id).await;
    }
    let agent = ("codex", Some("gpt-5.2"));
    for (index, (left, right)) in
        [(1.0, 0.0), (1.0, 0.0), (1.0, 0.0), (1.0, 0.0), (1.0, 0.0), (1.0, 1.0)].into_iter().enumerate()
    {
        let name = format!("task-{index}");
        let changed = if index == 0 { 'b' } else { 'a' };
        let ids = [task(&api.db, LEFT, &name, 'a').await, task(&api.db, RIGHT, &name, changed).await];
        trials(&api.db, LEFT, &ids[0], agent, &[graded(left)]).await;
        let settings = if index == 1 {
            json!({"harbor": {"override_cpus": 2, "environment_kwargs": {"token": "secret"}}})
        } else {
            json!({})
        };
        trials(&api.db, RIGHT, &ids[1], agent, &[with(graded(right), &settings)]).await;
    }
    let infrastructure = with(ended("failed"), &json!({"error_class": "infrastructure"}));
    let only = task(&api.db, LEFT, "left-only", 'a').await;
    trials(&api.db, LEFT, &only, agent, &[graded(1.0)]).await;
    let lost = task(&api.db, RIGHT, "left-only", 'a').await;
    trials(&api.db, RIGHT, &lost, agent, &[infrastructure]).await;

    let answer = api.get(PATH).await;
    assert!(!answer.body.contains("secret"), "{answer:?}");
    let hash = |body: &str| body.split("kwargs_hash=").nth(1).unwrap()[..8].to_owned();
    assert_ne!(hash(&answer.body), hash(&api.get(PATH).await.body), "guesses cannot be tested against a salted hash");
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("CompareResponse", &answer), @r#"
    {
      "comparisons": [
        {
          "difference": {
            "few_tasks": true,
            "interval": {
              "high": -0.5,
              "low": -1.0,
              "method": "bootstrap"
            },
            "tasks": 6,
            "value": -0.8333333333333334
          },
          "differs": [
            {
              "aspect": "task_content",
              "left": [
                "[sha256]"
              ],
              "right": [
                "[sha256]"
              ],
              "task_count": 1,
              "tasks": [
                "task-0"
              ]
            },
            {
              "aspect": "resources",
              "left": [
                "the task's own"
              ],
              "right": [
                "cpus=2"
              ],
              "task_count": 1,
              "tasks": [
                "task-1"
              ]
            },
            {
              "aspect": "environment",
              "left": [
                "type=docker"
              ],
              "right": [
                "kwargs_hash=[salted], type=docker"
              ],
              "task_count": 1,
              "tasks": [
                "task-1"
              ]
            }
          ],
          "flips": [
            {
              "direction": "loss",
              "left": {
                "graded": 1,
                "passes": 1
              },
              "right": {
                "graded": 1,
                "passes": 0
              },
              "task": "task-0"
            },
            {
              "direction": "loss",
              "left": {
                "graded": 1,
                "passes": 1
              },
              "right": {
                "graded": 1,
                "passes": 0
              },
              "task": "task-1"
            },
            {
              "direction": "loss",
              "left": {
                "graded": 1,
                "passes": 1
              },
              "right": {
                "graded": 1,
                "passes": 0
              },
              "task": "task-2"
            },
            {
              "direction": "loss",
              "left": {
                "graded": 1,
                "passes": 1
              },
              "right": {
                "graded": 1,
                "passes": 0
              },
              "task": "task-3"
            },
            {
              "direction": "loss",
              "left": {
                "graded": 1,
                "passes": 1
              },
              "right": {
                "graded": 1,
                "passes": 0
              },
              "task": "task-4"
            }
          ],
          "gains": 0,
          "halving": {
            "more_tasks": 18,
            "times_the_trials": null
          },
          "left": {
            "agent": "codex",
            "coverage": {
              "graded": 7,
              "share": 1.0,
              "trials": 7,
              "ungraded": []
            },
            "graded_here_only": 1,
            "model": "gpt-5.2",
            "value": {
              "few_tasks": true,
              "interval": {
                "high": 1.0,
                "low": 0.6096657120978346,
                "method": "wilson"
              },
              "tasks": 6,
              "value": 1.0
            }
          },
          "losses": 5,
          "pairs": 6,
          "right": {
            "agent": "codex",
            "coverage": {
              "graded": 6,
              "share": 0.8571428571428571,
              "trials": 7,
              "ungraded": [
                {
                  "error_class": "infrastructure",
                  "reason": "failed",
                  "trials": 1
                }
              ]
            },
            "graded_here_only": 0,
            "model": "gpt-5.2",
            "value": {
              "few_tasks": true,
              "interval": {
                "high": 0.5,
                "low": 0.0,
                "method": "bootstrap"
              },
              "tasks": 6,
              "value": 0.16666666666666666
            }
          },
          "smallest_difference": 0.4666666666666667,
          "test": {
            "gains": 0,
            "losses": 5,
            "p": 0.0625
          }
        }
      ],
      "left": {
        "data_version": "[random]",
        "experiment_id": "[id]",
        "experiment_name": "e 0000000a",
        "unpaired": []
      },
      "pass_threshold": 1.0,
      "right": {
        "data_version": "[random]",
        "experiment_id": "[id]",
        "experiment_name": "e 0000000b",
        "unpaired": []
      }
    }
    "#);
    let found = answer.json();
    let expected = &oracle()["mcnemar"][2];
    assert_eq!((&expected["losses"], &expected["gains"]), (&json!(0), &json!(5)));
    near(&found["comparisons"][0]["test"]["p"], &expected["p"]);
}

#[with_database]
async fn several_trials_have_no_p_value_and_half_is_no_side(db: Db) {
    let api = Api::new(db);
    for id in [LEFT, RIGHT] {
        experiment(&api.db, id).await;
    }
    for (name, left, right) in [
        ("gain", vec![0.0], vec![1.0, 1.0, 0.0]),
        ("half", vec![1.0, 0.0], vec![0.0, 0.0]),
        ("large-loss", vec![1.0, 1.0], vec![0.0]),
        ("small-loss", vec![1.0, 1.0, 0.0], vec![1.0, 0.0, 0.0]),
    ] {
        for (id, rewards) in [(LEFT, left), (RIGHT, right)] {
            let task = task(&api.db, id, name, 'a').await;
            let all: Vec<Value> = rewards.into_iter().map(graded).collect();
            trials(&api.db, id, &task, ("codex", None), &all).await;
        }
    }
    let found = api.get(PATH).await.json()["comparisons"][0].clone();
    let flips: Vec<_> =
        found["flips"].as_array().unwrap().iter().map(|flip| json!([flip["task"], flip["direction"]])).collect();
    assert_eq!(json!(flips), json!([["large-loss", "loss"], ["small-loss", "loss"], ["gain", "gain"]]));
    assert_eq!((&found["test"], &found["losses"], &found["gains"]), (&Value::Null, &json!(2), &json!(1)));
    let mirrored = api.get("/experiments/0000000b/compare?with=0000000a").await.json()["comparisons"][0].clone();
    near(&mirrored["difference"]["value"], &json!(-found["difference"]["value"].as_f64().unwrap()));
}

#[with_database]
async fn of_several_agents_equal_ones_are_compared_unless_some_are_chosen(db: Db) {
    let api = Api::new(db);
    for (id, models) in [(LEFT, ["m1", "m2"]), (RIGHT, ["m2", "m3"])] {
        experiment(&api.db, id).await;
        let task = task(&api.db, id, "one", 'a').await;
        for model in models {
            trials(&api.db, id, &task, ("codex", Some(model)), &[graded(if model == "m2" { 1.0 } else { 0.0 })]).await;
        }
    }
    let compared = async |query: &str| {
        let found = api.get(&format!("/experiments/0000000a/compare?with={query}")).await.json();
        let models = |one: &Value| json!([one["left"]["model"], one["right"]["model"], one["difference"]["value"]]);
        let unpaired = |side: &str| {
            found[side]["unpaired"].as_array().unwrap().iter().map(|one| one["model"].clone()).collect::<Vec<_>>()
        };
        let pairs: Vec<Value> = found["comparisons"].as_array().unwrap().iter().map(models).collect();
        json!([pairs, unpaired("left"), unpaired("right")])
    };
    assert_eq!(compared("0000000b").await, json!([[["m2", "m2", 0.0]], ["m1"], ["m3"]]));
    assert_eq!(compared("0000000b&model=m1&with_model=m3").await, json!([[["m1", "m3", 0.0]], [], []]));
    assert_eq!(compared("0000000b&model=m2").await, json!([[["m2", "m2", 0.0]], [], []]));
    assert_eq!(compared("0000000a&model=m1&with_model=m2").await, json!([[["m1", "m2", 1.0]], [], []]), "with itself");
    let text = api.get(&format!("{PATH}&agent=nop")).await.error(400);
    assert_eq!(text, "Experiment 0000000a has no trials of nop with any model. It has: codex with m1, codex with m2");
    // Nothing to compare with is no error.
    experiment(&api.db, "0000000c").await;
    assert_eq!(compared("0000000c").await, json!([[], ["m1", "m2"], []]));
    assert_eq!(api.get("/experiments/0000000a/compare?with=nowhere").await.error(404), "Experiment nowhere not found");
    assert!(api.get("/experiments/0000000a/compare").await.error(422).contains("with"));
    assert!(api.get(&format!("{PATH}&pass_threshold=NaN")).await.error(422).contains("pass_threshold"));
}
