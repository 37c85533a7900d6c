//! Compose files that ask for what is the host's.
//!
//! Each asks for one thing, and the tests look whether they got it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::definition::Attack;
use super::machine::Machine;
use super::target::{Submission, Submitted, Target, refuses};
use super::task::{HostileTask, unique};
use super::trial::Trial;
use super::verdict::Verdict;
use crate::workspace;

const PATIENCE: Duration = Duration::from_mins(2);

/// What capabilities of the first process are written in: `CapEff:` and the mask.
const CAPABILITIES: &str = "grep CapEff /proc/self/status";
/// The bit of `CAP_SYS_ADMIN` in such a mask.
const SYS_ADMIN: u64 = 1 << 21;

/// What shows that a sandbox got what its Compose file asks for.
#[derive(Clone, Copy)]
enum Proof {
    /// It could read what a folder of the host holds.
    Secret,
    /// It could write into that folder.
    Written,
    /// It has this capability.
    Capability(u64),
    /// It is in the same namespace as this program.
    Namespace(&'static str),
    /// Its output has this text.
    Text(&'static str),
}

/// A Compose file. `{host}` is a folder of the host, with a file `secret`.
struct Ask {
    name: &'static str,
    tried: &'static str,
    quick: bool,
    /// The services, and all that stands beside them.
    yaml: &'static str,
    /// What the tests look at.
    look: &'static str,
    proof: Proof,
    /// A word that a refusal of this names.
    named: &'static str,
}

/// A row of the table that the quick set has no room for.
const fn ask(
    name: &'static str,
    tried: &'static str,
    yaml: &'static str,
    look: &'static str,
    proof: Proof,
    named: &'static str,
) -> Ask {
    Ask { name, tried, quick: false, yaml, look, proof, named }
}

const READ_HOST: &str = "cat /host/secret";

static ASKS: [Ask; 23] = [
    Ask {
        quick: true,
        ..ask(
            "compose-bind",
            "a bind mount of a folder of the host, written to",
            "services: {main: {volumes: ['{host}:/host']}}",
            "echo written > /host/written; cat /host/secret",
            Proof::Written,
            "volumes",
        )
    },
    ask(
        "compose-bind-long",
        "the same in Compose's long form",
        "services: {main: {volumes: [{type: bind, source: '{host}', target: /host}]}}",
        READ_HOST,
        Proof::Secret,
        "volumes",
    ),
    ask(
        "compose-bind-by-driver",
        "a named volume whose driver binds a folder of the host",
        "services: {main: {volumes: ['data:/host']}}
volumes: {data: {driver: local, driver_opts: {type: none, o: bind, device: '{host}'}}}",
        READ_HOST,
        Proof::Secret,
        "driver_opts",
    ),
    ask(
        "compose-bind-upwards",
        "a bind mount of a folder above the task's",
        "services: {main: {volumes: ['../../../../..:/host']}}",
        "ls /host",
        Proof::Text("harbor-jobs"),
        "volumes",
    ),
    ask(
        "compose-docker-socket",
        "a bind mount of Docker's socket",
        "services: {main: {volumes: ['/var/run/docker.sock:/docker.sock']}}",
        "perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(\"/docker.sock\") or die; print $s \"GET /version HTTP/1.0\\r\\n\\r\\n\"; print <$s>'",
        Proof::Text("ApiVersion"),
        "docker.sock",
    ),
    ask(
        "compose-privileged",
        "a privileged container",
        "services: {main: {privileged: true}}",
        CAPABILITIES,
        Proof::Capability(SYS_ADMIN),
        "privileged",
    ),
    ask(
        "compose-cap-add",
        "the capability SYS_ADMIN",
        "services: {main: {cap_add: [SYS_ADMIN]}}",
        CAPABILITIES,
        Proof::Capability(SYS_ADMIN),
        "cap_add",
    ),
    ask(
        "compose-pid-host",
        "the host's processes",
        "services: {main: {pid: host}}",
        "readlink /proc/self/ns/pid",
        Proof::Namespace("pid"),
        "pid",
    ),
    ask(
        "compose-ipc-host",
        "the host's shared memory",
        "services: {main: {ipc: host}}",
        "readlink /proc/self/ns/ipc",
        Proof::Namespace("ipc"),
        "ipc",
    ),
    ask(
        "compose-network-host",
        "the host's network",
        "services: {main: {network_mode: host}}",
        "readlink /proc/self/ns/net",
        Proof::Namespace("net"),
        "network_mode",
    ),
    ask(
        "compose-uts-host",
        "the host's name",
        "services: {main: {uts: host}}",
        "readlink /proc/self/ns/uts",
        Proof::Namespace("uts"),
        "uts",
    ),
    ask(
        "compose-cgroup-host",
        "the host's control groups",
        "services: {main: {cgroup: host}}",
        "readlink /proc/self/ns/cgroup",
        Proof::Namespace("cgroup"),
        "cgroup",
    ),
    ask(
        "compose-device",
        "a device of the host",
        "services: {main: {devices: ['/dev/null:/dev/attacked']}}",
        "[ -c /dev/attacked ] && echo got the device",
        Proof::Text("got the device"),
        "devices",
    ),
    ask(
        "compose-seccomp",
        "a container without Docker's filter of system calls",
        "services: {main: {security_opt: ['seccomp:unconfined']}}",
        "grep Seccomp: /proc/self/status",
        Proof::Text("Seccomp:\t0"),
        "security_opt",
    ),
    ask(
        "compose-env-file",
        "an env_file of the host's",
        "services: {main: {env_file: ['{host}/variables']}}",
        "env",
        Proof::Secret,
        "env_file",
    ),
    ask(
        "compose-config",
        "a config that is a file of the host",
        "services: {main: {configs: [theirs]}}
configs: {theirs: {file: '{host}/secret'}}",
        "cat /theirs",
        Proof::Secret,
        "configs",
    ),
    ask(
        "compose-secret",
        "a secret that is a file of the host",
        "services: {main: {secrets: [theirs]}}
secrets: {theirs: {file: '{host}/secret'}}",
        "cat /run/secrets/theirs",
        Proof::Secret,
        "secrets",
    ),
    ask(
        "compose-build-context",
        "a build in a folder of the host",
        "services: {main: {build: {context: '{host}', dockerfile_inline: \"FROM debian:bookworm-slim\\nCOPY secret /host/secret\\n\"}}}",
        READ_HOST,
        Proof::Secret,
        "context",
    ),
    ask(
        "compose-additional-context",
        "a build with a folder of the host beside its own",
        "services: {main: {build: {additional_contexts: {theirs: '{host}'},
 dockerfile_inline: \"FROM debian:bookworm-slim\\nCOPY --from=theirs secret /host/secret\\n\"}}}",
        READ_HOST,
        Proof::Secret,
        "additional_contexts",
    ),
    ask(
        "compose-include",
        "another Compose file of the host, included",
        "include: ['{host}/included.yaml']
services: {main: {volumes: ['data:/host'], depends_on: [included]}}",
        "sleep 1; cat /host/secret",
        Proof::Secret,
        "include",
    ),
    ask(
        "compose-extends",
        "a service of another Compose file of the host, extended",
        "services: {main: {extends: {file: '{host}/extended.yaml', service: extended}}}",
        "env",
        Proof::Secret,
        "extends",
    ),
    ask(
        "compose-sidecar-bind",
        "a bind mount in a service beside the main one, which hands it on",
        "services:
  main: {volumes: ['data:/host'], depends_on: [sidecar]}
  sidecar: {image: 'debian:bookworm-slim', command: [sh, -c, 'cp /theirs/secret /data/; sleep infinity'], volumes: ['{host}:/theirs', 'data:/data'], stop_grace_period: 0s}
volumes: {data: {}}",
        "sleep 1; cat /host/secret",
        Proof::Secret,
        "volumes",
    ),
    ask(
        "compose-bind-by-variable",
        "a bind mount whose source is the default of a variable",
        "services: {main: {volumes: ['${NOTHING_SETS_THIS:-{host}}:/host']}}",
        READ_HOST,
        Proof::Secret,
        "volumes",
    ),
];

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    let asks = ASKS.iter().map(|ask| {
        let attack = move |machine: &Machine, target: &Target| run(machine, target, ask);
        Attack::shared(ask.name, ask.tried, attack).quick(ask.quick)
    });
    let extra = Attack::shared(
        "compose-extra-file",
        "another Compose file of the host, by the setting extra_docker_compose",
        extra_file,
    );
    asks.chain([extra]).collect()
}

/// A folder of the host with what the attacks ask for.
struct Host {
    folder: String,
    secret: String,
}

impl Host {
    fn new(machine: &Machine) -> Result<Self> {
        let secret = unique("password");
        let folder = machine.folder(&unique("host"))?;
        let at = folder.to_string_lossy().into_owned();
        let write = |name: &str, content: String| workspace::write(&folder.join(name), content);
        write("secret", format!("{secret}\n"))?;
        write("variables", format!("THEIRS={secret}\n"))?;
        write("extended.yaml", format!("services: {{extended: {{environment: {{THEIRS: {secret}}}}}}}\n"))?;
        write("extra.yaml", format!("services: {{main: {{environment: {{THEIRS: {secret}}}}}}}\n"))?;
        write(
            "included.yaml",
            format!(
                "services:\n  included:\n    image: debian:bookworm-slim\n    stop_grace_period: 0s\n    \
                 command: [sh, -c, 'echo {secret} > /data/secret; sleep infinity']\n    volumes: ['data:/data']\n\
                 volumes: {{data: {{}}}}\n"
            ),
        )?;
        Ok(Self { folder: at, secret })
    }
}

fn run(machine: &Machine, target: &Target, ask: &Ask) -> Result<Verdict> {
    let host = Host::new(machine)?;
    let yaml = ask.yaml.replace("{host}", &host.folder);
    let task = HostileTask::new("compose").compose(&yaml).tests(&looking(ask.look));
    judged(machine, &host, target.submit(&task, &Submission::of("nop"))?, ask.proof, ask.named)
}

fn extra_file(machine: &Machine, target: &Target) -> Result<Verdict> {
    let host = Host::new(machine)?;
    let task = HostileTask::new("compose").tests(&looking("env"));
    let files = json!([format!("{}/extra.yaml", host.folder)]);
    let harbor = json!({"environment": {"kwargs": {"extra_docker_compose": files}}});
    let submission = Submission { harbor, ..Submission::of("nop") };
    judged(machine, &host, target.submit(&task, &submission)?, Proof::Secret, "extra_docker_compose")
}

/// The tests: what they see is stored with the trial.
fn looking(look: &str) -> String {
    format!("( {look} ) > /logs/verifier/seen.txt 2>&1\necho 1 > /logs/verifier/reward.txt")
}

/// What came of it. A refusal counts only where it names what is refused: anything else would be one for another reason.
fn judged(machine: &Machine, host: &Host, submitted: Submitted, proof: Proof, named: &str) -> Result<Verdict> {
    let trial = match submitted {
        Submitted::Refused { status, text } if refuses(&text, named) => {
            return Ok(Verdict::Held(format!(
                "refused at once: {status} {}",
                text.chars().take(200).collect::<String>()
            )));
        }
        Submitted::Refused { status, text } => bail!("refused, but for something else: {status} {text}"),
        Submitted::Accepted(trial) => trial,
    };
    let state = trial.ended(PATIENCE)?;
    if let Some(evidence) = proof.found(&trial, host)? {
        return Ok(Verdict::Succeeded(evidence));
    }
    // Compose leaves the network of a project that it could not start.
    machine.remove_project(&trial.project())?;
    let told = state.error_message.as_deref().unwrap_or_default();
    if refuses(told, named) && state.status == "failed" && state.reward.is_none() {
        return Ok(Verdict::Held(format!("refused before it ran: {}", state.told())));
    }
    bail!("the sandbox did not get it, and nobody refused it: {}", state.told());
}

impl Proof {
    fn found(self, trial: &Trial, host: &Host) -> Result<Option<String>> {
        let seen = std::fs::read_to_string(trial.stored().join("attempt-1/verifier/seen.txt")).unwrap_or_default();
        Ok(match self {
            Self::Secret => seen.contains(&host.secret).then(|| "the sandbox read the host's file".to_owned()),
            Self::Written => {
                let written = Path::new(&host.folder).join("written");
                written.exists().then(|| "the sandbox wrote a file into the host's folder".to_owned())
            }
            Self::Capability(bit) => {
                let mask = seen.split_whitespace().last().and_then(|mask| u64::from_str_radix(mask, 16).ok());
                mask.filter(|mask| mask & bit != 0).map(|mask| format!("the sandbox has the capabilities {mask:x}"))
            }
            Self::Namespace(kind) => {
                let own =
                    std::fs::read_link(format!("/proc/self/ns/{kind}")).context("can't tell the own namespace")?;
                seen.contains(&*own.to_string_lossy()).then(|| format!("the sandbox is in {}", own.display()))
            }
            Self::Text(text) => seen.contains(text).then(|| format!("the sandbox saw: {text}")),
        })
    }
}
