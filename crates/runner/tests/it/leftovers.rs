//! What attempts leave in Docker, and what is removed of it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use oddish_db::Db;
use oddish_runner::attempt::{compose_project, trial_name};
use oddish_runner::clean_up::{LookError, clean_up_ended, remove_containers};
use oddish_runner::docker::{Docker, DockerError};
use oddish_test_support::{create_database, with_database};

/// Everything that Compose makes, and an image to which the file gives a name.
const COMPOSE: &str = "services:
  main: {build: {context: ., target: main}, command: [/x], volumes: ['data:/data']}
  side: {build: {context: ., target: side}, image: 'IMAGE', command: [/x]}
volumes: {data: {}}
";

fn variables() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn unique() -> String {
    uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect()
}

/// The sandbox of a trial, as Harbor leaves it when nobody takes it down.
struct Sandbox {
    project: String,
    /// Name of the image that others may use.
    image: String,
}

impl Sandbox {
    fn of(project: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Self { project: project.to_owned(), image: format!("oddish-test-{}:1", unique()) };
        fs::write(folder.path().join("docker-compose.yaml"), COMPOSE.replace("IMAGE", &sandbox.image)).unwrap();
        let dockerfile = format!("FROM scratch AS main\nCOPY x /x\nFROM main AS side\nCOPY x /{project}\n");
        fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
        fs::write(folder.path().join("x"), project).unwrap();
        let file = folder.path().join("docker-compose.yaml");
        let compose = ["compose", "-p", project, "-f", file.to_str().unwrap()];
        docker(&[&compose[..], &["build"]].concat());
        docker(&[&compose[..], &["create"]].concat());
        assert_eq!(sandbox.left(), [2, 1, 1, 1]);
        sandbox
    }

    /// Containers, networks, volumes and images of its own that are there.
    fn left(&self) -> [usize; 4] {
        let filter = format!("label=com.docker.compose.project={}", self.project);
        let listed = |command: &[&str]| docker(&[command, &["--quiet", "--filter", &filter]].concat()).lines().count();
        let images = docker(&["image", "ls", "--format", "{{.Repository}}", "--filter", &filter]);
        [
            listed(&["ps", "--all"]),
            listed(&["network", "ls"]),
            listed(&["volume", "ls"]),
            images.lines().filter(|name| name.starts_with(&self.project)).count(),
        ]
    }

    fn image_is_there(&self) -> bool {
        !docker(&["image", "ls", "--quiet", &self.image]).is_empty()
    }
}

/// Not even a failed test leaves something.
impl Drop for Sandbox {
    fn drop(&mut self) {
        let down = ["compose", "-p", &self.project, "down", "--volumes", "--remove-orphans", "--rmi", "all", "-t", "0"];
        let _best_effort = Command::new("docker").args(down).output();
        let _best_effort = Command::new("docker").args(["image", "rm", &self.image]).output();
    }
}

#[tokio::test]
async fn all_that_is_a_trials_own_is_removed_and_nothing_else() {
    let trial = trial_name(&format!("left-{}-0", unique()), 1);
    let main = Sandbox::of(&compose_project(&trial));
    let verifier = Sandbox::of(&format!("{trial}__verifier__trial"));
    let tenth = Sandbox::of(&compose_project(&format!("{trial}0")));
    remove_containers(&trial, &variables()).await;
    assert_eq!((main.left(), verifier.left(), tenth.left()), ([0; 4], [0; 4], [2, 1, 1, 1]));
    assert!(main.image_is_there(), "other tasks may use an image with a name of its own");
}

/// Makes attempts known to a database, of which the last has not ended.
async fn attempts(db: &Db, trial_id: &str, ended: i32) {
    let sql =
        "insert into oddish.attempts (kind, trial_id, number, token, queue_key, slot, claimed_at, ended_at, outcome)
        select 'trial', $1, number, gen_random_uuid(), 'k', 0, now(), case when number <= $2 then now() end,
            case when number <= $2 then 'lost' end
        from generate_series(1, $2 + 1) number";
    sqlx::query(sql).bind(trial_id).bind(ended).execute(db).await.unwrap();
}

