use std::collections::BTreeMap;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::task_toml::TaskListing;

struct Files {
    listing: TaskListing,
    texts: BTreeMap<String, String>,
}

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let texts: BTreeMap<String, String> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { listing: texts.keys().cloned().collect(), texts }
    }
}

impl TaskFiles for Files {
    fn listing(&self) -> &TaskListing {
        &self.listing
    }

    fn read(&self, path: &str, limit: usize) -> Option<Vec<u8>> {
        self.texts.get(path).map(|text| text.bytes().take(limit).collect())
    }
}

/// What is said of a task with this Compose file and some others.
fn faults(compose: &str) -> Vec<String> {
    let files = Files::new(&[
        ("task.toml", ""),
        ("environment/docker-compose.yaml", compose),
        ("environment/more/base.yaml", "services: {base: {privileged: true}}"),
        ("environment/plain.yaml", "services: {base: {image: debian, volumes: ['./data:/data']}}"),
        ("environment/loop.yaml", "include: [docker-compose.yaml, loop.yaml]"),
        ("environment/app/Dockerfile", ""),
        ("shared/Dockerfile", ""),
    ]);
    match check_task(&files) {
        Ok(()) => Vec::new(),
        Err(HostAccessRefused(faults)) => faults.iter().map(ToString::to_string).collect(),
    }
}

fn service(fields: &str) -> Vec<String> {
    faults(&format!("services:\n  main:\n    {}\n", fields.replace('\n', "\n    ")))
}

#[rstest]
#[case("build: .")]
#[case("build: {context: ../shared, args: {A: b}, target: x}")]
#[case("build: {context: app, dockerfile: ../Dockerfile}")]
#[case("build: {context: 'https://example.com/repo.git'}")]
#[case(
    "build: {dockerfile_inline: FROM debian, additional_contexts: {a: docker-image://debian, b: ./app, c: 'service:x'}}"
)]
#[case("volumes: ['./data:/data', 'named:/x', '/anonymous', './conf/x.conf:/etc/x.conf:ro,z']")]
#[case("volumes: ['${HOST_VERIFIER_LOGS_PATH}:${ENV_VERIFIER_LOGS_PATH}', '$HOST_AGENT_LOGS_PATH:/logs/agent']")]
#[case(
    "volumes: [{type: bind, source: ./data, target: /d}, {type: volume, source: v, target: /v}, {type: tmpfs, target: /t}]"
)]
#[case(
    "volumes: ['${DATA:-./data}:/data', '${HOST_ARTIFACTS_PATH:-./artifacts}:/logs/artifacts', '${CONTEXT_DIR}/x:/x']"
)]
#[case(
    "build: {context: '${CONTEXT_DIR}'}\nimage: '${MAIN_IMAGE_NAME}'\ndeploy: {resources: {limits: {cpus: '${CPUS}', memory: '${MEMORY}'}}}"
)]
#[case("cap_add: [CHOWN, CAP_NET_BIND_SERVICE]\ncap_drop: [ALL]")]
#[case("security_opt: ['no-new-privileges:true']")]
#[case("privileged: false")]
#[case("ipc: shareable\nnetwork_mode: none\ncgroup: private")]
#[case("network_mode: 'service:db'\npid: 'service:db'\nipc: 'service:db'")]
#[case("env_file: [app/x.env, {path: ../shared/y.env, required: false}]")]
#[case(
    "deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}\ngpus: all\nruntime: nvidia"
)]
#[case("ports: ['8080:80', '127.0.0.1::5432']")]
#[case("sysctls: {net.core.somaxconn: 1024}\nulimits: {nofile: 1024}\nshm_size: 1g\nextra_hosts: ['a:1.2.3.4']")]
#[case("logging: {driver: json-file, options: {max-size: 10m}}")]
#[case("extends: {file: plain.yaml, service: base}")]
#[case("extends: {service: other}")]
#[case("x-note: {privileged: true}\nprivileged: null")]
#[case("post_start: [{command: ls, user: root}]")]
fn what_stays_in_the_sandbox_passes(#[case] fields: &str) {
    assert_eq!(service(fields), Vec::<String>::new());
}

