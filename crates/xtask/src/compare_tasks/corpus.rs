//! Tasks to compare, written into a folder: each is a plain task with one thing changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

const PLAIN: &str = "[agent]\ntimeout_sec = 60.0\n";

/// Writes the tasks, and returns the names of those where we are stricter than Harbor's loader on purpose.
pub(super) fn write(folder: &Path) -> Vec<String> {
    values(folder);
    documents(folder);
    files(folder);
    links(folder);
    stricter(folder)
}

/// What a plain task holds beside its `task.toml`.
const PLAIN_FILES: [(&str, &str); 4] = [
    ("instruction.md", "Do it.\n"),
    ("environment/Dockerfile", "FROM debian:bookworm-slim\n"),
    ("solution/solve.sh", "#!/bin/bash\n"),
    ("tests/test.sh", "#!/bin/bash\n"),
];

/// A task in a folder of its own. Plain files are links to those of the first task: there are thousands of tasks.
fn task(folder: &Path, name: &str, toml: &[u8]) -> std::path::PathBuf {
    let (task, first) = (folder.join(name), folder.join("plain"));
    for (path, content) in PLAIN_FILES {
        if !first.join(path).exists() {
            put(&first, path, content.as_bytes());
            put(&first, "task.toml", PLAIN.as_bytes());
        }
        fs::create_dir_all(task.join(path).parent().unwrap()).unwrap();
        fs::hard_link(first.join(path), task.join(path)).unwrap();
    }
    put(&task, "task.toml", toml);
    task
}

/// Puts a file into a task, in place of one that is there.
fn put(task: &Path, path: &str, content: &[u8]) {
    let path = task.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _may_be_there = fs::remove_file(&path);
    fs::write(path, content).unwrap();
}

/// Every key with a value of every kind.
fn values(folder: &Path) {
    let values = [
        "\"\"",
        "\" \"",
        "\"lots\"",
        "\"1\"",
        "\" 7 \"",
        "\"1.0\"",
        "\"1.5\"",
        "\"1_000\"",
        "\"1__0\"",
        "\"1e3\"",
        "\"nan\"",
        "\"true\"",
        "\"0\"",
        "\"2G\"",
        "\"10GB\"",
        "\"linux\"",
        "\"Windows\"",
        "\"public\"",
        "\"allowlist\"",
        "\"separate\"",
        "\"mean\"",
        "\"a/b\"",
        "\"2x4\"",
        "\"a b\"",
        "\"http\"",
        "\"/a/../b\"",
        "true",
        "0",
        "1",
        "-1",
        "512",
        "9223372036854775807",
        "9223372036854775808",
        "1.0",
        "1.5",
        "1e20",
        "1e400",
        "nan",
        "inf",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "07:32:00",
        "[]",
        "[1]",
        "[\"x\"]",
        "[\"a.com\"]",
        "[{}]",
        "[[]]",
        "{}",
        "{a = 1}",
        "{a = \"x\"}",
        "{a = \"1.5\"}",
        "{name = \"x\"}",
        "[{name = \"x\"}]",
        "{name = \"a/b\"}",
        "{command = \"x\"}",
        "[{command = \"x\"}]",
        "{source = \"/x\"}",
        "[{source = \"/x\"}]",
        "[{source = \"x\", service = \"db\"}]",
        "{type = \"v4\", topology = \"2x4\"}",
        "{env = {A = \"1\"}}",
        "{env = {A = 1}}",
    ];
    // The section, and its keys. Time-outs whose value decides whether anything could run are with what we are stricter about.
    let sections: [(&str, &[&str]); 14] = [
        (
            "",
            &[
                "schema_version",
                "version",
                "task",
                "metadata",
                "verifier",
                "environment",
                "solution",
                "source",
                "multi_step_reward_strategy",
                "steps",
                "artifacts",
                "unknown",
            ],
        ),
        ("task", &["name"]),
        ("agent", &["user", "network_mode", "allowed_hosts"]),
        (
            "environment",
            &[
                "os",
                "cpus",
                "memory_mb",
                "memory",
                "storage_mb",
                "storage",
                "gpus",
                "gpu_types",
                "tpu",
                "mcp_servers",
                "env",
                "skills_dir",
                "healthcheck",
                "workdir",
                "allow_internet",
                "network_mode",
                "allowed_hosts",
            ],
        ),
        (
            "environment.healthcheck",
            &["command", "interval_sec", "timeout_sec", "start_period_sec", "start_interval_sec", "retries"],
        ),
        ("environment.env", &["NAME"]),
        ("environment.tpu", &["type", "topology"]),
        ("verifier", &["env", "user", "environment_mode", "environment", "collect", "network_mode", "allowed_hosts"]),
        ("verifier.environment", &["os", "cpus", "build_timeout_sec", "mcp_servers", "allowed_hosts"]),
        ("solution", &["env"]),
        ("[verifier.collect]", &["command", "service", "timeout_sec", "user"]),
        ("[environment.mcp_servers]", &["name", "transport", "url", "command", "args", "headers"]),
        ("[artifacts]", &["source", "destination", "exclude", "service"]),
        ("[steps]", &["name", "agent", "verifier", "min_reward", "healthcheck", "artifacts"]),
    ];
    for (section, keys) in sections {
        for key in keys {
            for (number, value) in values.iter().enumerate() {
                let line = format!("{key} = {value}\n");
                let toml = if section.is_empty() {
                    format!("{line}{PLAIN}")
                } else {
                    format!("{PLAIN}{}", in_section(section, key, &line))
                };
                let name = format!("value-{}-{key}-{number:02}", section.replace(['[', ']', '.'], "_"));
                let task = task(folder, &name, toml.as_bytes());
                if section == "[steps]" {
                    put(&task, "steps/one/instruction.md", b"");
                    put(&task, "steps/linux/instruction.md", b"");
                }
            }
        }
    }
}

