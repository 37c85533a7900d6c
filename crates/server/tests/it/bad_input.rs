//! What a new user may do wrong: each is one line that says what to do, and an exit status.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Output;

use oddish_test_support::derived;

use crate::stack::{Stack, hello, program};

fn text(output: &Output, status: i32) -> String {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The error of a run that the server or the client refuses.
fn refused(stack: &Stack, path: &Path, arguments: &[&str]) -> String {
    let error = text(&stack.oddish(&[&["run", path.to_str().unwrap()], arguments].concat()), 1);
    assert!(!error.contains("panicked"), "{error}");
    error
}

#[tokio::test]
async fn mistakes_are_told_in_a_line() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_MAX_TASK_UPLOAD_MB", "1");
    stack.start_api(&["--no-workers"]).await;
    let error = refused(&stack, &hello(), &["-a", "orcale"]);
    assert!(error.contains("oracle"), "it suggests the nearest name: {error}");
    let error = refused(&stack, &hello(), &["-a", "claude-code"]);
    assert!(error.contains("Model is required"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let error = refused(&stack, folder.path(), &["-a", "oracle"]);
    assert!(error.contains("task.toml"), "{error}");

    let large = folder.path().join("large 🐙 task");
    copy(&hello(), &large);
    let noise: Vec<u8> =
        (0..3_u32 << 18).flat_map(|n| n.wrapping_mul(2_654_435_761).rotate_left(n % 31).to_le_bytes()).collect();
    std::fs::write(large.join("environment/noise"), noise).unwrap();
    let error = refused(&stack, &large, &["-a", "oracle"]);
    assert!(error.contains("too large") && error.contains("1MB"), "{error}");

    text(&stack.oddish(&["run", "--no-such-flag"]), 2);
    text(&stack.oddish(&["status", "nowhere-12345678"]), 1);
    assert!(stack.get("/tasks").await.as_array().unwrap().is_empty(), "nothing was created");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_second_server_on_the_port_says_who_has_it() {
    let mut stack = Stack::new().await;
    let first = stack.start_api(&["--no-workers"]).await;
    let log = stack.logged();
    let port = log.split("http://127.0.0.1:").nth(1).unwrap().split(|c: char| !c.is_ascii_digit()).next().unwrap();
    let second = std::process::Command::new(program("oddish-server"))
        .args(["api", "--port", port])
        .current_dir(stack.folder())
        .output()
        .unwrap();
    let error = text(&second, 1);
    assert!(error.contains(&format!("process {first}")) && error.contains("--port"), "{error}");
}

#[tokio::test]
async fn a_server_that_others_can_reach_warns() {
    let mut stack = Stack::new().await;
    stack.start_api(&["--no-workers"]).await;
    assert!(!stack.logged().contains("everyone on the network"));
    stack.start_api(&["--no-workers", "--host", "0.0.0.0"]).await;
    assert!(stack.logged().contains("everyone on the network"), "{}", stack.logged());
}

#[test]
fn all_faults_of_the_settings_are_listed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "ODDISH_API_PORT=many\nODDISH_MAX_RUNNERS=0\n").unwrap();
    let output = std::process::Command::new(program("oddish-server"))
        .arg("api")
        .current_dir(folder.path())
        .env("DATABASE_URL", "mysql://user:hush@host/db")
        .env("ODDISH_MAX_RUNNERS", "none")
        .output()
        .unwrap();
    let error = text(&output, 1);
    for named in ["DATABASE_URL", "ODDISH_API_PORT", "many", "ODDISH_MAX_RUNNERS", "none"] {
        assert!(error.contains(named), "{named} is not named: {error}");
    }
    assert!(!error.contains("hush"), "a password is shown: {error}");
}

#[test]
fn install_pgqueuer_says_that_there_is_nothing_to_install() {
    let output =
        std::process::Command::new(program("oddish-server")).args(["db", "install-pgqueuer"]).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("part of the migrations"));
}

#[test]
fn the_manual_page_is_current() {
    let mut page = "# The `oddish-server` command line\n\nThis page is what the program itself says.\n".to_owned();
    for words in [
        &[][..],
        &["api"],
        &["worker"],
        &["keys"],
        &["keys", "create"],
        &["secret", "replace"],
        &["db"],
        &["db", "reset"],
    ] {
        let output = std::process::Command::new(program("oddish-server"))
            .args(words)
            .arg("--help")
            .env("COLUMNS", "100")
            .output()
            .unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let command = [&["oddish-server"], words].concat().join(" ");
        write!(page, "\n## `{command}`\n\n```text\n{}\n```\n", help.trim_end()).unwrap();
    }
    derived::check("docs/server.md", &page);
}

/// The output of a server program in this folder, with nothing of the tester's settings.
fn in_folder(folder: &Path, arguments: &[&str], stdout: Option<&str>) -> Output {
    let mut command = std::process::Command::new(program("oddish-server"));
    command.args(arguments).current_dir(folder).env_remove("DATABASE_URL").env_remove("ODDISH_DATABASE_URL");
    if let Some(path) = stdout {
        command.stdout(std::fs::File::options().write(true).open(path).unwrap());
    }
    command.output().unwrap()
}

#[test]
fn a_faulty_line_of_env_is_named_without_its_value() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "A=1\nANTHROPIC_API_KEY=sk-ant-hush trailing words\n").unwrap();
    let error = text(&in_folder(folder.path(), &["db", "status"], None), 1);
    assert!(error.contains(".env") && error.contains("line 2: ANTHROPIC_API_KEY"), "{error}");
    assert!(!error.contains("hush") && !error.contains("trailing"), "{error}");
}

#[test]
fn only_the_working_directory_has_an_env_file() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let bad = "\u{feff}ODDISH_DATABASE_URL=nonsense$x\nODDISH_API_PORT=ab$cd\n";
    std::fs::write(folder.path().join(".env"), bad).unwrap();
    let error = text(&in_folder(folder.path(), &["db", "status"], None), 1);
    assert!(error.contains("ab$cd") && error.contains("ODDISH_DATABASE_URL"), "as it stands: {error}");
    std::fs::write(inner.join(".env"), "DATABASE_URL=postgresql://u:hush@127.0.0.1:1/db\n").unwrap();
    let error = text(&in_folder(&inner, &["db", "status"], None), 1);
    assert!(error.contains("127.0.0.1:1/db: nothing listens there") && !error.contains("ab$cd"), "{error}");
}

#[test]
fn a_stdout_that_takes_nothing_is_told_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let error = text(&in_folder(folder.path(), &["settings"], Some("/dev/full")), 1);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("error: cannot write to stdout") && error.contains("No space left"), "{error}");
}
