//! A whole Oddish in a folder of its own, with a database of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use oddish_db::Db;
use oddish_test_support::create_database;
pub(crate) use oddish_test_support::hello_task as hello;
use serde_json::Value;
use tempfile::TempDir;

use crate::own_postgres::OwnPostgres;

/// How long anything may take that is waited for. Generous: the machine may be busy, and nothing is measured with it.
const PATIENCE: Duration = Duration::from_mins(3);

/// Waits until `probe` finds something.
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A whole Oddish. Dropping it ends all of its processes.
pub(crate) struct Stack {
    folder: TempDir,
    database_url: String,
    own_postgres: Option<OwnPostgres>,
    pub(crate) db: Db,
    settings: Vec<(String, String)>,
    servers: Vec<Child>,
    api: String,
    open_files: Option<u32>,
}

impl Stack {
    /// An empty one; nothing runs yet.
    pub(crate) async fn new() -> Self {
        install_tls();
        Self::on(new_folder(), create_database("whole").await, None).await
    }

    /// An empty one with a whole Postgres of its own.
    pub(crate) async fn with_own_postgres() -> Self {
        install_tls();
        let folder = new_folder();
        let postgres = OwnPostgres::start(folder.path());
        Self::on(folder, postgres.url().to_owned(), Some(postgres)).await
    }

    async fn on(folder: TempDir, database_url: String, own_postgres: Option<OwnPostgres>) -> Self {
        let db = oddish_db::connect(&database_url.parse().unwrap(), 4).await.unwrap();
        oddish_db::schema::migrate(&db).await.unwrap();
        let (settings, servers, api) = (Vec::new(), Vec::new(), String::new());
        Self { folder, database_url, own_postgres, db, settings, servers, api, open_files: None }
    }

    /// The Postgres of [`Stack::with_own_postgres`].
    pub(crate) fn postgres(&mut self) -> &mut OwnPostgres {
        self.own_postgres.as_mut().expect("a Postgres of its own")
    }

    /// Sets a variable for all servers that are started from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Limits the open files of each server that is started from now on.
    pub(crate) fn limit_open_files(&mut self, most: u32) {
        self.open_files = Some(most);
    }

    /// The database and what was set, as the environment of a process that is started elsewhere.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let database = ("DATABASE_URL".to_owned(), self.database_url.clone());
        std::iter::once(database).chain(self.settings.iter().cloned()).collect()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn storage(&self) -> PathBuf {
        self.folder().join("oddish-tasks")
    }