#[with_database]
async fn a_database_removes_what_its_own_ended_attempts_left(db: Db) {
    let other = oddish_db::connect(&create_database("other").await.parse().unwrap(), 1).await.unwrap();
    oddish_db::schema::migrate(&other).await.unwrap();
    let (plain, foreign) = (format!("ours-{}-0", unique()), format!("theirs-{}-0", unique()));
    // Docker takes neither as a name: one is hashed for its letters, one for its length.
    let odd = format!("Odd_Näme-{}-0", unique());
    let long = format!("{}-{}-0", "very".repeat(12), unique());
    for id in [&plain, &odd, &long] {
        attempts(&db, id, 1).await;
    }
    attempts(&other, &foreign, 1).await;
    let project = |id: &str, number| compose_project(&trial_name(id, number));
    let ended: Vec<Sandbox> = [&plain, &odd, &long].map(|id| Sandbox::of(&project(id, 1))).into();
    let verifier = Sandbox::of(&format!("{}__verifier__step-1", trial_name(&plain, 1)));
    let running = Sandbox::of(&project(&plain, 2));
    let theirs = Sandbox::of(&project(&foreign, 1));
    let nobodys = Sandbox::of(&format!("some-project-{}__env", unique()));

    assert_eq!(clean_up_ended(&db, &variables()).await.unwrap(), [""; 0]);
    for sandbox in ended.iter().chain([&verifier]) {
        assert_eq!(sandbox.left(), [0; 4], "{}", sandbox.project);
        assert!(sandbox.image_is_there(), "{}", sandbox.image);
    }
    for sandbox in [&running, &theirs, &nobodys] {
        assert_eq!(sandbox.left(), [2, 1, 1, 1], "{}", sandbox.project);
    }
    clean_up_ended(&other, &variables()).await.unwrap();
    assert_eq!((theirs.left(), running.left()), ([0; 4], [2, 1, 1, 1]));
}

/// A network alone is what a stop in the middle of Harbor's own clean-up can leave.
#[with_database]
async fn a_network_alone_is_found_too(db: Db) {
    let id = format!("alone-{}-0", unique());
    attempts(&db, &id, 1).await;
    let project = compose_project(&trial_name(&id, 1));
    let label = format!("com.docker.compose.project={project}");
    let name = format!("{project}_default");
    docker(&["network", "create", "--label", &label, "--label", "com.docker.compose.network=default", &name]);
    clean_up_ended(&db, &variables()).await.unwrap();
    assert!(docker(&["network", "ls", "--quiet", "--filter", &format!("name={name}")]).is_empty());
}

/// Variables with which another program is found in the place of `docker`, that fails while a file is there.
fn away_while(there: &Path, folder: &Path) -> Vec<(OsString, OsString)> {
    let real =
        String::from_utf8(Command::new("sh").args(["-c", "command -v docker"]).output().unwrap().stdout).unwrap();
    let script = format!(
        "#!/bin/sh\nif [ -e {} ]; then echo 'Cannot connect to the Docker daemon' >&2; exit 1; fi\nexec {} \"$@\"\n",
        there.display(),
        real.trim()
    );
    fs::write(folder.join("docker"), script).unwrap();
    fs::set_permissions(folder.join("docker"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut path = folder.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    variables().into_iter().filter(|(name, _)| name != "PATH").chain([("PATH".into(), path)]).collect()
}

#[with_database]
async fn what_docker_could_not_remove_while_it_was_away_is_removed_when_it_is_back(db: Db) {
    let folder = tempfile::tempdir().unwrap();
    let away = folder.path().join("away");
    let environment = away_while(&away, folder.path());
    let id = format!("away-{}-0", unique());
    attempts(&db, &id, 1).await;
    let sandbox = Sandbox::of(&compose_project(&trial_name(&id, 1)));
    fs::write(&away, "").unwrap();
    remove_containers(&trial_name(&id, 1), &environment).await;
    let error = clean_up_ended(&db, &environment).await.unwrap_err();
    assert!(matches!(&error, LookError::Docker(DockerError::Failed { .. })), "{error:?}");
    assert!(error.to_string().contains("Cannot connect to the Docker daemon"), "{error}");
    assert_eq!(sandbox.left(), [2, 1, 1, 1]);
    fs::remove_file(&away).unwrap();
    assert_eq!(clean_up_ended(&db, &environment).await.unwrap(), [""; 0]);
    assert_eq!(sandbox.left(), [0; 4]);
}

#[tokio::test]
async fn without_dockers_command_there_is_nothing_to_remove() {
    let error = Docker::new(&[("PATH".into(), "/nowhere".into())]).projects().await.unwrap_err();
    assert!(matches!(error, DockerError::Absent), "{error:?}");
}