#[rstest]
#[case(
    "privileged: true",
    "line 3: services.main.privileged gives the container the rights of the machine's administrator"
)]
#[case("privileged: 'yes'", "services.main.privileged")]
#[case("use_api_socket: true", "services.main.use_api_socket")]
#[case("post_start: [{command: ls, privileged: true}]", "services.main.post_start.privileged")]
#[case(
    "volumes:\n  - ok:/ok\n  - /var/run/docker.sock:/x",
    "line 5: services.main.volumes mounts Docker's socket (/var/run/docker.sock)"
)]
#[case("volumes: ['/etc:/host']", "mounts \"/etc\", which is outside of the task's folder environment/")]
#[case("volumes: ['~/.ssh:/x']", "mounts \"~/.ssh\"")]
#[case("volumes: ['/:/x']", "mounts \"/\"")]
#[case("volumes: ['~:/x']", "mounts \"~\"")]
#[case("volumes: ['../tests:/x']", "mounts \"../tests\"")]
#[case("volumes: ['./a/../../solution:/x']", "outside of the task's folder")]
#[case("volumes: ['C:\\\\x:/x']", "outside of the task's folder")]
#[case("volumes: [{type: bind, source: /, target: /host}]", "mounts \"/\"")]
#[case("volumes: [{type: npipe, source: x, target: y}]", "a mount of the type \"npipe\"")]
#[case(
    "volumes: ['./a:/a', './a/b:/b']",
    "mounts \"environment/a/b\", which lies in a folder that another mount lets a container write"
)]
#[case("volumes: ['.:/a', {type: bind, source: ./b, target: /b, read_only: true}]", "mounts \"environment/b\"")]
#[case("volumes: ['${HOST_AGENT_LOGS_PATH:-/etc}:/x']", "outside of the task's folder")]
#[case("volumes: ['${HOST_AGENT_LOGS_PATH}/x:/x']", "depends on a variable of the machine that runs trials")]
#[case("volumes: ['${A:-${DOCKER_CONFIG}}:/x']", "depends on a variable of the machine that runs trials")]
#[case("network_mode: '${CPUS:-host}'", "depends on a variable of the machine that runs trials")]
#[case("build: {dockerfile: '$TMPDIR/x'}", "depends on a variable of the machine that runs trials")]
#[case("volumes_from: ['container:other']", "a container outside of the sandbox")]
#[case("network_mode: host", "services.main.network_mode is \"host\"")]
#[case("network_mode: 'container:x'", "is \"container:x\"")]
#[case("network_mode: somebody_default", "is \"somebody_default\"")]
#[case("pid: host", "services.main.pid is \"host\"")]
#[case("ipc: host", "services.main.ipc")]
#[case("uts: host", "services.main.uts")]
#[case("userns_mode: host", "services.main.userns_mode")]
#[case("cgroup: host", "services.main.cgroup")]
#[case("cgroup_parent: /", "services.main.cgroup_parent")]
#[case("devices: [/dev/sda]", "a device of the machine")]
#[case("devices: [{source: /dev/kvm, target: /dev/kvm}]", "a device of the machine")]
#[case("device_cgroup_rules: ['c 1:3 mr']", "devices of the machine")]
#[case("deploy: {resources: {reservations: {devices: [{driver: cdi, device_ids: [a/b=c]}]}}}", "no GPU")]
#[case("cap_add: [SYS_ADMIN]", "asks for \"SYS_ADMIN\"")]
#[case("cap_add: [all]", "asks for \"all\"")]
#[case("security_opt: ['seccomp:unconfined']", "has \"seccomp:unconfined\"")]
#[case("security_opt: ['label=disable']", "has \"label=disable\"")]
#[case("runtime: sysbox-runc", "services.main.runtime")]
#[case("annotations: {run.oci.hooks.stderr: /x}", "services.main.annotations")]
#[case("provider: {type: x}", "runs a program on the machine")]
#[case("env_file: /etc/environment", "names \"/etc/environment\", which is outside of the task")]
#[case("env_file: [{path: ../../x}]", "names \"../../x\"")]
#[case("env_file: ['${WHERE}']", "names a file by a variable, \"${WHERE}\"")]
#[case("label_file: /etc/x", "services.main.label_file")]
#[case("build: /", "services.main.build names \"/\"")]
#[case("build: {context: ../..}", "services.main.build.context")]
#[case("build: {dockerfile: /etc/passwd}", "services.main.build.dockerfile")]
#[case("build: {context: app, dockerfile: ../../../x}", "services.main.build.dockerfile")]
#[case("build: {additional_contexts: {host: /}}", "services.main.build.additional_contexts")]
#[case("build: {additional_contexts: ['host=/etc']}", "services.main.build.additional_contexts")]
#[case("build: {ssh: [default]}", "a key of the machine")]
#[case("build: {network: host}", "services.main.build.network")]
#[case("build: {privileged: true}", "services.main.build.privileged")]
#[case("build: {entitlements: [security.insecure]}", "services.main.build.entitlements")]
#[case("build: {cache_to: ['type=local,dest=/x']}", "services.main.build.cache_to")]
#[case("build: {newer: 1}", "services.main.build.newer is not known to stay within the sandbox")]
#[case("extends: {file: ../../base.yaml, service: a}", "services.main.extends.file names")]
#[case(
    "extends: {file: more/base.yaml, service: base}",
    "environment/more/base.yaml, line 1: services.base.privileged"
)]
#[case("extends: {file: gone.yaml, service: a}", "environment/gone.yaml: the file cannot be read")]
#[case("extends: {file: '${BASE}', service: a}", "names a file by a variable")]
#[case("logging: {driver: syslog, options: {syslog-address: 'unixgram:///dev/log'}}", "services.main.logging.driver")]
#[case("oom_score_adj: -1000", "services.main.oom_score_adj")]
#[case("tomorrow: 1", "services.main.tomorrow is not known to stay within the sandbox")]
fn what_reaches_out_is_refused(#[case] fields: &str, #[case] told: &str) {
    let faults = service(fields);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with("environment/") && faults[0].contains(told), "{faults:?}");
}

