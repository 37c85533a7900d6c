//! `docs/configuration.md`: every variable of every program, from the lists that the programs read by.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use oddish_dispatcher::ECS_VARIABLES;
use oddish_domain::client_variables::CLIENT_VARIABLES;
use oddish_domain::settings::Variable;
use oddish_functions::migrate::MIGRATE_VARIABLES;
use oddish_runner::settings::ATTEMPT_VARIABLES;
use oddish_wake::WAKE_VARIABLES;

use crate::settings::VARIABLES;

const ALL: &str = "`oddish-server`, the endpoint functions, `dispatch`, `oddish-runner`, the library";

/// Variables that the one-machine server does not read, after [`VARIABLES`].
const OTHERS: &[(&str, &[Variable])] = &[
    ("Starting runners on ECS", ECS_VARIABLES),
    ("Waking the dispatcher", WAKE_VARIABLES),
    ("Migrating a deployment", MIGRATE_VARIABLES),
    ("What a launcher tells a runner", ATTEMPT_VARIABLES),
    ("The client", CLIENT_VARIABLES),
    ("The AWS SDK", AWS),
    ("The system", SYSTEM),
];

/// Which programs read the variables of each group.
const READERS: &[(&str, &str)] = &[
    ("Database", ALL),
    ("Storage", ALL),
    ("Storage in S3", ALL),
    ("Concurrency", "`oddish-server`, the endpoint functions (for keys that are new), the library"),
    ("API and server", "`oddish-server`"),
    ("Log and metrics", "`oddish-server`, all functions, `oddish-runner`"),
    ("Access", "`oddish-server`, the endpoint functions"),
    ("Judging", "`oddish-server`, the endpoint functions, the library"),
    ("Retries", ALL),
    ("Starting runners", "`oddish-server`, `dispatch`, the library"),
    ("Running trials", "`oddish-runner`; `oddish-server` checks them when it starts"),
    ("Keys for Harbor and its agents", "Harbor, to which `oddish-runner` hands them on"),
    ("Environments", "`oddish-server`, the endpoint functions, the library"),
    ("Starting runners on ECS", "`dispatch`; `reconcile` the owner"),
    ("Migrating a deployment", "`migrate`"),
    ("Waking the dispatcher", "the endpoint functions, `oddish-runner`, `dispatch`"),
    ("What a launcher tells a runner", "`oddish-runner`; nobody sets these by hand"),
    ("The client", "`oddish`"),
    ("The AWS SDK", "every program that speaks to AWS: `oddish-server` and `oddish-runner` with S3, all functions"),
    ("The system", "as each says"),
];

/// What numbers count.
const UNITS: &[(&str, &str)] = &[
    ("ODDISH_DB_POOL_SIZE", "connections"),
    ("ODDISH_DB_STATEMENT_CACHE", "statements"),
    ("ODDISH_MAX_TASK_UPLOAD_MB", "MiB"),
    ("ODDISH_DEFAULT_MODEL_CONCURRENCY", "trials"),
    ("ODDISH_API_PORT", "TCP port"),
    ("ODDISH_MAX_ATTEMPTS", "attempts"),
    ("ODDISH_RETRY_BACKOFF_BASE", "seconds"),
    ("ODDISH_RETRY_BACKOFF_MAX", "seconds"),
    ("ODDISH_MAX_RUNNERS", "runners"),
    ("ODDISH_DEFAULT_AGENT_TIMEOUT_SEC", "seconds"),
    ("ODDISH_MIN_FREE_GB", "GB"),
    ("ODDISH_ATTEMPT", "attempts"),
    ("ODDISH_ECS_LAUNCHES_PER_SECOND", "tasks a second"),
    ("ODDISH_ECS_DEADLINE_HOURS", "hours"),
    ("ODDISH_RUNNER_CPU", "CPU units"),
    ("ODDISH_RUNNER_MEMORY_MB", "MiB"),
];

/// Read by libraries of AWS, in whose documentation they are.
const AWS: &[Variable] = &[
    other("AWS_REGION", "Region of SQS and ECS; S3 has ODDISH_S3_REGION. Lambda and ECS set it."),
    other("AWS_PROFILE", "Profile of `~/.aws/config` to take credentials from."),
    secret("AWS_ACCESS_KEY_ID", "Access key id. On Lambda and ECS the role is used, and none of these is set by hand."),
    secret("AWS_SECRET_ACCESS_KEY", "See AWS_ACCESS_KEY_ID."),
    secret("AWS_SESSION_TOKEN", "See AWS_ACCESS_KEY_ID."),
    other(
        "AWS_LAMBDA_RUNTIME_API",
        "Where a function gets its events. Lambda sets it, as the others that begin with `AWS_LAMBDA_`.",
    ),
];

