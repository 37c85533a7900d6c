//! The live view of `oddish watch`, as a person at a terminal meets it.

use std::path::PathBuf;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use oddish_runner::attempt::trial_name;

use crate::stack::{Stack, hello, program};
use crate::stand_in;
use crate::terminal::Terminal;

const AT_ONCE: &str = r#"{"default": 2}"#;

/// A stack that runs two trials at once, each of which ends when it is told to.
async fn stack() -> (Stack, Pid) {
    let mut stack = Stack::new().await;
    let stand_in = stand_in::install(&stack);
    std::fs::create_dir(gates(&stack)).unwrap();
    stack.set("ODDISH_HARBOR_PYTHON", stand_in.to_str().unwrap());
    let server = stack.start_api(&["--n-concurrent", AT_ONCE]).await;
    (stack, server)
}

fn gates(stack: &Stack) -> PathBuf {
    stack.folder().join("gates")
}

fn end(stack: &Stack, trial_id: &str) {
    std::fs::write(gates(stack).join(trial_name(trial_id, 1)), "").unwrap();
}

fn watch(stack: &Stack, arguments: &[&str]) -> Terminal {
    let arguments = [&["watch"], arguments].concat();
    Terminal::run(&program("oddish"), &arguments, &[("ODDISH_API_URL", stack.url())], 24, 80)
}

#[tokio::test]
async fn a_watch_shows_trials_and_obeys_keys_while_its_server_comes_and_goes() {
    let (mut stack, server) = stack().await;
    let task_id = stack.submit(&hello(), &["-a", "oracle", "--n-trials", "4"]).remove(0);
    let experiment = stack.get(&format!("/tasks/{task_id}")).await;
    let experiment_id = experiment["experiment_id"].as_str().unwrap().to_owned();
    let name = experiment["experiment_name"].as_str().unwrap().to_owned();
    let trial = |index: usize| format!("{task_id}-{index}");

    let mut terminal = watch(&stack, &["--experiment", &name]);
    terminal.shows(&format!("{name} ({experiment_id})")).await;
    terminal.shows("0/4 ended  2 running, 2 waiting").await;
    terminal.shows("agent_running").await;
    terminal.shows("2 for default: 2 of at most 2 run").await;
    end(&stack, &trial(0));
    terminal.shows("1/4 ended  2 running, 1 waiting").await;
    terminal.shows("mean reward 1.00 of 1").await;

    terminal.press("?");
    terminal.shows("Leave; the trials go on").await;
    terminal.press("x");
    terminal.hides("Leave; the trials go on").await;
    terminal.press("f");
    terminal.shows("Failed trials none").await;
    terminal.press("f");
    terminal.shows("Trials").await;
    // The arrow, then to the third: the one that has ended.
    terminal.press("\x1b[B");
    terminal.shows("Trials 1 of 4").await;
    terminal.press("jj");
    terminal.shows("Trials 3 of 4").await;
    terminal.press("\r");
    terminal.shows(&format!("Log of {} (success)", trial(0))).await;
    terminal.shows("PASS").await;
    terminal.press("\x1b");
    terminal.shows("Trials 3 of 4").await;

    terminal.resize(12, 60);
    terminal.shows("1/4 ended").await;
    terminal.until_last_line_is("q leave   ? keys   f failed only").await;

    let (_, port) = stack.url().rsplit_once(':').unwrap();
    let port = port.to_owned();
    stack.kill(server);
    terminal.shows("No answer for").await;
    stack.start(&["api", "--port", &port, "--n-concurrent", AT_ONCE]);
    terminal.hides("No answer for").await;

    for index in 1..4 {
        end(&stack, &trial(index));
    }
    assert_eq!(terminal.ends().await, 0);
    terminal.shows("4 trials | 4 succeeded | 0 failed").await;
}

/// A way to leave a watch.
type Leave = fn(&mut Terminal);

#[tokio::test]
async fn leaving_gives_the_terminal_back_and_says_how_to_return() {
    let (stack, _) = stack().await;
    let task_id = stack.submit(&hello(), &["-a", "oracle"]).remove(0);
    let ways: [(&str, Leave); 3] = [
        ("Ctrl-C", |terminal| terminal.press("\x03")),
        ("q", |terminal| terminal.press("q")),
        ("kill", |terminal| terminal.signal(Signal::SIGTERM)),
    ];
    for (way, leave) in ways {
        let mut terminal = watch(&stack, &[&task_id]);
        terminal.shows("agent_running").await;
        leave(&mut terminal);
        assert_eq!(terminal.ends().await, 130, "{way}");
        let expected = format!("hint: the trials go on; watch them again with `oddish watch {task_id}`");
        // A long line goes on in the next one.
        terminal.shows_line(&expected).await;
        assert!(!terminal.text().contains("agent_running"), "{way}: {}", terminal.text());
    }
}

#[tokio::test]
async fn an_error_gives_the_terminal_back_too() {
    let (stack, _) = stack().await;
    let task_id = stack.submit(&hello(), &["-a", "oracle"]).remove(0);
    let mut terminal = watch(&stack, &[&task_id]);
    terminal.shows("agent_running").await;
    stack.delete(&format!("/tasks/{task_id}")).await;
    assert_eq!(terminal.ends().await, 1);
    terminal.shows_line(&format!("error: there is no task {task_id}")).await;
}

/// Taking the terminal over would stop it, as shells stop jobs that want one.
#[tokio::test]
async fn in_the_background_lines_are_printed() {
    let (stack, _) = stack().await;
    let task_id = stack.submit(&hello(), &["-a", "oracle"]).remove(0);
    let program = program("oddish");
    let script = ["-c", r#"set -m; "$0" watch "$1" & wait $!"#, program.to_str().unwrap(), &task_id];
    let mut terminal = Terminal::run("/bin/sh".as_ref(), &script, &[("ODDISH_API_URL", stack.url())], 24, 80);
    terminal.shows(&format!("{task_id}-0: agent_running")).await;
    end(&stack, &format!("{task_id}-0"));
    assert_eq!(terminal.ends().await, 0);
    terminal.shows("1 trial | 1 succeeded | 0 failed").await;
}
