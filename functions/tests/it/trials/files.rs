//! The files that trials left.

use http::StatusCode;
use oddish_artifacts::key;
use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};

use crate::shapes;

#[with_database]
async fn all_files_come_in_one_answer_with_a_link_each(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let files = format!("/trials/{task_id}-0/files");
    let before = api.get(&files).await.json();
    assert_eq!((&before["files"], &before["truncated"]), (&json!([]), &json!(false)), "it has not ended");
    let many: Vec<String> = (0..1100).map(|number| format!("artifacts/{number:04}")).collect();
    let mut left: Vec<(&str, &[u8])> = many.iter().map(|path| (path.as_str(), &b"x"[..])).collect();
    left.extend([("result.json", &b"{}"[..]), ("agent/oracle.txt", b"done")]);
    let (trial_id, prefix) = api.left(&left).await;
    let listing = api.get(&files).await.json();
    let found = listing["files"].as_array().unwrap();
    assert_eq!(found.len(), 1102, "more than a page of the store");
    assert_eq!(
        (&listing["trial_id"], &listing["prefix"], &listing["presigned"], &listing["presign_expires_in"]),
        (&json!(trial_id), &json!(prefix), &json!(true), &json!(900))
    );
    assert_eq!(
        (&listing["dirs"], &listing["cursor"], &listing["truncated"]),
        (&json!([]), &Value::Null, &json!(false))
    );
    assert_eq!(
        (&found[0]["path"], &found[0]["key"], &found[0]["size"]),
        (&json!("agent/oracle.txt"), &json!(format!("{prefix}agent/oracle.txt")), &json!(4))
    );
    let url = format!("http://oddish.test/artifacts/{prefix}agent/oracle.txt?");
    assert!(found[0]["url"].as_str().unwrap().starts_with(&url), "{listing}");
    assert!(found.iter().all(|file| file["url"].is_string()));
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("TrialFilesResponse", &api.get(&format!("{files}?limit=2")).await), @r#"
    {
      "cursor": "artifacts/0000",
      "dirs": [],
      "files": [
        {
          "key": "tasks/hello-[id]/trials/hello-[id]-0/attempt-1/agent/oracle.txt",
          "last_modified": "[time]",
          "path": "agent/oracle.txt",
          "size": 4,
          "url": "http://oddish.test/artifacts/tasks/hello-[id]/trials/hello-[id]-0/attempt-1/agent/oracle.txt?[signature]"
        },
        {
          "key": "tasks/hello-[id]/trials/hello-[id]-0/attempt-1/artifacts/0000",
          "last_modified": "[time]",
          "path": "artifacts/0000",
          "size": 1,
          "url": "http://oddish.test/artifacts/tasks/hello-[id]/trials/hello-[id]-0/attempt-1/artifacts/0000?[signature]"
        }
      ],
      "prefix": "tasks/hello-[id]/trials/hello-[id]-0/attempt-1/",
      "presign_expires_in": 900,
      "presigned": true,
      "recursive": true,
      "trial_id": "hello-[id]-0",
      "truncated": true
    }
    "#);
    let plain = api.get(&format!("{files}?presign=false&limit=2")).await.json();
    assert_eq!((plain["files"].as_array().unwrap().len(), &plain["files"][0]["url"]), (2, &Value::Null));
    let next = api.get(&format!("{files}?limit=1&cursor={}", plain["cursor"].as_str().unwrap())).await.json();
    assert_eq!(next["files"][0]["path"], "artifacts/0001");
    let top = api.get(&format!("{files}?recursive=false")).await.json();
    assert_eq!(top["dirs"], json!([{"path": "agent"}, {"path": "artifacts"}]));
    assert_eq!(top["files"].as_array().unwrap().len(), 1);
    assert_eq!(api.get(&format!("{files}?prefix=../..")).await.error(400), "Invalid path");
    assert_eq!(api.get("/trials/nowhere-0/files").await.error(404), "Trial nowhere-0 not found");
}

#[with_database]
async fn links_end_before_the_answer_is_too_large(db: Db) {
    let api = Api::new(db);
    api.submitted(1).await;
    // Each entry takes about 3 kB, and half as much again with its link.
    let deep = ["d".repeat(200), "e".repeat(200), "f".repeat(200), "g".repeat(200)].join("/");
    let many: Vec<String> = (0..2000).map(|number| format!("{deep}/{number:04}")).collect();
    let left: Vec<(&str, &[u8])> = many.iter().map(|path| (path.as_str(), &b""[..])).collect();
    let (trial_id, _) = api.left(&left).await;
    let answer = api.get(&format!("/trials/{trial_id}/files")).await;
    assert!(json!(answer.body).to_string().len() < 6_000_000);
    let files = answer.json()["files"].as_array().unwrap().clone();
    assert_eq!(files.len(), 2000);
    assert!(files[0]["url"].is_string() && files[1999]["url"].is_null());
}