/// What every program on the system may be told.
const SYSTEM: &[Variable] = &[
    other(
        "PATH",
        "Where `oddish-server` looks for Postgres and oddish-runner, and `oddish-runner` for Harbor and Docker.",
    ),
    other("HOME", "`oddish-server`: its folder is below it, unless ODDISH_HOME or XDG_DATA_HOME is set."),
    other("XDG_DATA_HOME", "See HOME."),
    other("LOGNAME", "`oddish`: who submits, unless `--user` says; USER and USERNAME after it."),
    other("USER", "See LOGNAME."),
    other("USERNAME", "See LOGNAME."),
    other("TERM", "`oddish`: with `dumb` nothing is drawn anew on the terminal."),
    other("NO_COLOR", "`oddish`, `oddish-server`: set to anything, output has no colours."),
];

const fn other(name: &'static str, doc: &'static str) -> Variable {
    Variable { name, default: "", secret: false, doc }
}

const fn secret(name: &'static str, doc: &'static str) -> Variable {
    Variable { name, default: "", secret: true, doc }
}

fn groups() -> impl Iterator<Item = (&'static str, &'static [Variable])> {
    VARIABLES.iter().chain(OTHERS).copied()
}

fn found<'a>(list: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    list.iter().find(|(listed, _)| *listed == name).map(|(_, text)| *text)
}

/// The whole page.
fn page() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         Every environment variable of every program, from the code that reads them: `UPDATE_EXPECTED=1 cargo xtask test -E\n\
         'test(the_configuration_page)'` writes this page.\n\n\
         A variable that is empty counts as not set. A program that finds a value it cannot use says which and does not start; it never shows\n\
         a secret one. `oddish-server` reads a file `.env` in its working directory too, below the environment; `oddish-server settings` prints\n\
         its part of this page in that form, which is [env.example](../env.example). Functions and runners read their environment only.\n\n\
         Secret values (marked so) belong into a secret store; on AWS they come from Secrets Manager.\n",
    );
    for (title, variables) in groups() {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n## {title}\n\nRead by: {}.\n\n", found(READERS, title).unwrap_or_default());
        text.push_str("| variable | default | unit | what it is |\n|---|---|---|---|\n");
        for variable in variables {
            let default = match variable.default {
                "" => String::new(),
                default => format!("`{default}`"),
            };
            let unit = found(UNITS, variable.name).unwrap_or_default();
            let doc = variable.doc.replace('\n', " ").replace('|', "\\|");
            let mark = if variable.secret { "**Secret.** " } else { "" };
            let _ = writeln!(text, "| `{}` | {default} | {unit} | {mark}{doc} |", variable.name);
        }
    }
    text
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_configuration_page_is_current() {
    let path = workspace().join("docs/configuration.md");
    let expected = page();
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/configuration.md is out of date: run `UPDATE_EXPECTED=1 cargo xtask test -E 'test(the_configuration_page)'`"
    );
}

#[test]
fn the_page_leaves_nothing_out() {
    let mut names: Vec<&Variable> = Vec::new();
    for (title, variables) in groups() {
        assert!(found(READERS, title).is_some(), "READERS does not say who reads the variables of \"{title}\"");
        names.extend(variables);
    }
    for variable in &names {
        let number = variable.default.parse::<f64>().is_ok();
        assert!(!number || found(UNITS, variable.name).is_some(), "UNITS does not say what {} counts", variable.name);
        assert_eq!(
            names.iter().filter(|other| other.name == variable.name).count(),
            1,
            "{} is there twice",
            variable.name
        );
    }
    for (name, _) in UNITS {
        assert!(names.iter().any(|variable| variable.name == *name), "there is no {name}");
    }
}

/// Each name of a variable that stands in the code is on the page: who reads one without a list is found here.
#[test]
fn every_variable_in_the_code_is_on_the_page() {
    let page = page();
    let mut read = 0;
    for folder in ["crates", "functions"] {
        for file in walkdir::WalkDir::new(workspace().join(folder)).into_iter().filter_map(Result::ok) {
            let path = file.path();
            // Tests and the tools of the workspace have variables of their own.
            let ours = path.extension().is_some_and(|extension| extension == "rs")
                && path.components().any(|part| part.as_os_str() == "src")
                && !path.components().any(|part| ["xtask", "tests"].iter().any(|name| part.as_os_str() == *name));
            if !ours {
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            for literal in text.split('"').filter(|literal| literal.starts_with("ODDISH_") && literal.len() > 7) {
                if literal.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
                    read += 1;
                    assert!(
                        page.contains(&format!("| `{literal}` |")),
                        "{} reads {literal}, which is in no list",
                        path.display()
                    );
                }
            }
            for place in text.match_indices("env::var(\"").map(|(at, found)| at + found.len()) {
                let name = text[place..].split('"').next().unwrap();
                assert!(
                    page.contains(&format!("| `{name}` |")),
                    "{} reads {name}, which is in no list",
                    path.display()
                );
            }
        }
    }
    assert!(read > 50, "the code was not read");
}
