use crate::answers::tasks;
use crate::binary::{command, oddish};

#[test]
fn usage_errors_exit_with_2_and_name_the_fault() {
    let folder = tasks(&["hello"]);
    let hello = folder.path().join("hello");
    let hello = hello.to_str().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&["fly"], "fly"),
        (&["run"], "no task given"),
        (&["run", hello, "--frobnicate"], "--frobnicate"),
        (&["run", hello, "--path", hello], "--path"),
        (&["run", hello, "-P", "urgent"], "use one of high, low"),
        (&["run", hello, "--n-trials", "0"], "--n-trials"),
        (&["run", hello, "--ak", "novalue"], "KEY=VALUE"),
        (&["run", hello, "--timeout-minutes", "0"], "--timeout-minutes"),
        (&["run", hello, "--github-meta", "[1]"], "JSON object"),
        (&["run", hello, "--watch", "--background"], "--background"),
        (&["run", hello, "-t", "[", "-a", "nop"], "["),
        (&["run", hello, "--api", "nonsense"], "--api is not a server's URL"),
        (&["status", "x", "--experiment", "y"], "--experiment"),
        (&["status", "--watch"], "--watch"),
        (&["status", ""], "TASK_ID"),
    ];
    for (arguments, expected) in cases {
        let outcome = oddish(arguments);
        assert_eq!(outcome.code, 2, "{arguments:?}: {outcome:#?}");
        assert!(outcome.stderr.contains(expected), "{arguments:?}: {outcome:#?}");
        assert_eq!(outcome.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_bad_url_is_named_with_its_source() {
    let output = command(&["status"]).env("ODDISH_API_URL", "not a url").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("ODDISH_API_URL") && stderr.contains("not a url"), "{stderr}");
}
