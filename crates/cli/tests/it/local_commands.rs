//! `oddish config`, `check` and `completions`, which speak to no server.

use std::process::Command;

use serde_json::json;
use snapbox::{assert_data_eq, str};

use crate::answers::tasks;
use crate::binary::{Outcome, command, oddish};

const KEY: &str = "ok_00112233445566778899aabbccddeeff";

fn config(flags: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let arguments = [&["config"], flags].concat();
    let mut command = command(&arguments);
    command.env("COLUMNS", "200").envs(variables.iter().copied());
    Outcome::of(&arguments, command.output().unwrap())
}

#[test]
fn each_setting_is_shown_with_its_source_and_no_secret() {
    let outcome = config(&[], &[]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Setting      Value         From     Note                                                 
server       -             default  nothing is sent: set ODDISH_API_URL, or give --api
key          -             default
insecure     false         default
pages        -             default  those of the server
environment  -             default  the server's, unless `run --env` or a sweep file says
user         tester        USER     unless `run --user` says
colour       on terminals  default

"#]]
    );
    let variables = [("ODDISH_API_URL", "http://me:hunter2@10.0.0.7:8000"), ("ODDISH_API_KEY", KEY), ("NO_COLOR", "1")];
    let outcome = config(&[], &variables);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Setting      Value                 From            Note                                                                                                
server       http://10.0.0.7:8000  ODDISH_API_URL
key          ok_00112233...        ODDISH_API_KEY  ODDISH_API_KEY is not sent to 10.0.0.7 over http, where others can read it: use https, or --insecure
insecure     false                 default
pages        -                     default         those of the server
environment  -                     default         the server's, unless `run --env` or a sweep file says
user         tester                USER            unless `run --user` says
colour       never                 NO_COLOR

"#]]
    );
    let outcome = config(&["--api", "https://x--api.modal.run", "--insecure", "--json"], &variables);
    let found = outcome.json();
    let settings = found["settings"].as_array().unwrap();
    let of = |name: &str| settings.iter().find(|setting| setting["name"] == name).unwrap();
    assert_eq!(
        (&of("server")["value"], &of("server")["source"]),
        (&json!("https://x--api.modal.run"), &json!("--api"))
    );
    assert_eq!((&of("key")["value"], &of("key")["source"]), (&json!("ok_00112233..."), &json!("ODDISH_API_KEY")));
    assert!(of("key")["note"].as_str().unwrap().contains("belongs to 10.0.0.7"), "{found}");
    assert_eq!((&of("insecure")["value"], &of("insecure")["source"]), (&json!("true"), &json!("--insecure")));
    assert_eq!(of("environment")["value"], "modal");
    for (flags, variables) in
        [(&[][..], &variables[..]), (&["--json"], &variables), (&["--api", "http://x"], &variables)]
    {
        let shown = format!("{:?}", config(flags, variables));
        assert!(!shown.contains(KEY) && !shown.contains("hunter2"), "{shown}");
    }
    assert_eq!(config(&[], &[("ODDISH_API_URL", "x")]).code, 2);
}

#[test]
fn tasks_are_checked_without_a_server() {
    let folder = tasks(&["bad", "good", "other"]);
    std::fs::remove_file(folder.path().join("bad/instruction.md")).unwrap();
    std::fs::write(folder.path().join("other/task.toml"), "").unwrap();
    let path = folder.path().to_str().unwrap();
    let outcome = oddish(&["check", path]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
warning: other: [agent].timeout_sec is not set: the agent gets 3600 s unless the submission says otherwise
error: bad: instruction.md is missing: add it

"#]]
    );
    assert_eq!(outcome.stdout, "2 of 3 tasks are fine\n");

    let outcome = oddish(&["check", path, "--json"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""), "{outcome:#?}");
    let found = outcome.json();
    assert_eq!(found["ok"], false);
    let told: Vec<_> = found["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| {
            json!([task["name"], task["errors"].as_array().unwrap().len(), task["warnings"].as_array().unwrap().len()])
        })
        .collect();
    assert_eq!(json!(told), json!([["bad", 1, 0], ["good", 0, 0], ["other", 0, 1]]));

    let outcome = oddish(&["check", path, "-x", "bad", "-t", "g*"]);
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (0, "The task is fine\n", ""));
    let outcome = oddish(&["check", folder.path().join("good").to_str().unwrap(), "--json"]);
    assert_eq!((outcome.code, &outcome.json()["ok"]), (0, &json!(true)));
}

#[test]
fn a_sweep_file_is_checked_with_the_tasks_that_it_names() {
    let folder = tasks(&["bad", "good"]);
    std::fs::remove_file(folder.path().join("bad/instruction.md")).unwrap();
    let file = folder.path().join("sweep.yaml");
    let file = file.to_str().unwrap();
    let write = |text: String| std::fs::write(file, text).unwrap();
    write("agents: [{ name: nop }]\nenviroment: docker\n".to_owned());
    let outcome = oddish(&["check", "-c", file]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    assert!(
        outcome.stderr.contains("line 2, column 1: enviroment: unknown key; did you mean `environment`?"),
        "{outcome:#?}"
    );

    write("agents: [{ name: nop }]\nx-mine: 1\n".to_owned());
    let outcome = oddish(&["check", "-c", file]);
    assert_eq!((outcome.code, outcome.stdout), (0, format!("{file} is fine\n")));
    write(format!("agents: [{{ name: nop }}]\npath: {}\ntask_names: [good]\n", folder.path().display()));
    let outcome = oddish(&["check", "-c", file]);
    assert_eq!((outcome.code, outcome.stdout), (0, format!("{file} is fine\nThe task is fine\n")));
    assert_eq!(oddish(&["check", "-c", file, "-t", "*"]).code, 1);
    assert_eq!(oddish(&["check"]).code, 2);
}

#[test]
fn completions_are_scripts_of_their_shells() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let outcome = oddish(&["completions", shell]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
        for word in ["experiments", "queues", "insecure"] {
            assert!(outcome.stdout.contains(word), "{shell}: {word}");
        }
        let script = folder.path().join(shell);
        std::fs::write(&script, &outcome.stdout).unwrap();
        // A shell that is not installed says nothing of its script.
        if let Ok(read) = Command::new(shell).arg("-n").arg(&script).output() {
            assert!(read.status.success() && read.stderr.is_empty(), "{shell}: {read:?}");
        }
        assert_eq!(
            oddish(&["completions", shell, "--json"]).json()["script"].as_str().unwrap().trim_end(),
            outcome.stdout.trim_end()
        );
    }
    let bash = Command::new("bash")
        .arg("-c")
        .arg(". \"$0\"; COMP_WORDS=(oddish queues p); COMP_CWORD=2; _oddish oddish p queues; echo \"${COMPREPLY[@]}\"")
        .arg(folder.path().join("bash"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&bash.stdout), "pause\n", "{bash:?}");
    assert_eq!(oddish(&["completions", "tcsh"]).code, 2);
}