/// A key in a section that has what else it needs.
fn in_section(section: &str, key: &str, line: &str) -> String {
    if section == "agent" {
        // The section is there already.
        return line.to_owned();
    }
    let needed: &[&str] = match section {
        "environment.healthcheck" | "[verifier.collect]" => &["command = \"x\""],
        "environment.tpu" => &["type = \"v4\"", "topology = \"2x2\""],
        "[environment.mcp_servers]" => &["name = \"m\"", "url = \"http://m\""],
        "[artifacts]" => &["source = \"/x\""],
        "[steps]" => &["name = \"one\""],
        _ => &[],
    };
    let needed: Vec<&str> = needed.iter().copied().filter(|other| !other.starts_with(&format!("{key} "))).collect();
    format!("[{section}]\n{}\n{line}", needed.join("\n"))
}

/// Whole texts of `task.toml`.
fn documents(folder: &Path) {
    let documents: [&[u8]; 34] = [
        b"",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf[agent]\ntimeout_sec = 1",
        b"# caf\xe9",
        b"\xff\xfea\0",
        b"a = 1\r\nb = 2\rc = 3",
        b"a = \"\"\"\r\nx\ry\"\"\"",
        b"a = {b = 1,}",
        b"a = {\nb = 1}",
        b"a = {b = [\n1,\n]}",
        b"a = [\n1, # why\n2,\n]",
        b"a = \"\\e\"",
        b"a = \"\\x41\"",
        b"a = '\\e'",
        b"a = 07:32",
        b"a = 2026-01-01T07:32",
        b"a = 2023-02-29",
        b"a = 2024-02-29",
        b"a = 0x1F\nb = 0o17\nc = 0b11",
        b"a = 123456789012345678901234567890",
        b"a = 1\na = 2",
        b"[a]\n[a]",
        b"a.b = 1\na.c = 2\n[a.d]",
        b"a = \"\x01\"",
        b"a = +1\nb = 1_000",
        b"a = 1__0",
        b"version = \"1.0\"\nschema_version = 2",
        b"version = 1.0\nschema_version = \"1.4\"",
        b"[environment]\nmemory = \"2G\"\nmemory_mb = 2048.0",
        b"[environment]\nmemory = \"2G\"\nmemory_mb = \"2048\"",
        b"[environment]\nmemory = \"2G\"\nmemory_mb = 1024",
        b"[environment]\nnetwork_mode = \"allowlist\"\nallowed_hosts = [\"10.0.0.0/8\", \"10.0.0.0/0.255.255.255\", \"*.a.com.\", \"fd00::/8\", \"256.1.1.1\"]",
        b"[environment]\nnetwork_mode = \"allowlist\"\nallowed_hosts = [\"10.0.0.1/8\"]",
        b"[task]\nname = \"a/b\\n\"",
    ];
    for (number, document) in documents.iter().enumerate() {
        task(folder, &format!("document-{number:02}"), document);
    }
    let headers = [
        ("Authorization", "Bearer ${TOKEN}"),
        ("Authorization", "Bearer abc"),
        ("Authorization", "${ID}:${SECRET}"),
        ("Authorization", "${ID}x${SECRET}"),
        ("X-Team", "${TEAM:-evals}"),
        ("X-Team", "${MY_KEY:-evals}"),
        ("X-Team", "${TEAM"),
        ("X-Team", "$TEAM"),
        ("X-Team", "a\\nb"),
        ("Cookie", "a=b"),
        ("a b", "c"),
        ("X-Api-Key", ""),
    ];
    for (number, (name, value)) in headers.iter().enumerate() {
        let toml = format!(
            "{PLAIN}[[environment.mcp_servers]]\nname = \"m\"\nurl = \"http://m\"\nheaders = {{\"{name}\" = \"{value}\"}}\n"
        );
        task(folder, &format!("header-{number:02}"), toml.as_bytes());
    }
    for (number, host) in [
        "a.com",
        "A.com.",
        "*.a.com",
        "*.1.2.3.4",
        "a.com:80",
        "http://a.com",
        "1.2.3.4/33",
        "::1",
        "fe80::1%eth0",
        "-a.com",
        "a_b",
        "",
        "[::1]",
    ]
    .iter()
    .enumerate()
    {
        let toml = format!("{PLAIN}network_mode = \"allowlist\"\nallowed_hosts = [\"{host}\"]\n");
        task(folder, &format!("host-{number:02}"), toml.as_bytes());
    }
    for (number, name) in
        ["two", "ONE", "\u{f6}ne", "o\u{308}ne", "Con", "nul.txt", "lpt1", "com0", "a b", "a.", "..", "a/b", "\u{2460}"]
            .iter()
            .enumerate()
    {
        let toml =
            format!("{PLAIN}[[steps]]\nname = \"one\"\n[[steps]]\nname = \"{name}\"\n[[steps]]\nname = \"\u{f6}NE\"\n");
        let task = task(folder, &format!("step-name-{number:02}"), toml.as_bytes());
        for step in ["one", "two", "\u{f6}NE", "Con", "nul.txt", "lpt1", "com0", "a b", "\u{2460}"] {
            put(&task, &format!("steps/{step}/instruction.md"), b"");
        }
    }
}

