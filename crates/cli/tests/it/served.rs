//! The real endpoints over a real database, at an address of this machine.

use std::process::{Command, Stdio};

use oddish_db::Db;
use oddish_db::attempts::{self, Outcome as Ended};
use oddish_domain::retry::RetrySettings;
use oddish_test_api::{Api, hello_archive};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::binary::{Outcome, bounded, command, oddish_to};

/// A server with a database of its own, in which a test makes happen what it wants.
pub(crate) struct Served {
    pub(crate) api: Api,
    pub(crate) url: String,
}

impl Served {
    pub(crate) async fn new(db: Db) -> Self {
        let api = Api::new(db);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = api.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { api, url }
    }

    /// Runs the binary to its end.
    pub(crate) async fn oddish(&self, arguments: &[&str]) -> Outcome {
        oddish_to(&self.url, arguments).await
    }

    /// Runs the binary at a pseudo-terminal of 80 columns, where somebody types `answer`: what it shows, and its exit status.
    pub(crate) async fn oddish_at_terminal(&self, arguments: &[&str], answer: &str) -> (String, i32) {
        let line = [&[env!("CARGO_BIN_EXE_oddish")], arguments].concat().join(" ");
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_clear();
        script.env("PATH", "/usr/bin:/bin").env("ODDISH_API_URL", &self.url).env("USER", "tester").env("TERM", "dumb");
        script.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = tokio::process::Command::from(script).kill_on_drop(true).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let typed = format!("{answer}\n");
        tokio::io::AsyncWriteExt::write_all(&mut stdin, typed.as_bytes()).await.unwrap();
        // Open until the end: a terminal that goes away is another matter.
        let output = bounded(child.wait_with_output()).await.unwrap();
        drop(stdin);
        (String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n"), output.status.code().unwrap())
    }

    /// The command, to be run to some point.
    pub(crate) fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = command(arguments);
        command.env("ODDISH_API_URL", &self.url);
        tokio::process::Command::from(command)
    }

    /// Uploads a task of this name and submits so many trials of it: its id.
    pub(crate) async fn task(&self, name: &str, experiment: Option<&str>, trials: u32) -> String {
        self.sweep(name, experiment, &json!([{ "agent": "oracle", "n_trials": trials }])).await
    }

    /// Uploads a task of this name and submits these configurations of it: its id.
    pub(crate) async fn sweep(&self, name: &str, experiment: Option<&str>, configs: &Value) -> String {
        let uploaded = self.api.upload(&format!("{name}.tar.gz"), &hello_archive().await).await.json();
        let id = uploaded["task_id"].as_str().unwrap().to_owned();
        let sweep = json!({ "task_id": id, "user": "alice", "experiment_id": experiment, "configs": configs });
        let answer = self.api.post("/tasks/sweep", &sweep.to_string()).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        id
    }

    /// Runs the next trial to its end, with an error of this name: its id.
    pub(crate) async fn failed(&self, error_type: &str) -> String {
        let (trial_id, token) = self.api.begun().await;
        let ended = Ended {
            error_type: Some(error_type.to_owned()),
            error_message: Some("it broke".to_owned()),
            ..Ended::default()
        };
        attempts::record(&self.api.db, token, &ended, &RetrySettings::default(), OffsetDateTime::now_utc())
            .await
            .unwrap();
        trial_id
    }

    /// Gives an experiment another name.
    pub(crate) async fn rename(&self, experiment_id: &str, name: &str) {
        let answer = self.api.patch(&format!("/experiments/{experiment_id}"), &json!({ "name": name })).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    }

    /// Status of each trial of a task.
    pub(crate) async fn statuses(&self, task_id: &str) -> Vec<String> {
        let task = self.api.get(&format!("/tasks/{task_id}?version=all")).await.json();
        task["trials"].as_array().unwrap().iter().map(|trial| trial["status"].as_str().unwrap().to_owned()).collect()
    }
}
