//! Publishing experiments and ending it.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use crate::shapes;

/// Whether an experiment is shared, after asking for something.
async fn ask(api: &Api, experiment: &str, what: &str) -> Value {
    let path = format!("/experiments/{experiment}/{what}");
    let answer = if what == "share" { api.get(&path).await } else { api.post(&path, "").await };
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    answer.json()
}

#[with_database]
async fn a_token_ends_when_the_sharing_does(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let experiment = api.experiment_of(&task_id).await;
    let name = api.get(&format!("/experiments/{experiment}")).await.json()["name"].clone();
    let private = json!({"name": name, "is_public": false, "public_token": null});
    assert_eq!(ask(&api, &experiment, "share").await, private);
    assert_eq!(ask(&api, &experiment, "unpublish").await, private);

    let shared = ask(&api, &experiment, "publish").await;
    let token = shared["public_token"].as_str().unwrap().to_owned();
    assert_eq!(token.len(), 43);
    assert_eq!((&shared["name"], &shared["is_public"]), (&name, &json!(true)));
    assert_eq!(ask(&api, &experiment, "publish").await, shared, "it keeps its token");
    assert_eq!(ask(&api, &experiment, "share").await, shared);
    let path = format!("/experiments/{experiment}");
    api.patch(&path, &json!({"name": "shared"})).await.json();
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("ShareResponse", &api.get(&format!("{path}/share")).await), @r#"
    {
      "is_public": true,
      "name": "shared",
      "public_token": "[token]"
    }
    "#);
    api.patch(&path, &json!({"name": name})).await.json();
    assert_eq!(api.get(&format!("/tasks/{task_id}")).await.json()["experiment_is_public"], true);
    assert_eq!(api.get(&format!("/public/experiments/{token}")).await.json()["name"], name);

    assert_eq!(ask(&api, &experiment, "unpublish").await, private);
    api.get(&format!("/public/experiments/{token}")).await.error(404);
    let again = ask(&api, &experiment, "publish").await["public_token"].as_str().unwrap().to_owned();
    assert_ne!(again, token);
    api.get(&format!("/public/experiments/{token}")).await.error(404);
    api.get(&format!("/public/experiments/{again}")).await.json();
    for (method, what) in [("GET", "share"), ("POST", "publish"), ("POST", "unpublish")] {
        let path = format!("/experiments/nowhere/{what}");
        let answer = if method == "GET" { api.get(&path).await } else { api.post(&path, "").await };
        assert_eq!(answer.error(404), "Experiment nowhere not found");
    }
}

#[with_database]
async fn a_sweep_shares_its_experiment_if_it_says_so(db: Db) {
    let api = Api::new(db);
    let submit = async |more: Value| {
        let task_id = api.uploaded().await;
        let mut sweep = json!({"task_id": task_id, "user": "a", "configs": [{"agent": "oracle"}]});
        sweep.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = api.post("/tasks/sweep", &sweep.to_string()).await.json();
        let experiment = answer["experiment_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        (ask(&api, &experiment, "share").await["is_public"].clone(), experiment)
    };
    assert_eq!(submit(json!({})).await.0, false);
    let (shared, experiment) = submit(json!({"publish_experiment": true})).await;
    assert_eq!(shared, true);
    assert_eq!(
        submit(json!({"publish_experiment": false, "experiment_id": experiment})).await.0,
        true,
        "it ends nothing"
    );
    assert_eq!(submit(json!({"github_username": "octocat"})).await.0, false, "nobody says whose it is");
}
