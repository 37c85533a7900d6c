//! `oddish-server db` on databases that other versions made.

use std::process::Output;

use crate::stack::Stack;

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn a_database_from_before_the_baseline_asks_for_a_reset() {
    let stack = Stack::new().await;
    sqlx::query("update oddish.schema_migrations set description = 'initial'").execute(&stack.db).await.unwrap();
    for command in [&["db", "init"][..], &["keys", "list"]] {
        let refused = stack.server(command);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let error = stderr(&refused);
        assert!(error.contains("before the baseline") && error.contains("run `oddish-server db reset`"), "{error}");
        assert!(error.contains("the database at "), "{error}");
    }
    assert!(stack.server(&["db", "reset", "--yes"]).status.success());
    assert!(stack.server(&["db", "init"]).status.success());
}

#[tokio::test]
async fn a_newer_database_serves_this_version_unless_a_migration_breaks_it() {
    let stack = Stack::new().await;
    let newer = "insert into oddish.schema_migrations (version, description, success, checksum, execution_time)
        values ($1, $2, true, '', 0)";
    sqlx::query(newer).bind(9000_i64).bind("more columns").execute(&stack.db).await.unwrap();
    let accepted = stack.server(&["db", "init"]);
    assert!(accepted.status.success() && stderr(&accepted).contains("newer version"), "{accepted:?}");
    let status = String::from_utf8(stack.server(&["db", "status"]).stdout).unwrap();
    let line = status.lines().find(|line| line.contains("9000 more columns")).unwrap();
    assert!(line.ends_with("applied by another version") && !status.contains("MISSING"), "{status}");

    sqlx::query(newer).bind(9001_i64).bind("breaking fewer columns").execute(&stack.db).await.unwrap();
    for command in [&["db", "init"][..], &["keys", "list"]] {
        let refused = stack.server(command);
        let error = stderr(&refused);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(error.contains("9001 (`breaking fewer columns`)") && error.contains("restore a backup"), "{error}");
    }
}