    /// Starts a server program with these arguments; its log goes to a file.
    pub(crate) fn start(&mut self, arguments: &[&str]) -> Pid {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let mut command = match self.open_files {
            None => Command::new(program("oddish-server")),
            Some(most) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]).arg(program("oddish-server"));
                shell
            }
        };
        command.args(arguments).current_dir(self.folder()).env("ODDISH_LOCAL_STORAGE_DIR", self.storage()).stderr(log);
        self.spawn(&mut command)
    }

    /// Starts a program with the settings of this stack.
    pub(crate) fn spawn(&mut self, command: &mut Command) -> Pid {
        command
            .env("DATABASE_URL", &self.database_url)
            .env("ODDISH_HARBOR_JOBS_DIR", self.folder().join("harbor-jobs"))
            .env("ODDISH_HOME", self.folder().join("home"))
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null());
        let child = command.spawn().unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        self.servers.push(child);
        pid
    }

    /// Makes `api` the URL that clients use.
    pub(crate) fn reach_by(&mut self, api: String) {
        self.api = api;
    }

    /// The URL that clients use.
    pub(crate) fn url(&self) -> &str {
        &self.api
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder().join("server.log")
    }

    pub(crate) fn logged(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Starts an API server on a free port and waits until it listens.
    pub(crate) async fn start_api(&mut self, arguments: &[&str]) -> Pid {
        let before = self.logged().len();
        let pid = self.start(&[&["api", "--port", "0"], arguments].concat());
        let address = eventually("the server to listen", async || {
            let log = self.logged();
            let (_, rest) = log.get(before..)?.split_once("Oddish listens on ")?;
            Some(rest.split_whitespace().next()?.to_owned())
        })
        .await;
        self.api = address;
        pid
    }

    /// Starts a server that refuses to, and returns what it says.
    pub(crate) async fn refusal(&mut self, arguments: &[&str]) -> String {
        let before = self.logged().len();
        self.start(arguments);
        eventually("the server's refusal", async || {
            let log = self.logged().split_off(before);
            assert!(!log.contains("listens on") && !log.contains("waiting for trials"), "it starts: {log}");
            log.split_once("error: ").map(|(_, error)| error.to_owned()).filter(|error| error.ends_with('\n'))
        })
        .await
    }

    /// Kills a server on the spot and waits until it is gone. Its runners live on.
    pub(crate) fn kill(&mut self, pid: Pid) {
        self.end(pid, Signal::SIGKILL);
    }

    /// Asks a server to stop and waits until it has.
    pub(crate) fn terminate(&mut self, pid: Pid) {
        self.end(pid, Signal::SIGTERM);
    }

    fn end(&mut self, pid: Pid, signal: Signal) {
        let place = self.servers.iter().position(|server| i64::from(server.id()) == i64::from(pid.as_raw())).unwrap();
        kill(pid, signal).unwrap();
        self.servers.remove(place).wait().unwrap();
    }

    /// Runs a server program that ends by itself.
    pub(crate) fn server(&self, arguments: &[&str]) -> Output {
        Command::new(program("oddish-server"))
            .args(arguments)
            .current_dir(self.folder())
            .env("DATABASE_URL", &self.database_url)
            .envs(self.settings.iter().cloned())
            .output()
            .unwrap()
    }

    /// Status of the answer to whoever asks with this key, or with none.
    pub(crate) async fn status(&self, path: &str, key: Option<&str>) -> u16 {
        let mut request = reqwest::Client::new().get(format!("{}{path}", self.api));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        request.send().await.unwrap().status().as_u16()
    }

    /// Runs the `oddish` command line against this API.
    pub(crate) fn oddish(&self, arguments: &[&str]) -> Output {
        Command::new(program("oddish"))
            .args(arguments)
            .env("ODDISH_API_URL", &self.api)
            .env_remove("ODDISH_API_KEY")
            .output()
            .unwrap()
    }

    /// Submits a task folder with `oddish run --json --background` and returns the ids of the tasks.
    pub(crate) fn submit(&self, path: &Path, arguments: &[&str]) -> Vec<String> {
        let all = [&["run", path.to_str().unwrap(), "--json", "--background"], arguments].concat();
        let output = self.oddish(&all);
        assert!(output.status.success(), "{output:?}");
        let submitted: Value = serde_json::from_slice(&output.stdout).unwrap();
        submitted["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = reqwest::get(format!("{}{path}", self.api)).await.unwrap();
        assert!(response.status().is_success(), "{path}: {response:?}");
        response.json().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let response = reqwest::Client::new().post(format!("{}{path}", self.api)).json(body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {response:?}");
        response.json().await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Value {
        let response = reqwest::Client::new().delete(format!("{}{path}", self.api)).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {response:?}");
        response.json().await.unwrap()
    }

    /// Waits until a trial of the task is at this stage.
    pub(crate) async fn stage(&self, task_id: &str, stage: &str) {
        eventually(&format!("the stage {stage}"), async || {
            let task = self.get(&format!("/tasks/{task_id}")).await;
            task["trials"].as_array()?.iter().any(|trial| trial["harbor_stage"] == stage).then_some(())
        })
        .await;
    }

    /// Waits until the task is completed.
    pub(crate) async fn completed(&self, task_id: &str) -> Value {
        eventually(&format!("{task_id} to complete; the log:\n{}", self.logged()), async || {
            let task = self.get(&format!("/tasks/{task_id}")).await;
            (task["status"] == "completed").then_some(task)
        })
        .await
    }

    /// The runner processes that are at work on this stack's attempts.
    pub(crate) async fn runners(&self) -> Vec<Pid> {
        let pids: Vec<i32> =
            sqlx::query_scalar("select pid from oddish.attempts where ended_at is null and pid is not null")
                .fetch_all(&self.db)
                .await
                .unwrap();
        pids.into_iter().map(Pid::from_raw).collect()
    }

    /// Outcomes of all attempts of a task, in order.
    pub(crate) async fn outcomes(&self, task_id: &str) -> Vec<String> {
        sqlx::query_scalar(
            "select coalesce(outcome, 'open') from oddish.attempts a join oddish.trials t on t.id = a.trial_id
            where t.task_id = $1 order by t.trial_index, a.number",
        )
        .bind(task_id)
        .fetch_all(&self.db)
        .await
        .unwrap()
    }

    /// The processes whose command line, environment or working folder shows that they belong to this stack.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        let mark = self.folder().to_str().unwrap().to_owned();
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let mut found = Vec::new();
        for entry in entries {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let texts = ["cmdline", "environ"].map(|file| std::fs::read(entry.path().join(file)).unwrap_or_default());
            let folder = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            let shown = texts.iter().any(|text| String::from_utf8_lossy(text).contains(&mark));
            // A zombie shows neither; it is gone but for its entry.
            if pid != i32::try_from(std::process::id()).unwrap() && (shown || folder.starts_with(&mark)) {
                found.push(Pid::from_raw(pid));
            }
        }
        found
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        // Stopped, not killed: what it shares between its processes would stay.
        self.own_postgres = None;
        for pid in self.processes() {
            let _ = kill(pid, Signal::SIGKILL);
        }
        if std::thread::panicking() {
            anstream::eprintln!("--- log of the server ---\n{}", self.logged());
        }
    }
}

/// The client library wants to know its TLS even where, as here, it will not use any.
fn install_tls() {
    let _already_there = rustls::crypto::ring::default_provider().install_default();
}

fn new_folder() -> TempDir {
    tempfile::Builder::new().prefix("oddish-test-").tempdir().unwrap()
}

/// Whether a process is there, and not only its entry.
pub(crate) fn is_alive(process: Pid) -> bool {
    std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|words| !words.is_empty())
}

/// The containers, stopped ones included, of the task's trials.
pub(crate) fn containers(task_id: &str) -> Vec<String> {
    let format = "{{.Label \"com.docker.compose.project\"}} {{.ID}}";
    let output = Command::new("docker").args(["ps", "--all", "--format", format]).output().unwrap();
    assert!(output.status.success(), "Docker does not answer: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| line.starts_with(task_id)).map(String::from).collect()
}

/// A program of the workspace, built beside the server.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_oddish-server")).with_file_name(name);
    assert!(path.is_file(), "{} is not built: run this with `cargo xtask test`", path.display());
    path
}

/// The folder of the tasks that only tests run.
pub(crate) fn tasks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tasks")
}