/// The text of `task.toml`, files that are gone, files that come.
type Case<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, &'a [u8])]);

/// Files that are there, that are not, and what is in them.
fn files(folder: &Path) {
    let separate = format!("{PLAIN}[verifier]\nenvironment_mode = \"separate\"\n");
    let windows = format!("{PLAIN}[environment]\nos = \"Windows\"\n");
    let image = format!("{PLAIN}[environment]\ndocker_image = \"debian\"\n");
    let no_image = format!("{PLAIN}[environment]\ndocker_image = \"\"\n");
    let own_image = format!("{PLAIN}[verifier.environment]\ndocker_image = \"debian\"\n");
    let own_system = format!("{PLAIN}[verifier.environment]\nos = \"windows\"\n");
    let cases: [Case<'_>; 27] = [
        (PLAIN, &["instruction.md"], &[]),
        (PLAIN, &["tests/test.sh"], &[]),
        (PLAIN, &["tests/test.sh"], &[("tests/test.bat", b"")]),
        (PLAIN, &["solution/solve.sh"], &[]),
        (PLAIN, &["environment/Dockerfile"], &[]),
        (PLAIN, &["environment/Dockerfile"], &[("environment/data.csv", b"")]),
        (
            PLAIN,
            &["environment/Dockerfile"],
            &[(
                "environment/docker-compose.yaml",
                b"services: {main: {build: {context: ., dockerfile_inline: FROM debian}}}",
            )],
        ),
        (&image, &["environment/Dockerfile"], &[]),
        (&no_image, &["environment/Dockerfile"], &[]),
        (&no_image, &[], &[]),
        (PLAIN, &[], &[("instruction.md", b"caf\xe9")]),
        (PLAIN, &[], &[("instruction.md", b"\xef\xbb\xbfDo it.\r\n")]),
        (PLAIN, &[], &[("README.md", b"caf\xe9"), ("tests/data.bin", b"\xff")]),
        (PLAIN, &[], &[("tests/test.sh", b"#!/bin/bash\r\n")]),
        (PLAIN, &[], &[("tests/.harborignore", b"test.sh\n")]),
        (PLAIN, &[], &[("tests/.harborignore", b"*\n!test.sh\n")]),
        (PLAIN, &[], &[("tests/.harborignore", b"/*.sh\n")]),
        (PLAIN, &[], &[("tests/.harborignore", b"data/\n# test.sh\n")]),
        (PLAIN, &[], &[("tests/.harborignore", b"\xe9")]),
        (PLAIN, &[], &[(".harborignore", b"*\n")]),
        (&separate, &["tests/test.sh"], &[]),
        (&separate, &["tests/test.sh"], &[("tests/Dockerfile", b"FROM debian")]),
        (
            &separate,
            &["tests/test.sh"],
            &[(
                "tests/docker-compose.yaml",
                b"services: {main: {build: {context: ., dockerfile_inline: FROM debian}}}",
            )],
        ),
        (&own_image, &["tests/test.sh"], &[]),
        (&own_system, &[], &[]),
        (&windows, &[], &[]),
        (&windows, &["tests/test.sh"], &[("tests/test.bat", b"")]),
    ];
    for (number, (toml, gone, more)) in cases.iter().enumerate() {
        let task = task(folder, &format!("files-{number:02}"), toml.as_bytes());
        for path in *gone {
            fs::remove_file(task.join(path)).unwrap();
        }
        for (path, content) in *more {
            put(&task, path, content);
        }
    }
    fs::remove_dir_all(folder.join("files-04/environment")).unwrap();

    let modes = [
        "",
        "environment_mode = \"separate\"\n",
        "environment_mode = \"shared\"\n",
        "environment = {docker_image = \"x\"}\n",
        "environment = {cpus = 1}\n",
    ];
    let places = [
        "tests/Dockerfile",
        "tests/test.sh",
        "steps/one/tests/Dockerfile",
        "steps/one/tests/test.sh",
        "steps/one/tests/data.csv",
    ];
    for (task_mode, of_task) in modes.iter().enumerate() {
        for (step_mode, of_step) in modes.iter().enumerate() {
            for (place, path) in places.iter().enumerate() {
                let toml =
                    format!("{PLAIN}[verifier]\n{of_task}[[steps]]\nname = \"one\"\n[steps.verifier]\n{of_step}");
                let task = task(folder, &format!("separate-{task_mode}-{step_mode}-{place}"), toml.as_bytes());
                fs::remove_file(task.join("tests/test.sh")).unwrap();
                put(&task, "steps/one/instruction.md", b"");
                put(&task, path, b"");
            }
        }
    }
}

