//! Without a database URL: a private Postgres that outlives the server.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use oddish_private_postgres::PrivatePostgres;

use crate::stack::program;

fn server(home: &Path, arguments: &[&str]) -> Output {
    Command::new(program("oddish-server"))
        .args(arguments)
        .current_dir(home)
        .env("ODDISH_HOME", home)
        .env_remove("DATABASE_URL")
        .env_remove("ODDISH_DATABASE_URL")
        .output()
        .unwrap()
}

#[test]
fn it_is_made_when_needed_and_found_again() {
    let home = tempfile::Builder::new().prefix("oddish-home-").tempdir().unwrap();
    // As root, Postgres runs under an account of its own, which must reach its folder.
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let first = server(home.path(), &["db", "init"]);
    assert!(first.status.success(), "{first:?}");
    let running = PrivatePostgres::running(&home.path().join("postgres")).unwrap().expect("it outlives the command");
    let again = server(home.path(), &["db", "status"]);
    let status = String::from_utf8(again.stdout).unwrap();
    assert!(status.contains("baseline") && status.contains("applied") && !status.contains("MISSING"), "{status}");
    let refused = server(home.path(), &["db", "purge"]);
    assert_eq!(refused.status.code(), Some(1), "without a terminal it asks for --yes");
    assert!(server(home.path(), &["db", "purge", "--yes"]).status.success());
    assert!(server(home.path(), &["db", "reset", "--yes"]).status.success());
    running.stop().unwrap();
}
