//! `oddish-server keys`, and a server that asks for them.

use std::process::Output;

use serde_json::Value;

use crate::stack::Stack;

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn the_first_key_is_made_at_the_machine_and_opens_the_api() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_AUTH", "api-key");
    stack.start_api(&["--no-workers"]).await;
    assert!(stack.logged().contains("there is no key yet"), "{}", stack.logged());
    assert_eq!((stack.status("/health", None).await, stack.status("/tasks", None).await), (200, 401));
    let none = stack.server(&["keys", "list"]);
    assert_eq!((&*stdout(&none), stderr(&none).contains("keys create")), ("", true));

    let created = stack.server(&["keys", "create", "--owner", "alice", "--scope", "read", "--expires-in-days", "30"]);
    let key = stdout(&created);
    let key = key.strip_suffix('\n').unwrap();
    assert!(key.starts_with("ok_") && key.len() == 35, "nothing but the key: {key:?}");
    assert!(!stderr(&created).contains(key) && stderr(&created).contains("not shown again"), "{created:?}");
    assert_eq!((stack.status("/tasks", Some(key)).await, stack.status("/api-keys", Some(key)).await), (200, 403));

    let whole: Value =
        serde_json::from_str(&stdout(&stack.server(&["keys", "create", "--name", "ci", "--json"]))).unwrap();
    assert_eq!((&whole["name"], &whole["owner"], &whole["scope"]), (&"ci".into(), &"ci".into(), &"full".into()));
    let full = whole["key"].as_str().unwrap();
    assert_eq!(stack.status("/api-keys", Some(full)).await, 200);

    let listed = stdout(&stack.server(&["keys", "list", "--json"]));
    assert!(!listed.contains(full) && !listed.contains(key));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let first = listed.as_array().unwrap().iter().find(|entry| entry["owner"] == "alice").unwrap();
    assert!(first["last_used_at"].is_string() && first["expires_at"].is_string(), "{first}");
    let id = first["id"].as_str().unwrap();
    stdout(&stack.server(&["keys", "revoke", id]));
    let table = stdout(&stack.server(&["keys", "list"]));
    let line = table.lines().find(|line| line.starts_with(id)).unwrap();
    assert!(line.contains("revoked") && line.contains(&key[..11]) && !line.contains(key), "{table}");

    let unknown = stack.server(&["keys", "revoke", "nowhere"]);
    assert_eq!((unknown.status.code(), stderr(&unknown).contains("keys list")), (Some(1), true));
    for bad in [["--scope", "admin"], ["--expires-in-days", "0"], ["--name", " "]] {
        let refused = stack.server(&[&["keys", "create"], &bad[..]].concat());
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
        assert!(stderr(&refused).contains(bad[0]), "{refused:?}");
    }
}

#[tokio::test]
async fn a_key_that_could_not_be_shown_is_not_made() {
    let stack = Stack::new().await;
    for flags in [&[][..], &["--json"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let refused = std::process::Command::new(crate::stack::program("oddish-server"))
            .args([&["keys", "create"], flags].concat())
            .current_dir(stack.folder())
            .envs(stack.environment())
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(stderr(&refused).contains("no key was made"), "{refused:?}");
    }
    // Closed, into a pipe that nobody reads, and thrown away: none of it is seen.
    for redirection in [">&-", ">/dev/null", ">&- 2>&-"] {
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &format!("exec \"$0\" keys create {redirection}")])
            .arg(crate::stack::program("oddish-server"));
        let refused = shell.current_dir(stack.folder()).envs(stack.environment()).output().unwrap();
        assert_eq!(refused.status.code(), Some(1), "{redirection}: {refused:?}");
        assert!(redirection.contains("2>") || stderr(&refused).contains("nobody could see it"), "{refused:?}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = std::process::Command::new(crate::stack::program("oddish-server"));
    command.args(["keys", "create"]).current_dir(stack.folder()).envs(stack.environment());
    let refused = command.stdout(writer).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert_eq!(stdout(&stack.server(&["keys", "list", "--json"])), "[]\n");
}