/// Links that both take and that both refuse.
fn links(folder: &Path) {
    let with = |name: &str, link: &str, target: &str| {
        let task = task(folder, name, PLAIN.as_bytes());
        let link = task.join(link);
        let _may_be_there = fs::remove_file(&link);
        symlink(target, link).unwrap();
    };
    with("link-to-file", "tests/data", "../instruction.md");
    with("link-to-folder", "tests/data", "../environment");
    with("link-for-script", "tests/test.sh", "../solution/solve.sh");
    with("link-for-instruction", "instruction.md", "solution/solve.sh");
    with("link-to-folder-in-environment", "environment/shared", "../solution");
    with("link-outside", "tests/data", "/etc/hostname");
    with("link-outside-relative", "solution/data", "../../..");
    with("link-in-a-circle", "tests/self", ".");
}

/// What Harbor's loader takes, and we don't.
fn stricter(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut stricter = |name: &str, toml: &str| {
        names.push(name.to_owned());
        task(folder, name, toml.as_bytes())
    };
    for (number, value) in ["0", "-1", "inf", "nan", "false", "\"0\""].iter().enumerate() {
        stricter(&format!("stricter-agent-timeout-{number}"), &format!("[agent]\ntimeout_sec = {value}\n"));
        stricter(
            &format!("stricter-verifier-timeout-{number}"),
            &format!("{PLAIN}[verifier]\ntimeout_sec = {value}\n"),
        );
        stricter(
            &format!("stricter-build-timeout-{number}"),
            &format!("{PLAIN}[environment]\nbuild_timeout_sec = {value}\n"),
        );
    }
    stricter("stricter-image", &format!("{PLAIN}[environment]\ndocker_image = \" \"\n"));
    let compose = stricter("stricter-compose", PLAIN);
    fs::remove_file(compose.join("environment/Dockerfile")).unwrap();
    put(&compose, "environment/docker-compose.yaml", b"services: {main: {image: debian}}");
    let named = stricter("stricter-dockerfile", PLAIN);
    fs::remove_file(named.join("environment/Dockerfile")).unwrap();
    put(&named, "environment/docker-compose.yaml", b"services: {main: {build: ./gone}}");
    let spelled = stricter("stricter-case", PLAIN);
    put(&spelled, "tests/Data.csv", b"");
    put(&spelled, "tests/data.csv", b"");
    let outside = stricter("stricter-link-outside", PLAIN);
    symlink("/etc/hostname", outside.join("environment/host")).unwrap();
    let nowhere = stricter("stricter-link-nowhere", PLAIN);
    symlink("nowhere", nowhere.join("environment/gone")).unwrap();
    let circle = stricter("stricter-link-in-a-circle", PLAIN);
    symlink("..", circle.join("environment/self")).unwrap();
    names.sort();
    names
}
