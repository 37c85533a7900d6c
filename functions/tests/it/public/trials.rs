//! What shared trials left.

use oddish_db::Db;
use oddish_test_support::with_database;
use serde_json::json;

use super::Scene;

#[with_database]
async fn what_a_shared_trial_left_can_be_read(db: Db) {
    let scene = Scene::new(db).await;
    let shared = format!("{}-0", scene.own);
    let read = async |path: &str| scene.get(&format!("/public/trials/{shared}{path}")).await;
    assert_eq!(read("/result").await.json()["of"], json!(shared));
    assert_eq!(read("/trajectory").await.json()["of"], json!(shared));
    assert_eq!(read("/files/agent/oracle.txt").await.json()["of"], json!(shared));
    assert_eq!(read("/files").await.json()["files"].as_array().unwrap().len(), 3);
    assert!(read("/logs").await.json()["logs"].as_str().unwrap().contains(&shared));
    assert_eq!(read("/logs/structured").await.json()["trial_id"], json!(shared));
    for private in [format!("{}-2", scene.both), format!("{}-0", scene.hidden), "nowhere-0".to_owned()] {
        for path in ["/result", "/trajectory", "/files", "/files/result.json", "/logs", "/logs/structured"] {
            let text = scene.get(&format!("/public/trials/{private}{path}")).await.error(404);
            assert_eq!(text, format!("Trial {private} not found"), "{path}");
        }
    }
}