#[rstest]
#[case(
    "volumes: {v: {driver: local, driver_opts: {type: none, o: bind, device: /}}}",
    "volumes.v.driver_opts mounts something"
)]
#[case("volumes: {v: {driver_opts: {type: nfs, device: ':/x'}}}", "volumes.v.driver_opts")]
#[case("volumes: {v: {external: true}}", "volumes.v.external joins a volume of the machine")]
#[case("volumes: {v: {name: others_data}}", "volumes.v.name names a volume for the whole machine")]
#[case("volumes: {v: {driver: rclone}}", "volumes.v.driver")]
#[case("networks: {n: {external: {name: x}}}", "networks.n.external")]
#[case("networks: {n: {name: host}}", "networks.n.name")]
#[case("networks: {n: {driver: macvlan}}", "networks.n.driver joins the machine's network")]
#[case(
    "networks: {n: {driver_opts: {com.docker.network.bridge.name: docker0}}}",
    "can join or open the machine's network"
)]
#[case("secrets: {s: {file: /etc/shadow}}", "secrets.s.file names")]
#[case("configs: {c: {file: ../../x}}", "configs.c.file")]
#[case("include: [/etc/x.yaml]", "include names")]
#[case("include: [{path: [more/base.yaml]}]", "environment/more/base.yaml, line 1: services.base.privileged")]
#[case("include: [{path: plain.yaml, env_file: /etc/x}]", "include.env_file")]
#[case("include: ['oci://example.com/x']", "environment/oci:/example.com/x: the file cannot be read")]
#[case("models: {m: {model: x}}", "models is not known")]
#[case("services: {a: &a {pid: host}}\nx-b: 1", "line 1: services.a.pid")]
#[case("x-a: &a {pid: host}\nservices: {a: {<<: *a, image: x}}", "line 1: services.a.pid")]
#[case("x-a: &a {pid: host}\nservices: {a: {<<: [*a]}}", "line 1: services.a.pid")]
#[case("services: {a: {image: x}}\n---\nservices: {a: {pid: host}}", "line 3: services.a.pid")]
#[case("services: {a: {pid: host, pid: 'service:b'}}", "services.a.pid is \"host\"")]
#[case("services: {a: {pid: !override host}}", "services.a.pid")]
#[case("services: {a: {!!binary cGlk: host}}", "the tag !!binary is not understood")]
#[case("services: {a: {\"p\\u0069d\": host}}", "services.a.pid")]
#[case("services: [", "the file cannot be read")]
fn the_whole_file_is_looked_at(#[case] text: &str, #[case] told: &str) {
    let faults = faults(text);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains(told), "{faults:?}");
}

