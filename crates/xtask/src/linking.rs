//! What a package must not carry along, however far down.

use std::process::Command;

/// The lines of `cargo tree` of what a package is built with on its own: name, version and path of each package, and its features.
fn tree(package: &str, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p} [{f}]"])
        .args(["--package", package])
        .args(arguments)
        .current_dir(crate::workspace::root())
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(
        tree.starts_with(&format!("{package} v")),
        "cargo tree did not work: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    tree
}

/// The packages of a tree whose names begin in one of these ways.
fn found<'a>(tree: &'a str, unwanted: &[&str]) -> Vec<&'a str> {
    tree.lines().filter(|line| unwanted.iter().any(|name| line.starts_with(name))).collect()
}

#[test]
fn the_client_links_neither_sql_nor_a_cloud_sdk() {
    assert_eq!(found(&tree("oddish-cli", &[]), &["sqlx", "aws-"]), Vec::<&str>::new());
}

#[test]
fn the_services_know_neither_http_nor_lambda_nor_running_trials() {
    let above = ["oddish-functions ", "axum", "lambda_http ", "lambda_runtime ", "aws-sdk-secretsmanager "];
    let services = tree("oddish", &[]);
    assert_eq!(found(&services, &above), Vec::<&str>::new());
    assert_eq!(found(&services, &["oddish-dispatcher "]), Vec::<&str>::new());

    let with_worker = tree("oddish", &["--features", "worker"]);
    assert_eq!(found(&with_worker, &above), Vec::<&str>::new());
    assert_ne!(found(&with_worker, &["oddish-dispatcher "]), Vec::<&str>::new(), "the worker is a feature");
}

#[test]
fn functions_take_the_services_without_the_worker() {
    let functions = tree("oddish-functions", &[]);
    let services = found(&functions, &["oddish v"]);
    assert!(services.first().is_some_and(|line| line.contains("[]")), "{services:?}");
}
