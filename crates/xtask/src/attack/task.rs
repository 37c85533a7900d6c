//! Tasks with something hostile in them, honest everywhere else. Their images need no registry but the base image, and no network.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use oddish_artifacts::archive;

use crate::workspace;

/// What separates the parts of an upload.
pub(super) const BOUNDARY: &str = "boundary-of-the-form";

/// Programs that Harbor calls to install an agent, and what they say in the image: nothing is installed.
const INSTALLERS: [(&str, &str); 14] = [
    ("usr/local/bin/apt-get", ""),
    ("usr/local/bin/bzip2", ""),
    ("usr/local/bin/curl", ""),
    ("usr/local/bin/gcc", ""),
    ("usr/local/bin/git", ""),
    ("usr/local/bin/make", ""),
    ("usr/local/bin/node", "echo v22.0.0"),
    ("usr/local/bin/npm", ""),
    ("usr/local/bin/rg", ""),
    ("usr/local/bin/unzip", ""),
    ("usr/local/bin/uv", ""),
    ("usr/local/bin/codex", "echo codex-cli 0.50.0"),
    ("usr/local/bin/cline", "echo 3.0.0"),
    ("opt/nvidia-nat-venv/bin/nat", "echo 1.5.0"),
];

/// A task whose agent solves it and whose tests say so, but for what is put in their place.
pub(super) struct HostileTask {
    name: String,
    mark: String,
    /// Below the task's folder.
    files: BTreeMap<String, String>,
}

impl HostileTask {
    /// `name` must be short: identifiers are made of it.
    pub(super) fn new(name: &str) -> Self {
        let mark = unique("made");
        let mut task = Self { name: name.to_owned(), mark, files: BTreeMap::new() };
        task.put("instruction.md", "Write the word hello into /app/hello.txt.\n");
        task.put("environment/Dockerfile", "FROM debian:bookworm-slim\nWORKDIR /app\nCOPY root/ /\n");
        task.put("environment/root/etc/attack", "");
        task.timeouts(60, 60).solution("echo hello > /app/hello.txt").tests("echo 1 > /logs/verifier/reward.txt")
    }

    /// Seconds that its agent and its verifier may take.
    pub(super) fn timeouts(mut self, agent: u32, verifier: u32) -> Self {
        let name = &self.name;
        let toml = format!(
            "schema_version = \"1.4\"\n\n[task]\nname = \"attack/{name}\"\n\n[agent]\ntimeout_sec = {agent}.0\n\n\
             [verifier]\ntimeout_sec = {verifier}.0\n\n[environment]\nbuild_timeout_sec = 120.0\ncpus = 1\nmemory_mb = 512\n"
        );
        self.put("task.toml", &toml);
        self
    }

    /// What the agent `oracle` does.
    pub(super) fn solution(mut self, script: &str) -> Self {
        let script = self.marked(script);
        self.put("solution/solve.sh", &script);
        self
    }

    /// What the verifier runs.
    pub(super) fn tests(mut self, script: &str) -> Self {
        let script = self.marked(script);
        self.put("tests/test.sh", &script);
        self
    }

    /// A program in the image that an installed agent is taken for, at a path without its first slash. It is asked for its version first.
    pub(super) fn program(mut self, path: &str, script: &str) -> Self {
        for (installer, says) in INSTALLERS {
            self.put(&format!("environment/root/{installer}"), &format!("#!/bin/sh\n{says}\n"));
        }
        let version = "case \"$1\" in --help|--version) echo 1.0.0; exit 0;; esac";
        let script = format!("#!/bin/bash\n{version}\necho {}\n{script}\n", self.mark);
        self.put(&format!("environment/root/{path}"), &script);
        self
    }

    /// The environment's Compose file.
    pub(super) fn compose(mut self, yaml: &str) -> Self {
        self.put("environment/docker-compose.yaml", yaml);
        self
    }

    /// Two steps in place of one, each solved by this script.
    pub(super) fn steps(mut self, script: &str) -> Self {
        self.files.retain(|path, _| path.starts_with("environment/"));
        let mut toml = "schema_version = \"1.4\"\n\n[task]\nname = \"attack/steps\"\n".to_owned();
        let script = self.marked(script);
        let tests = self.marked("echo 1 > /logs/verifier/reward.txt");
        for step in ["one", "two"] {
            toml.extend(["\n[[steps]]\nname = \"", step, "\"\n"]);
            self.put(&format!("steps/{step}/instruction.md"), "Do nothing.\n");
            self.put(&format!("steps/{step}/solution/solve.sh"), &script);
            self.put(&format!("steps/{step}/tests/test.sh"), &tests);
        }
        self.put("task.toml", &toml);
        self
    }

    /// What its scripts print when they are run: the sign that the attack was made.
    pub(super) fn mark(&self) -> &str {
        &self.mark
    }

    /// The body of its upload.
    pub(super) fn form(&self) -> Result<Vec<u8>> {
        let mut form = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}.tar.gz\"\r\n\
             Content-Type: application/gzip\r\n\r\n",
            self.name
        )
        .into_bytes();
        form.extend(self.archive()?);
        form.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        Ok(form)
    }

    fn archive(&self) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir().context("can't create a folder for a task")?;
        for (path, content) in &self.files {
            let file = folder.path().join(path);
            workspace::create_folder(file.parent().unwrap_or(folder.path()))?;
            workspace::write(&file, content)?;
            let mode = Permissions::from_mode(if content.starts_with("#!") { 0o755 } else { 0o644 });
            std::fs::set_permissions(&file, mode)
                .with_context(|| format!("can't make {} executable", file.display()))?;
        }
        packed(folder.path())
    }

    fn marked(&self, script: &str) -> String {
        format!("#!/bin/bash\necho {}\n{script}\n", self.mark)
    }

    fn put(&mut self, path: &str, content: &str) {
        self.files.insert(path.to_owned(), content.to_owned());
    }
}

fn packed(folder: &Path) -> Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("can't start a runtime")?;
    let mut bytes = Vec::new();
    runtime.block_on(archive::pack(folder, &mut bytes)).context("can't pack a task")?;
    Ok(bytes)
}

/// A text that is nowhere else.
pub(super) fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", uuid::Uuid::new_v4().simple())
}
