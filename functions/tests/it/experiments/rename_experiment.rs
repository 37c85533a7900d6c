//! `PATCH /experiments/{experiment_id}`.

use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::json;

use crate::shapes;

#[with_database]
async fn an_experiment_is_renamed(db: Db) {
    let api = Api::new(db);
    let experiment = api.experiment_of(&api.submitted(1).await).await;
    let path = format!("/experiments/{experiment}");
    let renamed = api.patch(&path, &json!({"name": "  größte Übung 🦦 "})).await;
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("RenameExperimentResponse", &renamed), @r#"
    {
      "id": "[id]",
      "name": "größte Übung 🦦"
    }
    "#);
    assert_eq!(api.get(&path).await.json()["name"], "größte Übung 🦦");
    for empty in ["", "   "] {
        let text = api.patch(&path, &json!({"name": empty})).await.error(400);
        assert_eq!(text, "Experiment name cannot be empty");
    }
    let longest = "ü".repeat(255);
    assert_eq!(api.patch(&path, &json!({"name": longest})).await.json()["name"], longest);
    for bad in [json!({"name": "ü".repeat(256)}), json!({"name": "a\nb"}), json!({"name": "a\0"}), json!({}), json!([])]
    {
        api.patch(&path, &bad).await.error(422);
    }
    assert_eq!(
        api.patch("/experiments/nowhere", &json!({"name": "n"})).await.error(404),
        "Experiment nowhere not found"
    );
}
