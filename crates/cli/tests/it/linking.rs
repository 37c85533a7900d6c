//! What the client must not carry along.

use std::process::Command;

#[test]
fn neither_sql_nor_a_cloud_sdk_is_linked() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--package",
            "oddish-cli",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.contains("oddish-api-types"), "cargo tree did not work: {}", String::from_utf8_lossy(&output.stderr));
    let unwanted: Vec<&str> =
        tree.lines().filter(|line| line.starts_with("sqlx") || line.starts_with("aws-")).collect();
    assert!(unwanted.is_empty(), "{unwanted:?}");
}
