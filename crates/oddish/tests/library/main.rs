//! The library as a program uses it. `cargo xtask test` starts Postgres and Docker and names Harbor.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use oddish::schemas::{SweepConfig, SweepRequest};
use oddish::{Error, Oddish, OpenError, Settings};
use oddish_test_support::{create_database, hello_task as hello};
use tempfile::TempDir;

/// A database and a folder of its own.
struct Place {
    folder: TempDir,
    database_url: String,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("oddish-test-").tempdir().unwrap();
        Self { folder, database_url: create_database("library").await }
    }

    fn variables(&self) -> BTreeMap<String, String> {
        let set = [
            ("DATABASE_URL", self.database_url.clone()),
            ("ODDISH_LOCAL_STORAGE_DIR", self.path("artifacts")),
            ("ODDISH_HARBOR_JOBS_DIR", self.path("jobs")),
        ];
        set.map(|(name, value)| (name.to_owned(), value)).into()
    }

    async fn open(&self) -> Oddish {
        Oddish::open(Settings::from_map(self.variables()).unwrap()).await.unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join(name)
}

fn oracle(n_trials: u32) -> SweepRequest {
    SweepRequest {
        configs: vec![SweepConfig { agent: "oracle".to_owned(), n_trials, ..SweepConfig::default() }],
        user: "someone".to_owned(),
        ..SweepRequest::default()
    }
}

#[tokio::test]
async fn the_example_runs_a_task_to_its_reward() {
    let place = Place::new().await;
    let output = Command::new(built("examples/evaluate"))
        .args([hello().to_str().unwrap(), "oracle", "2"])
        .envs(place.variables())
        .env("ODDISH_RUNNER", built("oddish-runner"))
        .output()
        .unwrap();
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}\n{errors}");
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].ends_with(": 2 trials queued"), "{printed}");
    for (index, line) in lines[1..3].iter().enumerate() {
        assert!(line.contains(&format!("-{index}: success, reward 1")), "{printed}");
    }
    assert_eq!(lines[3], "default: 0 running of 8", "{printed}");
}

#[tokio::test]
async fn what_a_service_refuses_is_refused_with_its_reason() {
    let place = Place::new().await;
    let oddish = place.open().await;
    let Err(Error::Invalid(invalid)) = oddish.create_task(&hello(), oracle(0)).await else {
        panic!("a sweep of no trials is taken")
    };
    assert!(invalid.to_string().contains("n_trials"), "{invalid}");
    let missing = oddish.create_task(Path::new("/no/such/folder"), oracle(1)).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing:?}");
    assert!(missing.to_string().contains("/no/such/folder"), "{missing}");
    for unknown in ["no-such-task", "a name/with ?#% and ümläuts 🐟"] {
        assert!(oddish.get_task_with_trials(unknown).await.unwrap().is_none());
    }
    assert!(oddish.get_queue_stats().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_folder_of_any_name_is_a_task_of_that_name() {
    let place = Place::new().await;
    let oddish = place.open().await;
    let name = "50% \"größer\" 🐟";
    let folder = place.folder.path().join(name);
    copy(&hello(), &folder);
    let queued = oddish.create_task(&folder, oracle(1)).await.unwrap();
    let task = oddish.get_task_with_trials(&queued.id).await.unwrap().unwrap();
    assert_eq!((task.name.as_str(), task.trials.unwrap().len()), (name, 1));

    let uploaded = oddish.upload_task(&folder).await.unwrap();
    assert!(oddish.get_task_with_trials(&uploaded.task_id).await.unwrap().is_none(), "it has no trials yet");
    oddish.queue_trials(SweepRequest { task_id: uploaded.task_id.clone(), ..oracle(1) }).await.unwrap();
    assert!(oddish.get_task_with_trials(&uploaded.task_id).await.unwrap().is_some());
    assert_eq!(oddish.get_queue_stats().await.unwrap()[0].ready, 2);
}

#[tokio::test]
async fn a_folder_whose_name_cannot_name_a_task_is_refused() {
    let place = Place::new().await;
    let oddish = place.open().await;
    for name in ["two\nlines", "a\tb", " "] {
        let folder = place.folder.path().join(name);
        copy(&hello(), &folder);
        let refused = oddish.upload_task(&folder).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(_)), "{refused:?}");
        assert!(refused.to_string().starts_with("the folder's name cannot name a task: "), "{refused}");
    }
}

#[tokio::test]
async fn a_program_with_another_secret_does_not_open_the_database() {
    let place = Place::new().await;
    let open = async |secret: &str| {
        let mut variables = place.variables();
        variables.insert("ODDISH_SECRET_KEY".to_owned(), secret.repeat(64));
        Oddish::open(Settings::from_map(variables).unwrap()).await
    };
    open("a").await.unwrap();
    open("a").await.unwrap();
    let Err(other @ OpenError::OtherSecret(_)) = open("b").await else { panic!("another secret is taken") };
    assert!(other.to_string().contains("ODDISH_SECRET_KEY"), "{other}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn settings_without_a_database_say_what_to_set() {
    let error = Settings::from_map(BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains("DATABASE_URL"), "{error}");
    let wrong = BTreeMap::from([("ODDISH_MAX_RUNNERS".to_owned(), "many".to_owned())]);
    let error = Settings::from_map(wrong).unwrap_err();
    assert!(error.to_string().contains("ODDISH_MAX_RUNNERS"), "{error}");
}
