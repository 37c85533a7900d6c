//! What gets out of a sandbox through Harbor's process, with real Harbor in real Docker: nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use oddish_db::attempts::Outcome;
use oddish_domain::agent_env::AgentEnv;
use oddish_domain::failure::FailureClass;
use oddish_domain::harbor_settings::HarborSettings;
use oddish_runner::attempt::Scratch;
use oddish_runner::confinement::launch::Launch;
use oddish_runner::confinement::{ConfinementSettings, Mode, Plan, Way};
use oddish_runner::harbor_config::trial_config;
use oddish_runner::harbor_process::DriverLine;
use oddish_runner::harbor_result::read_outcome;
use serde_json::json;
use time::OffsetDateTime;

use crate::harbor::{LIMIT, Rig, hello, rig};
use crate::{confinement, fixtures};

const CANARY: &str = "canary-of-the-machine-4711";

/// A file of the machine that a sandbox knows the path of.
struct Victim {
    folder: tempfile::TempDir,
}

impl Victim {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), CANARY).unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    fn assert_untouched(&self) {
        assert_eq!(fs::read_to_string(self.path()).unwrap(), CANARY);
    }
}

/// A trial whose solution and tests are these.
fn hostile(solution: &str, tests: &str) -> Rig {
    let rig = rig(&hello());
    let task = rig.scratch.task("test");
    for (file, script) in [("solution/solve.sh", solution), ("tests/test.sh", tests)] {
        fs::write(task.join(file), format!("#!/bin/bash\n{script}\n")).unwrap();
    }
    rig
}

/// Runs it to its end.
async fn outcome(rig: &Rig) -> Outcome {
    let mut harbor = rig.begin().await;
    let mut agent_began = false;
    while let Some(line) = tokio::time::timeout(LIMIT, harbor.next()).await.unwrap().unwrap() {
        match line {
            DriverLine::Failed { error } => panic!("{error:?}"),
            DriverLine::Event { event } => agent_began |= event == "agent-start",
            _ => {}
        }
    }
    let mut outcome = read_outcome(&rig.scratch.trial());
    outcome.agent_began |= agent_began;
    outcome
}

fn class(outcome: &Outcome) -> FailureClass {
    outcome.failure(OffsetDateTime::UNIX_EPOCH).unwrap_or_else(|| panic!("it has no failure: {outcome:?}")).class
}

/// All files of the trial, one after the other.
fn written(rig: &Rig) -> String {
    let files = walkdir::WalkDir::new(rig.scratch.trial()).into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    files.map(|entry| String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned()).collect()
}

