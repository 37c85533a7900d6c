//! `oddish-server db` on databases that other versions made.

use std::process::Output;

use crate::stack::Stack;

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn a_database_from_before_the_baseline_asks_for_a_reset() {
    let stack = Stack::new().await;
    sqlx::query("update oddish.schema_migrations set description = 'initial'").execute(&stack.pool).await.unwrap();
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
