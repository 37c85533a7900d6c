//! From the folder of a task to trials that wait for their turn.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oddish::capabilities::{Artifacts, Expansion, Limits, UploadRules, Wake};
use oddish::idempotency::IdempotencyKey;
use oddish::judging::Judges;
use oddish::uploads::TaskName;
use oddish::{Db, Error, Submission, queues, sweeps, uploads};
use oddish_api_types::{SweepConfig, SweepRequest, TaskResponse, UploadResponse};
use oddish_artifacts::{FolderStore, archive};
use oddish_domain::environment::DockerEnvironment;
use oddish_domain::limits::ConcurrencyLimits;
use oddish_test_support::with_database;
use tempfile::{NamedTempFile, TempDir};
use time::OffsetDateTime;

/// What a program has that uses the services.
struct Program {
    db: Db,
    folder: TempDir,
    artifacts: Artifacts,
    rules: UploadRules,
}

impl Program {
    fn new(db: Db) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts(Arc::new(FolderStore::open(folder.path()).unwrap()));
        let rules = UploadRules {
            max_bytes: 2 << 20,
            max_form_bytes: 1 << 20,
            default_agent_timeout_sec: 3600.0,
            allow_host_access: false,
        };
        Self { db, folder, artifacts, rules }
    }

    async fn upload(&self, name: &str, archive: &Path) -> Result<UploadResponse, Error> {
        let name = TaskName::parse(name).unwrap();
        uploads::create(&self.db, &self.artifacts, &self.rules, name, archive, OffsetDateTime::now_utc()).await
    }

    async fn sweep(&self, submission: Submission<'_, SweepRequest>) -> Result<TaskResponse, Error> {
        let limits = Limits {
            concurrency: Arc::new(ConcurrencyLimits { default: 8, overrides: BTreeMap::new() }),
            max_attempts: 6,
        };
        let expansion = Expansion { sealing: None, docker: DockerEnvironment::Docker, allow_host_access: false };
        let wake = Wake::through(self.db.clone());
        let now = OffsetDateTime::now_utc();
        sweeps::create(&self.db, &Judges::none(), &limits, &expansion, &wake, submission, now).await
    }

    async fn tasks(&self) -> i64 {
        sqlx::query_scalar("select count(*) from oddish.tasks").fetch_one(&self.db).await.unwrap()
    }
}

/// An archive of a task in the examples.
async fn packed() -> NamedTempFile {
    let hello: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../examples/tasks/hello"].iter().collect();
    let (file, mut bytes) = (NamedTempFile::new().unwrap(), Vec::new());
    archive::pack(&hello, &mut bytes).await.unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

#[with_database]
async fn a_task_is_stored_and_its_trials_are_queued(db: Db) {
    let program = Program::new(db);
    let uploaded = program.upload("50% \"größer\" 🐟", packed().await.path()).await.unwrap();
    assert_eq!((uploaded.name.as_str(), uploaded.version), ("50% \"größer\" 🐟", Some(1)));
    let request = SweepRequest {
        task_id: uploaded.task_id.clone(),
        configs: vec![SweepConfig { agent: "oracle".to_owned(), n_trials: 2, ..SweepConfig::default() }],
        user: "someone".to_owned(),
        append_to_task: true,
        ..SweepRequest::default()
    };
    let key = IdempotencyKey { operation: "sweep".to_owned(), key: "k".to_owned(), body_sha256: "0".repeat(64) };
    let with_key = || Submission { idempotency_key: Some(&key), ..Submission::of(&request) };
    let first = program.sweep(with_key()).await.unwrap();
    assert_eq!((first.first_trial_index, first.trials_count), (0, 2));
    assert_eq!(program.sweep(with_key()).await.unwrap().first_trial_index, 0, "the answer of the first");
    assert_eq!(queues::list(&program.db).await.unwrap()[0].ready, 2);
    assert_eq!(program.sweep(Submission::of(&request)).await.unwrap().first_trial_index, 2);
    assert_eq!(queues::list(&program.db).await.unwrap()[0].ready, 4);

    let none = SweepRequest { configs: vec![SweepConfig { n_trials: 0, ..request.configs[0].clone() }], ..request };
    let Err(Error::Invalid(invalid)) = program.sweep(Submission::of(&none)).await else {
        panic!("a sweep of no trials is taken")
    };
    assert_eq!(invalid.field, ["configs[0].n_trials"]);
}

#[with_database]
async fn an_archive_above_the_limit_is_too_large_from_wherever_it_comes(db: Db) {
    let mut program = Program::new(db);
    let archive = packed().await;
    program.rules.max_bytes = archive.path().metadata().unwrap().len() - 1;
    let refused = program.upload("hello", archive.path()).await.unwrap_err();
    assert!(matches!(refused, Error::TooLarge { .. }), "{refused:?}");
    assert_eq!(program.tasks().await, 0);
    program.rules.max_bytes += 1;
    program.upload("hello", archive.path()).await.unwrap();
}

#[with_database]
async fn an_upload_that_cannot_be_stored_leaves_no_task(db: Db) {
    let program = Program::new(db);
    let archive = packed().await;
    let in_the_way = program.folder.path().join("tasks");
    std::fs::write(&in_the_way, "a file where a folder must be").unwrap();
    let failed = program.upload("hello", archive.path()).await.unwrap_err();
    assert!(matches!(failed, Error::Store(_)), "{failed:?}");
    assert_eq!(program.tasks().await, 0);
    std::fs::remove_file(&in_the_way).unwrap();
    program.upload("hello", archive.path()).await.unwrap();
    assert_eq!(program.tasks().await, 1);
}