#[test]
fn files_that_include_each_other_end() {
    assert_eq!(faults("include: [loop.yaml]"), Vec::<String>::new());
}

#[test]
fn a_few_aliases_cannot_make_a_mountain() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let repeated = format!("*a{}, ", level - 1).repeat(10);
        text = format!("{text}a{level}: &a{level} [{repeated}]\n");
    }
    assert!(faults(&text)[0].contains("more than 100000 values"));
    let deep = faults(&format!("a: {}{}", "[".repeat(500), "]".repeat(500)));
    assert!(deep[0].contains("the file cannot be read"), "{deep:?}");
}

fn task(task_toml: &str, more: &[(&str, &str)]) -> Result<(), String> {
    let mut files = vec![("task.toml", task_toml)];
    files.extend(more);
    check_task(&Files::new(&files)).map_err(|refused| refused.to_string())
}

#[test]
fn a_refusal_says_what_to_do() {
    let refused = task("", &[("environment/docker-compose.yaml", "services: {a: {pid: host}}")]).unwrap_err();
    assert_eq!(
        refused,
        "The task asks for access to the machine that runs its trials. environment/docker-compose.yaml, line 1: services.a.pid is \"host\", \
         which is not the sandbox's own. Change it, or, where all who submit are trusted with that machine, set ODDISH_ALLOW_HOST_ACCESS=true"
    );
}

#[test]
fn compose_files_of_verifiers_count_where_they_are_used() {
    let hostile = ("tests/docker-compose.yaml", "services: {main: {volumes: ['/:/host']}}");
    assert_eq!(task("", &[hostile]), Ok(()));
    for separate in ["[verifier]\nenvironment_mode = 'separate'", "[verifier.environment]\ncpus = 1"] {
        assert!(
            task(separate, &[hostile])
                .unwrap_err()
                .contains("tests/docker-compose.yaml, line 1: services.main.volumes")
        );
    }
    let step = "[[steps]]\nname = 'one'\n[steps.verifier]\nenvironment_mode = 'separate'";
    let hostile = ("steps/one/tests/docker-compose.yaml", hostile.1);
    assert!(task(step, &[hostile]).unwrap_err().contains("steps/one/tests/docker-compose.yaml, line 1"));
    let within = ("tests/docker-compose.yaml", "services: {main: {volumes: ['./data:/data', '../environment/x:/x']}}");
    assert!(
        task("[verifier]\nenvironment_mode = 'separate'", &[within])
            .unwrap_err()
            .contains("outside of the task's folder tests/")
    );
}

#[rstest]
#[case("PATH = '.:/usr/bin'", true)]
#[case("PATH = '/usr/bin:'", true)]
#[case("PATH = '/usr/../tmp'", true)]
#[case("PATH = '/opt/venv/bin:/usr/local/bin:/usr/bin:/bin'", false)]
#[case("LD_PRELOAD = './evil.so'", true)]
#[case("DOCKER_HOST = 'tcp://x'", true)]
#[case("COMPOSE_FILE = '/x'", true)]
#[case("GIT_SSH_COMMAND = 'x'", true)]
#[case("GIT_AUTHOR_NAME = 'x'", false)]
#[case("COMPOSE_PROJECT_NAME = 'x'", false)]
#[case("HOME = '/root'", false)]
#[case("A_FOLDER = '${TMPDIR:-./x}'", true)]
#[case("A_KEY = '${SOME_API_KEY:-}'", false)]
#[case("PLACE = '$HOME/x'", false)]
fn variables_do_not_steer_dockers_client(#[case] line: &str, #[case] is_refused: bool) {
    for section in ["environment.env", "verifier.environment.env"] {
        let found = task(&format!("[verifier]\n[{section}]\nA = 'b'\n{line}\n"), &[]);
        assert_eq!(found.is_err(), is_refused, "{found:?}");
        if let Err(text) = found {
            assert!(text.contains(&format!("task.toml, line 4: {section}.")), "{text}");
        }
    }
}

