//! The images, in containers as a deployment starts them.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use oddish_db::queue;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::functions::start_bucket;
use crate::stack::{Stack, containers, eventually, hello, tasks};

/// One of the images that `cargo xtask test` builds.
fn image(variable: &str) -> String {
    std::env::var(variable).expect("run this with `cargo xtask test`, which builds the images")
}

fn docker(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).output().unwrap()
}

/// What a command prints that succeeds.
fn printed(arguments: &[&str]) -> String {
    let output = docker(arguments);
    assert!(output.status.success(), "docker {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A container, removed when it is dropped.
struct Container(String);

impl Container {
    /// Starts one of the image: with these options of `docker run`, and the image's own program or these words.
    fn start(options: &[String], image: &str, words: &[&str]) -> Self {
        let mut command = Command::new("docker");
        let output = command.args(["run", "--detach"]).args(options).arg(image).args(words).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        Self(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// What it said, on both ways.
    fn log(&self) -> String {
        let output = docker(&["logs", &self.0]);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    fn state(&self, format: &str) -> String {
        printed(&["inspect", "--format", format, &self.0]).trim().to_owned()
    }

    /// Waits until its program has ended, and returns its exit code.
    async fn ended(&self) -> String {
        let what = "the container's program to end";
        eventually(what, async || (self.state("{{.State.Running}}") == "false").then_some(())).await;
        self.state("{{.State.ExitCode}}")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            anstream::eprintln!("--- log of the container ---\n{}", self.log());
        }
        docker(&["rm", "--force", "--volumes", &self.0]);
    }
}

/// A deployment whose files are in a bucket and whose runners are containers that the test starts.
struct Deployment {
    stack: Stack,
    _bucket: oddish_local_bucket::LocalBucket,
}

impl Deployment {
    async fn start() -> Self {
        let mut stack = Stack::new().await;
        let bucket = start_bucket(&mut stack).await;
        stack.start_api(&["--no-workers"]).await;
        Self { stack, _bucket: bucket }
    }

    fn jobs(&self) -> PathBuf {
        self.stack.folder().join("jobs")
    }

    /// Claims the trial that waits, and starts its runner with what a container task gets: settings, attempt and token.
    async fn launch(&self, options: &[String], words: &[&str]) -> Container {
        let claim = queue::claim(&self.stack.db, 1, OffsetDateTime::now_utc()).await.unwrap().remove(0);
        let mut variables = self.stack.environment();
        variables.extend(
            [
                ("ODDISH_TRIAL_ID", claim.attempt.subject),
                ("ODDISH_ATTEMPT", claim.attempt.number.to_string()),
                ("ODDISH_ATTEMPT_TOKEN", claim.attempt.token.to_string()),
                ("ODDISH_MIN_FREE_GB", "0".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        // Database and bucket are on this machine.
        let mut all = vec!["--network=host".to_owned()];
        all.extend(variables.into_iter().map(|(name, value)| format!("--env={name}={value}")));
        all.extend_from_slice(options);
        Container::start(&all, &image("ODDISH_RUNNER_IMAGE"), words)
    }

    /// [`Deployment::launch`] with the socket of this machine's Docker, and Harbor confined in this way.
    async fn launch_beside_docker(&self, confinement: &str) -> Container {
        let jobs = self.jobs().to_str().unwrap().to_owned();
        let options = [
            "--volume=/var/run/docker.sock:/var/run/docker.sock".to_owned(),
            format!("--volume={jobs}:{jobs}"),
            format!("--env=ODDISH_HARBOR_JOBS_DIR={jobs}"),
            format!("--env=ODDISH_CONFINEMENT={confinement}"),
        ];
        self.launch(&options, &[]).await
    }

    /// Folders of attempts that are there.
    fn attempts(&self) -> usize {
        let entries = std::fs::read_dir(self.jobs()).unwrap().map(|entry| entry.unwrap().file_name());
        // Where each Harbor is a user of its own, the folder also says which are in use.
        entries.filter(|name| name != ".users").count()
    }

    async fn trial(&self, task_id: &str) -> Value {
        self.stack.get(&format!("/tasks/{task_id}")).await["trials"][0].clone()
    }
}

#[test]
fn the_runner_is_there_with_harbor_and_without_rights() {
    let image = image("ODDISH_RUNNER_IMAGE");
    let within = |program: &str, words: &[&str]| {
        printed(&[&["run", "--rm", &format!("--entrypoint={program}"), &image], words].concat())
    };
    assert_eq!(
        printed(&["run", "--rm", &image, "--version"]),
        concat!("oddish-runner ", env!("CARGO_PKG_VERSION"), "\n")
    );
    assert!(printed(&["run", "--rm", &image, "--help"]).contains("ODDISH_ATTEMPT_TOKEN"));
    let entered = |words: &[&str]| within("oddish-runner", &[&["enter", "--"], words].concat());
    assert_eq!(entered(&["id"]), "uid=1000(oddish) gid=1000(oddish) groups=1000(oddish)\n");
    assert_eq!(within("/opt/harbor/bin/harbor", &["--version"]).trim(), "0.26.0");
    entered(&["sh", "-c", "touch ~/mine /var/lib/oddish/jobs/mine && ! touch /opt/harbor/mine 2>/dev/null"]);
}

/// Every environment of Harbor that names an extra has its packages, but for those that `docker/harbor.in` leaves out, and Smol, which runs
/// on the machine of the runner.
#[test]
fn the_runner_has_the_sdks_of_the_hosted_sandboxes() {
    const MISSING: &str = "
from importlib.metadata import PackageNotFoundError, requires, version
from packaging.requirements import Requirement
from harbor.environments.factory import _ENVIRONMENT_REGISTRY as registry

def is_there(package):
    try:
        return package.specifier.contains(version(package.name), prereleases=True)
    except PackageNotFoundError:
        return False

def packages(extra):
    wanted = [Requirement(line) for line in requires('harbor')]
    return [one for one in wanted if one.marker and one.marker.evaluate({'extra': extra})]

for entry in registry.values():
    if entry.pip_extra and not all(is_there(package) for package in packages(entry.pip_extra)):
        print(entry.pip_extra)
";
    let image = image("ODDISH_RUNNER_IMAGE");
    let missing = printed(&["run", "--rm", "--entrypoint=/opt/harbor/bin/python", &image, "-c", MISSING]);
    let mut missing: Vec<&str> = missing.lines().collect();
    missing.sort_unstable();
    assert_eq!(missing, ["blaxel", "boxd", "runta", "skypilot", "smol", "snowflake", "superserve"]);
}

/// The ways to confine Harbor, and the user ids of its process in each.
const WAYS: [(&str, std::ops::Range<u32>); 2] = [("landlock", 1000..1001), ("uid", 60_600..61_100)];

// The bucket lives in this process, beside the programs that are waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_runs_a_trial_beside_docker() {
    let deployment = Deployment::start().await;
    for (way, _) in WAYS {
        let task_id = deployment.stack.submit(&hello(), &["-a", "oracle"]).remove(0);
        let runner = deployment.launch_beside_docker(way).await;
        assert_eq!(runner.ended().await, "0");
        let trial = deployment.trial(&task_id).await;
        assert_eq!((&trial["status"], &trial["reward"]), (&json!("success"), &json!(1.0)), "{way}: {trial}");
        let logs = deployment.stack.get(&format!("/trials/{task_id}-0/logs")).await;
        assert!(logs["logs"].as_str().unwrap().contains("PASS"), "{way}: {logs}");
        // Root has made the folder the user's, and the user has emptied it again.
        assert_eq!(std::fs::metadata(deployment.jobs()).unwrap().uid(), 1000, "{way}");
        assert_eq!(deployment.attempts(), 0, "{way}");
    }
}

/// The tests of a task link their reward to a file that the runner may read.
#[tokio::test(flavor = "multi_thread")]
async fn a_trial_in_a_container_reads_no_file_of_the_runner() {
    const CANARY: &str = "canary-of-the-runner-4711";
    let deployment = Deployment::start().await;
    let jobs = deployment.jobs();
    std::fs::create_dir_all(&jobs).unwrap();
    let file = jobs.join("file");
    let write = format!("umask 077; echo {CANARY} > {0}; chown oddish:oddish {0}", file.display());
    let volume = format!("--volume={0}:{0}", jobs.display());
    printed(&["run", "--rm", &volume, "--entrypoint=sh", &image("ODDISH_RUNNER_IMAGE"), "-c", &write]);
    let task = tempfile::tempdir().unwrap();
    for entry in walkdir::WalkDir::new(hello()).into_iter().map(Result::unwrap) {
        let target = task.path().join("curious").join(entry.path().strip_prefix(hello()).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(target).unwrap();
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
    let script = format!("#!/bin/bash\nln -sf {} /logs/verifier/reward.txt\n", file.display());
    std::fs::write(task.path().join("curious/tests/test.sh"), script).unwrap();
    for (way, _) in WAYS {
        let task_id = deployment.stack.submit(&task.path().join("curious"), &["-a", "oracle"]).remove(0);
        let runner = deployment.launch_beside_docker(way).await;
        assert_eq!(runner.ended().await, "0");
        let trial = deployment.trial(&task_id).await;
        assert_eq!(trial["error_class"], "verifier", "{way}: {trial}");
        let message = trial["error_message"].as_str().unwrap();
        assert!(message.contains("PermissionError") && !message.contains(CANARY), "{way}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_stopped_gives_its_trial_back() {
    // Each process: its user, and what it was started with.
    const PROCESSES: &str =
        r#"for p in /proc/[0-9]*; do echo "$(grep ^Uid $p/status | cut -f2) $(tr '\0' ' ' < $p/cmdline)"; done"#;
    for (way, users) in WAYS {
        let deployment = Deployment::start().await;
        let task_id = deployment.stack.submit(&tasks().join("sleepy"), &["-a", "oracle"]).remove(0);
        let runner = deployment.launch_beside_docker(way).await;
        deployment.stack.stage(&task_id, "agent_running").await;
        let environment = printed(&["exec", "--privileged", &runner.0, "cat", "/proc/1/environ"]);
        let named = |name: &str| environment.split('\0').any(|variable| variable.starts_with(&format!("{name}=")));
        assert!(named("PATH") && named("ODDISH_TRIAL_ID"), "{environment}");
        for secret in ["DATABASE_URL", "ODDISH_ATTEMPT_TOKEN", "ODDISH_SECRET_KEY", "ODDISH_S3_SECRET_KEY"] {
            assert!(!named(secret), "{secret}: {environment}");
        }
        let processes = printed(&["exec", &runner.0, "sh", "-c", PROCESSES]);
        let user_of = |words: &str| -> u32 {
            let line = processes.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{processes}"));
            line.split(' ').next().unwrap().parse().unwrap()
        };
        assert_eq!(user_of("tini -- oddish-runner"), 1000, "{way}: {processes}");
        assert!(users.contains(&user_of("/opt/harbor/bin/python -P")), "{way}: {processes}");
        // What ECS does: SIGTERM, and SIGKILL when the time is up.
        printed(&["stop", "--time=120", &runner.0]);
        assert_eq!(runner.state("{{.State.ExitCode}}"), "0");
        assert_eq!(deployment.stack.outcomes(&task_id).await, ["interrupted"], "{way}");
        assert_eq!(deployment.trial(&task_id).await["status"], "queued", "{way}");
        assert_eq!(containers(&task_id), Vec::<String>::new());
        assert_eq!(deployment.attempts(), 0, "{way}: its scratch folder is gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_without_docker_says_so() {
    let deployment = Deployment::start().await;
    let task_id = deployment.stack.submit(&hello(), &["-a", "oracle"]).remove(0);
    let runner = deployment.launch(&[], &[]).await;
    assert_eq!(runner.ended().await, "0");
    let trial = deployment.trial(&task_id).await;
    assert_eq!((&trial["status"], &trial["error_class"]), (&json!("retrying"), &json!("infrastructure")), "{trial}");
    let said = trial["error_message"].as_str().unwrap();
    assert!(said.contains("Cannot connect to the Docker daemon at unix:///var/run/docker.sock"), "{said}");
    assert_eq!(trial["reward"], Value::Null);
}

/// A container that is started as its user, without the rights to change it, can do nothing by user ids.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_confine_harbor_says_so_and_can_be_told_to_do_without() {
    let stack = Stack::new().await;
    let variables = stack.environment();
    let start = |way: &str| {
        let mut options = vec!["--network=host".to_owned(), "--user=1000".to_owned()];
        options.extend(variables.iter().map(|(name, value)| format!("--env={name}={value}")));
        options.extend([
            format!("--env=ODDISH_CONFINEMENT={way}"),
            "--env=ODDISH_SECRET_KEY=one-secret-that-both-servers-have-0123456789".to_owned(),
        ]);
        Container::start(&options, &image("ODDISH_SERVER_IMAGE"), &["worker"])
    };
    let refused = start("uid");
    assert_eq!(refused.ended().await, "1");
    let log = refused.log();
    let said: Vec<&str> = log.lines().filter(|line| line.contains("ODDISH_CONFINEMENT=uid")).collect();
    assert!(matches!(said.as_slice(), [line] if line.contains("ODDISH_CONFINEMENT=off")), "{log}");
    let unconfined = start("off");
    eventually("a worker that does without", async || {
        unconfined.log().contains("Harbor is not confined (ODDISH_CONFINEMENT=off)").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_server_image_tells_whether_it_is_healthy() {
    let stack = Stack::new().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut options = vec!["--network=host".to_owned(), "--health-interval=1s".to_owned()];
    options.extend(["--env=ODDISH_API_HOST=127.0.0.1".to_owned(), format!("--env=ODDISH_API_PORT={port}")]);
    options.extend(stack.environment().into_iter().map(|(name, value)| format!("--env={name}={value}")));
    let server = Container::start(&options, &image("ODDISH_SERVER_IMAGE"), &["api", "--no-workers"]);
    eventually("the server to be healthy", async || {
        (server.state("{{.State.Health.Status}}") == "healthy").then_some(())
    })
    .await;
    let user = printed(&["exec", &server.0, "stat", "--format=%u", "/proc/1"]);
    assert_eq!(user, "1000\n", "the program does not run as root");
    assert!(!printed(&["exec", "--privileged", &server.0, "cat", "/proc/1/environ"]).contains("DATABASE_URL"));
    printed(&["stop", "--time=60", &server.0]);
    assert_eq!(server.state("{{.State.ExitCode}}"), "0");
}