#[with_database]
async fn a_file_is_served_as_an_attachment_byte_for_byte(db: Db) {
    for (api, on_lambda) in [(Api::new(db.clone()), false), (Api::new(db).on_lambda(), true)] {
        api.submitted(1).await;
        let bytes: Vec<u8> = (0..=255).collect();
        let page = b"<script>alert(1)</script>";
        let (trial_id, _) = api
            .left(&[
                ("artifacts/re\"port.html", page),
                ("artifacts/raw.bin", &bytes),
                ("artifacts/shot.png", b"\x89PNG"),
                ("trial.log", "grün".as_bytes()),
                ("broken.log", b"\xff"),
                ("agent/oracle.txt", b"of the agent"),
                ("steps/one/agent/inner.txt", b"of a step"),
            ])
            .await;
        let file = async |path: &str| {
            let (status, headers, body) = api.fetch(&format!("/trials/{trial_id}/files/{path}"), None).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment"), "{headers:?}");
            assert_eq!(headers["content-length"], body.len().to_string());
            (headers["content-type"].to_str().unwrap().to_owned(), body)
        };
        let anything = "application/octet-stream".to_owned();
        assert_eq!(file("artifacts/re%22port.html").await, (anything.clone(), page[..].into()));
        assert_eq!(file("artifacts/raw.bin").await, (anything.clone(), bytes.into()));
        assert_eq!(file("artifacts/shot.png").await, ("image/png".to_owned(), b"\x89PNG"[..].into()));
        assert_eq!(file("trial.log").await, ("text/plain; charset=utf-8".to_owned(), "grün".as_bytes().into()));
        // What is text by its type would be made text there.
        let of_broken_text = if on_lambda { anything.clone() } else { "text/plain; charset=utf-8".to_owned() };
        assert_eq!(file("broken.log").await, (of_broken_text, b"\xff"[..].into()));
        assert_eq!(file("oracle.txt").await.1, b"of the agent"[..]);
        assert_eq!(file("inner.txt").await.1, b"of a step"[..]);
        let refused =
            async |path: &str, status| api.get(&format!("/trials/{trial_id}/files/{path}")).await.error(status);
        assert_eq!(refused("nothing", 404).await, "File not found");
        for path in ["..%2F..%2Fx", "%2Fetc%2Fpasswd", "a%00", "a%2F%2Fb", "..", "%2E%2E%2Fx"] {
            assert_eq!(refused(path, 400).await, "Invalid file path", "{path}");
        }
        assert_eq!(api.get("/trials/nowhere-0/files/a").await.error(404), "Trial nowhere-0 not found");
    }
}

#[with_database]
async fn parts_of_a_file_are_served(db: Db) {
    let api = Api::new(db);
    api.submitted(1).await;
    let (trial_id, _) = api.left(&[("digits.txt", b"0123456789"), ("empty", b"")]).await;
    let part = async |range| api.fetch(&format!("/trials/{trial_id}/files/digits.txt"), Some(range)).await;
    let (status, headers, body) = part("bytes=2-4").await;
    assert_eq!((status.as_u16(), &body[..]), (206, &b"234"[..]));
    assert_eq!(
        (&headers["content-range"], &headers["accept-ranges"]),
        (&"bytes 2-4/10".parse().unwrap(), &"bytes".parse().unwrap())
    );
    assert_eq!(part("bytes=-3").await.2, b"789"[..]);
    let (status, headers, _) = part("bytes=10-").await;
    assert_eq!((status.as_u16(), &headers["content-range"]), (416, &"bytes */10".parse().unwrap()));
    assert_eq!(part("bytes=0-1,4-5").await.0.as_u16(), 200);
    let (status, _, body) = api.fetch(&format!("/trials/{trial_id}/files/empty"), None).await;
    assert_eq!((status.as_u16(), body.len()), (200, 0));
}

