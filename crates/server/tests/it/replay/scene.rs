//! What the clients' requests are about: tasks and trials in every state, some there from the beginning, some made for one request.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::caller::{Caller, content_hash, full_key, packed};
use crate::ended_trials;
use crate::stack::{Stack, hello};

/// Nobody ever made it.
const MISSING: &str = "no-such-707035192";

/// A server whose callers need keys, and a caller that has one.
pub(super) struct Scene {
    pub(super) stack: Stack,
    pub(super) caller: Caller,
    known: BTreeMap<&'static str, String>,
}

/// A task that was uploaded in the three steps.
pub(super) struct Stored {
    pub(super) task_id: String,
    pub(super) name: String,
    pub(super) hash: String,
}

impl Scene {
    /// With a task whose two trials have ended, and one whose trials wait.
    pub(super) async fn new() -> Self {
        let mut stack = Stack::new().await;
        let key = full_key(&stack.db).await;
        stack.set("ODDISH_AUTH", "api-key");
        stack.set("ODDISH_SECRET_KEY", "32-characters-that-are-no-secret");
        stack.start_api(&["--no-workers"]).await;
        let caller = Caller::new(&stack, Some(key));
        let mut scene = Self { stack, caller, known: BTreeMap::from([("missing", MISSING.to_owned())]) };
        let task = scene.store(&json!({})).await.task_id;
        let sweep = scene.sweep(&task, "ended", 2).await;
        for succeeds in [true, false] {
            ended_trials::end(&scene.stack, succeeds).await;
        }
        let waiting = scene.store(&json!({})).await.task_id;
        scene.sweep(&waiting, "waiting", 2).await;
        scene.know(&[
            ("trial", format!("{task}-0")),
            ("waiting_trial", format!("{waiting}-0")),
            ("task", task),
            ("waiting", waiting),
            ("experiment", text(&sweep["experiment_id"])),
            ("experiment_name", text(&sweep["experiment_name"])),
        ]);
        scene
    }

    fn know(&mut self, names: &[(&'static str, String)]) {
        self.known.extend(names.iter().cloned());
    }

    /// Puts ids in place of the names in braces, and makes what they stand for.
    pub(super) async fn fill(&self, template: &str) -> String {
        let mut filled = String::new();
        let mut rest = template;
        let mut made = self.known.clone();
        while let Some(begin) = rest.find('{') {
            let (before, from) = rest.split_at(begin);
            filled.push_str(before);
            let name = from[1..].split(|letter: char| !letter.is_ascii_lowercase() && letter != '_').next().unwrap();
            if name.is_empty() || !from[1 + name.len()..].starts_with('}') {
                filled.push('{');
                rest = &from[1..];
                continue;
            }
            if !made.contains_key(name) {
                made.extend(self.make(name).await);
            }
            filled.push_str(made.get(name).unwrap_or_else(|| panic!("nothing is called {name}")));
            rest = &from[name.len() + 2..];
        }
        filled + rest
    }

    /// What a name stands for, new each time, with what goes with it.
    async fn make(&self, name: &str) -> BTreeMap<&'static str, String> {
        let of = |pairs: Vec<(&'static str, String)>| pairs.into_iter().collect();
        match name {
            "unique" => of(vec![("unique", Uuid::new_v4().to_string())]),
            "new_name" | "new_hash" => of(vec![("new_name", fresh_name()), ("new_hash", "0a".repeat(32))]),
            "fresh" => of(vec![("fresh", text(&self.caller.upload(&fresh_name()).await.ok()["task_id"]))]),
            "announced" | "announced_name" | "announced_hash" => {
                let stored = self.announce().await;
                of(vec![
                    ("announced", stored.task_id),
                    ("announced_name", stored.name),
                    ("announced_hash", stored.hash),
                ])
            }
            "stored" | "stored_name" | "stored_hash" => {
                let stored = self.store(&json!({})).await;
                of(vec![("stored", stored.task_id), ("stored_name", stored.name), ("stored_hash", stored.hash)])
            }
            "registered" => {
                let register = json!({"register_task": true, "user": "u", "priority": "low"});
                of(vec![("registered", self.store(&register).await.task_id)])
            }
            "submitted" | "submitted_hash" | "cancellable" | "doomed" | "doomed_experiment" => {
                let stored = self.store(&json!({})).await;
                let sweep = self.sweep(&stored.task_id, &stored.name, 1).await;
                of(vec![
                    ("submitted", stored.task_id.clone()),
                    ("submitted_hash", stored.hash),
                    ("cancellable", stored.task_id.clone()),
                    ("doomed", stored.task_id),
                    ("doomed_experiment", text(&sweep["experiment_id"])),
                ])
            }
            "imported" => {
                let announced = self.import(&Uuid::new_v4().to_string()).await;
                of(vec![("imported", text(&announced["trial_id"]))])
            }
            "imported_task" | "imported_before" => {
                let external = Uuid::new_v4().to_string();
                let announced = self.import(&external).await;
                let complete = json!({"trial_id": announced["trial_id"]});
                self.caller.post("/trials/import/complete", &complete).await.ok();
                of(vec![("imported_task", text(&announced["task_id"])), ("imported_before", external)])
            }
            _ => BTreeMap::new(),
        }
    }

    /// Announces an upload and sends the archive.
    async fn announce(&self) -> Stored {
        let (name, hash) = (fresh_name(), content_hash(&hello()).await);
        let announced = json!({"name": name, "content_hash": hash});
        let announced = self.caller.post("/tasks/upload/init", &announced).await.ok();
        self.caller.put(&announced, packed(&hello()).await).await;
        Stored { task_id: text(&announced["task_id"]), name, hash }
    }

    /// Uploads the example task under a new name.
    pub(super) async fn store(&self, more: &Value) -> Stored {
        let stored = self.announce().await;
        let mut complete =
            json!({"task_id": stored.task_id, "name": stored.name, "version": 1, "content_hash": stored.hash});
        complete.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.caller.post("/tasks/upload/complete", &complete).await.ok();
        stored
    }

    /// Submits trials that are tried once.
    pub(super) async fn sweep(&self, task_id: &str, experiment: &str, trials: u32) -> Value {
        let sweep = json!({
            "task_id": task_id, "user": "u", "experiment_id": experiment, "max_attempts": 1,
            "configs": [{"agent": "oracle", "n_trials": trials}],
        });
        self.caller.post("/tasks/sweep", &sweep).await.ok()
    }

    /// Announces a trial that ran elsewhere and sends its files.
    async fn import(&self, external: &str) -> Value {
        let task_id = self.store(&json!({"register_task": true, "user": "u", "priority": "low"})).await.task_id;
        let import = json!({
            "task_id": task_id, "upload_artifacts": true,
            "trial": {"agent": "oracle", "status": "success", "reward": 1.0, "external_trial_id": external},
        });
        let announced = self.caller.post("/trials/import/init", &import).await.ok();
        self.caller.put(&announced, trial_archive().await).await;
        announced
    }
}

/// A trial's folder, packed.
pub(super) async fn trial_archive() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in ended_trials::FILES {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    packed(folder.path()).await
}

pub(super) fn fresh_name() -> String {
    format!("t-{}", Uuid::new_v4().simple())
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