#[test]
fn an_env_file_does_not_either() {
    let text = "A=b\n# x\nexport COMPOSE_ENV_FILES = /etc/x\nCOMPOSE_PROJECT_NAME=x\nDOCKER_HOST=x\nB=${CPUS:-/etc}\n";
    let files = ("environment/.env", text);
    assert_eq!(task("", &[files]), Ok(()), "without a Compose file it is the task's own");
    let compose = ("environment/docker-compose.yaml", "services: {main: {build: .}}");
    let refused = task("", &[files, compose]).unwrap_err();
    for line in ["line 3: COMPOSE_ENV_FILES steers", "line 6: B steers"] {
        assert!(refused.contains(&format!("environment/.env, {line}")), "{refused}");
    }
    assert!(!refused.contains("line 4") && !refused.contains("line 5"), "{refused}");
}

fn merged(config: &Value) -> Vec<String> {
    let files = Files::new(&[
        ("task.toml", ""),
        ("environment/docker-compose.yaml", "services:\n  main:\n    image: x\n    volumes:\n      - ${SRC}:/x\n"),
    ]);
    let sandbox = &sandboxes(&files)[0];
    let harbors = ["/trial/agent".to_owned()];
    let merged = MergedSandbox { sandbox, config, task: "/jobs/t/task", harbors: &harbors, project: "t-a1__env" };
    check_merged(&files, merged)
        .map_or_else(|refused| refused.0.iter().map(ToString::to_string).collect(), |()| Vec::new())
}

#[test]
fn what_compose_made_is_looked_at_too() {
    let bind =
        |source: &str| json!({"type": "bind", "source": source, "target": "/x", "bind": {"create_host_path": true}});
    let with = |mounts: Value| {
        json!({
            "name": "t-a1__env",
            "services": {"main": {
                "build": {"context": "/jobs/t/task/environment", "dockerfile": "Dockerfile"},
                "command": null, "entrypoint": null, "networks": {"default": null}, "volumes": mounts,
            }},
            "networks": {"default": {"name": "t-a1__env_default", "ipam": {}}},
            "volumes": {"v": {"name": "t-a1__env_v"}},
        })
    };
    assert_eq!(
        merged(&with(json!([bind("/jobs/t/task/environment/data"), bind("/trial/agent")]))),
        Vec::<String>::new()
    );
    for outside in [
        "/",
        "/jobs/t/task",
        "/jobs/t/task/solution",
        "/jobs/t/task/environment/../tests",
        "/trial/agent/x",
        "/jobs/t/task-2",
        "/trial",
    ] {
        let faults = merged(&with(json!([bind(outside)])));
        assert_eq!(faults.len(), 1, "{outside}: {faults:?}");
        assert!(
            faults[0].starts_with("environment/docker-compose.yaml, line 4: services.main.volumes mounts"),
            "{faults:?}"
        );
    }
    let named = json!({"volumes": {"v": {"name": "oddish_data"}}});
    assert!(merged(&named)[0].starts_with("environment/docker-compose.yaml: volumes.v.name"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = faults(&text);
    }

    #[test]
    fn no_yaml_makes_it_panic(text in "([a-z&*!<$/~. ]|: |- |\\n *|services: |volumes: |build: |include: |'|\"|\\{|\\}|\\[|\\]|,){0,60}") {
        let _ = faults(&text);
        let _ = service(&text);
    }
}