#[with_database]
async fn a_file_too_large_for_a_function_is_a_link_there_and_a_stream_elsewhere(db: Db) {
    let api = Api::new(db);
    api.submitted(1).await;
    let large: Vec<u8> = (0..(4 << 20) + 3_u32).map(|place| place.to_le_bytes()[1]).collect();
    let (trial_id, prefix) = api.left(&[("large", &large)]).await;
    let path = format!("/trials/{trial_id}/files/large");
    assert!(api.fetch(&path, None).await.2 == large);
    let api = api.on_lambda();
    let text = api.get(&path).await.error(413);
    assert!(
        text.contains("4194307 bytes") && text.contains(&format!("http://oddish.test/artifacts/{prefix}large?")),
        "{text}"
    );
    let (_, headers, _) = api.fetch(&path, None).await;
    assert!(headers["link"].to_str().unwrap().contains(&format!("{prefix}large?")), "{headers:?}");
    let (status, headers, body) = api.fetch(&path, Some("bytes=1-")).await;
    assert_eq!((status.as_u16(), &headers["content-range"]), (206, &"bytes 1-4194304/4194307".parse().unwrap()));
    assert!(body == large[1..=4 << 20]);
    assert_eq!(api.fetch(&path, Some("bytes=4194305-")).await.2.len(), 2);
}

#[with_database]
async fn a_trajectory_is_found_wherever_harbor_puts_it(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(5).await;
    let trajectory = |trial_id: &str| format!("/trials/{trial_id}/trajectory");
    let waiting = format!("{task_id}-4");
    assert_eq!(api.get(&trajectory(&waiting)).await.body, "null");
    let (none, _) = api.left(&[("agent/oracle.txt", b"done"), ("artifacts/trajectory.json", b"{}")]).await;
    assert_eq!(api.get(&trajectory(&none)).await.body, "null");
    let text = "{\"steps\": [1e400], \"x\": 1}\n";
    for path in ["agent/trajectory.json", "steps/one/agent/trajectory.json"] {
        let (trial_id, _) = api.left(&[(path, text.as_bytes())]).await;
        assert_eq!(api.get(&trajectory(&trial_id)).await.body, text, "{path}");
    }
    let (broken, _) = api.left(&[("agent/trajectory.json", b"{\"steps\":")]).await;
    assert!(api.get(&trajectory(&broken)).await.error(404).contains("not JSON"));
    assert_eq!(api.get(&trajectory("nowhere-0")).await.error(404), "Trial nowhere-0 not found");
}

#[with_database]
async fn what_is_too_large_as_json_is_a_link(db: Db) {
    let api = Api::new(db);
    api.submitted(1).await;
    let large = format!("\"{}\"", "a".repeat(5 << 20));
    // Each quote takes two bytes more in a function's answer.
    let quotes = format!("[\"\"{}]", ",\"\"".repeat(1_200_000));
    let (trial_id, prefix) =
        api.left(&[("agent/trajectory.json", large.as_bytes()), ("result.json", quotes.as_bytes())]).await;
    for (route, key) in [("trajectory", "agent/trajectory.json"), ("result", "result.json")] {
        let text = api.get(&format!("/trials/{trial_id}/{route}")).await.error(413);
        assert!(text.contains(&format!("http://oddish.test/artifacts/{prefix}{key}?")), "{text}");
    }
}

#[with_database]
async fn debug_files_are_those_of_all_attempts(db: Db) {
    let api = Api::new(db);
    let task_id = api.submitted(1).await;
    let chunk = key::attempt_log_chunk(&task_id, &format!("{task_id}-0"), 1, 0).unwrap();
    api.store.put(&chunk, "log".into()).await.unwrap();
    let (trial_id, _) = api.left(&[("agent/trajectory.json", b"{}")]).await;
    let _readable = shapes::readable();
    insta::assert_json_snapshot!(shapes::of("TrialDebugFilesResponse", &api.get(&format!("/trials/{trial_id}/debug-files")).await), @r#"
    {
      "computed_prefix": "tasks/hello-[id]/trials/hello-[id]-0/",
      "error": null,
      "files": [
        "tasks/hello-[id]/trials/hello-[id]-0/attempt-1.log/00000000",
        "tasks/hello-[id]/trials/hello-[id]-0/attempt-1/agent/trajectory.json"
      ],
      "harbor_result_path": null,
      "trajectory_files": [
        "tasks/hello-[id]/trials/hello-[id]-0/attempt-1/agent/trajectory.json"
      ],
      "trial_id": "hello-[id]-0",
      "trial_s3_key": "tasks/hello-[id]/trials/hello-[id]-0/attempt-1/",
      "using_prefix": "tasks/hello-[id]/trials/hello-[id]-0/"
    }
    "#);
}