/// Harbor saves trajectories under a name in a folder that the sandbox writes to.
#[tokio::test]
async fn a_link_in_the_agents_logs_overwrites_nothing() {
    for auto_mounting in [true, false] {
        let victim = Victim::new();
        let solution = format!(
            "echo hello > /app/hello.txt\nln -s {} /logs/agent/trajectory.json\n\
             echo '{{\"messages\": [{{\"role\": \"system\", \"content\": \"a\"}}, {{\"role\": \"user\", \"content\": \"b\"}}, {{\"role\": \"assistant\", \"content\": \"chosen by the agent\"}}]}}' > /logs/agent/mini-swe-agent.trajectory.json",
            victim.path().display()
        );
        let mut rig = hostile(&solution, "echo 1 > /logs/verifier/reward.txt");
        rig.assignment.agent = "saved_trajectory:SavedTrajectory".to_owned();
        rig.environment.push(("PYTHONPATH".into(), fixtures().join("agents").into()));
        let settings = HarborSettings {
            environment_kwargs: [("auto_mounting".to_owned(), json!(auto_mounting))].into_iter().collect(),
            agent_kwargs: [("solution".to_owned(), json!(rig.scratch.task("test").join("solution/solve.sh")))]
                .into_iter()
                .collect(),
            ..HarborSettings::default()
        };
        let config = trial_config(&rig.assignment, &settings, &AgentEnv::default(), None, &rig.scratch);
        fs::write(rig.scratch.trial_config(), config.to_string()).unwrap();
        let outcome = outcome(&rig).await;
        victim.assert_untouched();
        assert_eq!(outcome.error_type.as_deref(), Some("AgentOutputUnreadable"), "{outcome:?}");
        assert!(outcome.error_message.as_deref().unwrap().contains("agent/trajectory.json"), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_reward_that_is_a_link_tells_nothing_of_the_machine() {
    let victim = Victim::new();
    let rig = hostile("", &format!("ln -sf {} /logs/verifier/reward.txt", victim.path().display()));
    let outcome = outcome(&rig).await;
    assert!(!written(&rig).contains(CANARY));
    assert!(!format!("{outcome:?}").contains(CANARY), "{outcome:?}");
    assert_eq!((outcome.reward, class(&outcome)), (None, FailureClass::Verifier), "{outcome:?}");
}

/// The tests are honest, and the agent leaves a process that makes the link again and again.
#[tokio::test]
async fn a_link_that_an_agent_renews_tells_nothing_of_the_machine() {
    let victim = Victim::new();
    let solution = format!(
        "(while :; do ln -sf {} /logs/verifier/reward.txt; sleep 0.02; done) > /dev/null 2>&1 < /dev/null & disown",
        victim.path().display()
    );
    let rig = hostile(&solution, "echo 0 > /logs/verifier/reward.txt; sleep 1");
    let outcome = outcome(&rig).await;
    victim.assert_untouched();
    assert!(!written(&rig).contains(CANARY));
    assert!(!format!("{outcome:?}").contains(CANARY), "{outcome:?}");
}

/// 1.5 GB that take no disk, and 40 MB. Harbor reads such a file whole, and repeats it in what it says.
#[tokio::test]
async fn a_reward_of_any_size_is_a_failure_of_the_tests() {
    for size in ["1500M", "40M"] {
        let rig = hostile("", &format!("truncate -s {size} /logs/verifier/reward.txt"));
        let outcome = outcome(&rig).await;
        assert_eq!(
            (outcome.reward, class(&outcome)),
            (None, FailureClass::Verifier),
            "{size}: {:?}",
            outcome.error_type
        );
    }
}

/// A script in Harbor's place shows what there is for it.
#[tokio::test]
async fn harbor_finds_what_it_may_read_in_a_home_of_its_own_and_no_key_in_its_environment() {
    for mode in [Mode::Landlock, Mode::Uid] {
        let user = tempfile::tempdir().unwrap();
        let file = |name: &str| user.path().join(name);
        fs::set_permissions(user.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(file(".docker")).unwrap();
        fs::write(file(".docker/config.json"), r#"{"auths": {"registry.example": {"auth": "login-of-docker"}}}"#)
            .unwrap();
        for (name, text) in [(".tool.toml", "may-be-read"), (".other.toml", CANARY)] {
            fs::write(file(name), text).unwrap();
            fs::set_permissions(file(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let script = format!(
            "#!/bin/sh\n{{ cat \"$HOME/.tool.toml\" \"$DOCKER_CONFIG/config.json\"; cat {}/.other.toml; env; touch \"$TMPDIR/x\" && echo written; }} >&2\n",
            user.path().display()
        );
        fs::write(file("harbor"), script).unwrap();
        fs::set_permissions(file("harbor"), fs::Permissions::from_mode(0o755)).unwrap();
        let jobs = tempfile::tempdir().unwrap();
        fs::set_permissions(jobs.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let scratch = Scratch::new(jobs.path(), "some-0", 1);
        let variables = [
            ("HOME", user.path().to_str().unwrap()),
            ("PATH", "/usr/bin:/bin"),
            ("ANTHROPIC_API_KEY", "key-of-the-model"),
        ];
        let settings = ConfinementSettings { read: vec!["~/.tool.toml".to_owned()], ..confinement(mode) };
        let launch = Launch {
            program: Path::new(env!("CARGO_BIN_EXE_oddish-runner")),
            python: &file("harbor"),
            settings: &settings,
            variables: &variables.map(|(name, value)| (name.into(), value.into())),
            pass_env: &[],
        };
        let mut harbor = launch.start(&scratch).unwrap();
        harbor.wait().await.unwrap();
        let said = harbor.output_tail();
        for wanted in ["may-be-read", "login-of-docker", "written", "Permission denied"] {
            assert!(said.contains(wanted), "{mode:?}: {wanted} is not in {said}");
        }
        assert!(said.contains(&format!("HOME={}", scratch.root().display())), "{mode:?}: {said}");
        assert!(!said.contains(CANARY) && !said.contains("key-of-the-model"), "{mode:?}: {said}");
        drop(harbor);
        assert!(!scratch.root().exists(), "{mode:?}");
    }
}

/// Runs a script of a shell as Harbor is run, in a folder of its own.
fn confined(way: Way, script: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    if way == Way::Uid {
        std::os::unix::fs::chown(folder.path(), Some(60_000), Some(60_000)).unwrap();
    }
    let plan = Plan {
        way,
        read: ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/proc"].map(PathBuf::from).to_vec(),
        write: vec![folder.path().to_path_buf()],
        user: (way == Way::Uid).then(|| (60_000, Vec::new())),
        memory_bytes: 1 << 30,
    };
    Command::new(env!("CARGO_BIN_EXE_oddish-runner"))
        .args(["confine", &serde_json::to_string(&plan).unwrap(), "--", "/bin/sh", "-c", script])
        .current_dir(folder.path())
        .output()
        .unwrap()
}

const WAYS: [Way; 2] = [Way::Landlock, Way::Uid];

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// Though /proc may be read here, which Harbor may not.
#[test]
fn what_the_kernel_tells_of_other_processes_is_closed() {
    let mut other = Command::new("sleep").arg("60").env("CANARY", CANARY).spawn().unwrap();
    let pid = other.id();
    for way in WAYS {
        let output = confined(
            way,
            &format!(
                "cat /proc/{pid}/environ; cat /proc/1/environ; cat /proc/{pid}/fd/0; ls /proc/{pid}/root/ /proc/{pid}/cwd/; \
                 head -c 1 /proc/{pid}/mem; cat /proc/{pid}/maps; kill -0 {pid} && echo signalled"
            ),
        );
        let said = said(&output);
        assert!(output.stdout.is_empty(), "{way:?}: {said}");
        assert_eq!(said.matches("ermission denied").count(), 7, "{way:?}: {said}");
    }
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn files_are_closed_but_for_the_own_folder() {
    let victim = Victim::new();
    fs::set_permissions(victim.path(), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(victim.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = victim.path();
    let path = path.display();
    for way in WAYS {
        let output = confined(
            way,
            &format!(
                "echo x > mine && cat mine; ln -s {path} link; cat link; echo x > link; cp mine {path}; rm -f {path}; mv {path} there; \
                 ln {path} hard; truncate -s 0 {path}; touch {path}.new; cat /etc/shadow"
            ),
        );
        assert_eq!(String::from_utf8_lossy(&output.stdout), "x\n", "{way:?}: {}", said(&output));
        victim.assert_untouched();
        assert_eq!(fs::read_dir(victim.folder.path()).unwrap().count(), 1, "{way:?}");
    }
}

/// Modes and times of files are what Landlock does not look after: what the runner's own user may change of them, Harbor may. Another user may
/// not.
#[test]
fn a_link_lets_modes_be_changed_by_landlock_and_not_by_another_user() {
    for (way, mode) in [(Way::Landlock, 0o777), (Way::Uid, 0o600)] {
        let victim = Victim::new();
        fs::set_permissions(victim.path(), fs::Permissions::from_mode(0o600)).unwrap();
        let path = victim.path();
        let output = confined(way, &format!("ln -s {0} link; chmod 777 link; chown 1 link; cat {0}", path.display()));
        let found = fs::metadata(&path).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, mode, "{way:?}: {}", said(&output));
        assert_eq!(std::os::unix::fs::MetadataExt::uid(&found), 0, "{way:?}: {}", said(&output));
        assert!(!said(&output).contains(CANARY), "{way:?}");
    }
}

#[test]
fn memory_open_files_and_capabilities_are_limited() {
    for way in WAYS {
        let output = confined(
            way,
            "ulimit -c; ulimit -n; python3 -c 'bytes(2 << 30)' 2>&1 | tail -1; grep -E '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs)' /proc/$$/status",
        );
        let none = ["CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|set| format!("{set}:\t{:016x}\n", 0)).concat();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.starts_with("0\n4096\nMemoryError"), "{way:?}: {}", said(&output));
        assert!(text.contains(&none) && text.contains("NoNewPrivs:\t1"), "{way:?}: {}", said(&output));
    }
}

/// A plan that cannot be kept is no reason to go on with less.
#[test]
fn who_cannot_be_confined_does_not_run() {
    let plan = r#"{"way": "uid", "read": [], "write": [], "user": null, "memory_bytes": 1000000000}"#;
    for plan in [plan, "{}"] {
        let output = Command::new(env!("CARGO_BIN_EXE_oddish-runner"))
            .args(["confine", plan, "--", "/bin/sh", "-c", "echo ran"])
            .output()
            .unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        assert!(said(&output).starts_with("error: the plan "), "{output:?}");
    }
}
