//! Which server a command speaks to, with which key, and for how long.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use snapbox::{assert_data_eq, str};
use wiremock::{MockServer, ResponseTemplate};

use crate::answers::{Script, accepting_server, error_answer, experiments, json_answer, on, sweeps, tasks};
use crate::binary::{Outcome, bounded, command, oddish_at};

const KEY: &str = "ok_00112233445566778899aabbccddeeff";

/// Commands that speak to a server.
const COMMANDS: [&[&str]; 12] = [
    &["status"],
    &["results", "x"],
    &["compare", "x", "y"],
    &["queues"],
    &["queues", "limit", "k", "1"],
    &["queues", "pause", "k"],
    &["experiments"],
    &["experiments", "show", "x"],
    &["experiments", "publish", "x"],
    &["keys"],
    &["keys", "create", "--name", "x"],
    &["open", "x", "--print"],
];

async fn run(mut command: Command) -> Outcome {
    let output = bounded(
        tokio::process::Command::from(std::mem::replace(&mut command, Command::new("true")))
            .kill_on_drop(true)
            .output(),
    );
    Outcome::from(output.await.unwrap())
}

#[test]
fn nothing_is_sent_where_nothing_names_a_server() {
    for arguments in COMMANDS {
        let outcome = Outcome::from(command(arguments).output().unwrap());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{arguments:?}: {outcome:#?}");
        assert_data_eq!(
            outcome.stderr,
            str![[r#"
error: no server is named and no key is set: nothing was sent
hint: `oddish-server api` serves http://localhost:8000: set ODDISH_API_URL to it, or give --api; for the hosted https://abundant-ai--api.modal.run set ODDISH_API_KEY

"#]]
        );
    }
    let folder = tasks(&["hello"]);
    let outcome = Outcome::from(command(&["run", folder.path().to_str().unwrap(), "-a", "nop"]).output().unwrap());
    assert!(outcome.code == 2 && outcome.stderr.contains("nothing was sent"), "{outcome:#?}");
}

#[tokio::test]
async fn a_key_goes_to_its_own_server_and_to_no_other() {
    let server = MockServer::start().await;
    on(&server, "GET", "/experiments", json_answer(&experiments(&json!([])))).await;
    let mut own = command(&["status"]);
    own.env("ODDISH_API_URL", server.uri()).env("ODDISH_API_KEY", KEY);
    let own = run(own).await;
    assert!(own.code == 0 && !own.stderr.contains("warning"), "{own:#?}");

    let uri = server.uri();
    let mut other = command(&["status", "--api", &uri]);
    other.env("ODDISH_API_URL", "https://own.example.org").env("ODDISH_API_KEY", KEY);
    let other = run(other).await;
    assert_eq!(other.code, 0, "{other:#?}");
    let warnings: Vec<&str> = other.stderr.lines().filter(|line| line.contains("ODDISH_API_KEY")).collect();
    assert_eq!(
        warnings,
        [
            "warning: ODDISH_API_KEY belongs to own.example.org and is not sent to 127.0.0.1: name the server with ODDISH_API_URL to send it"
        ]
    );
    assert!(!format!("{other:?}").contains(KEY), "{other:#?}");

    let requests = server.received_requests().await.unwrap();
    let keys: Vec<bool> = requests.iter().map(|request| request.headers.contains_key("authorization")).collect();
    assert_eq!(keys, [true, false]);
}

/// This machine by an address that is not its own: as far as the program can tell, another machine. A proxy stands for the network.
#[tokio::test]
async fn a_key_goes_over_http_to_another_machine_only_when_told_to() {
    let network = MockServer::start().await;
    on(&network, "GET", "/experiments", json_answer(&experiments(&json!([])))).await;
    for (flags, is_sent) in [(&[][..], false), (&["--insecure"], true)] {
        network.reset().await;
        on(&network, "GET", "/experiments", json_answer(&experiments(&json!([])))).await;
        let mut command = command(&[&["status"], flags].concat());
        command.env("ODDISH_API_URL", "http://elsewhere.test").env("ODDISH_API_KEY", KEY);
        command.env("http_proxy", network.uri());
        let outcome = run(command).await;
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        let requests = network.received_requests().await.unwrap();
        assert_eq!(requests.len(), 1, "{outcome:#?}");
        assert_eq!(requests[0].headers.contains_key("authorization"), is_sent, "{requests:?}");
        let told = "warning: ODDISH_API_KEY is not sent to elsewhere.test over http, where others can read it";
        assert_eq!(outcome.stderr.contains(told), !is_sent, "{outcome:#?}");
    }
}

#[test]
fn an_unreachable_server_is_told_by_every_command() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let outcomes = COMMANDS.map(|arguments| {
        let mut command = command(arguments);
        command.env("ODDISH_API_URL", &url);
        std::thread::spawn(move || Outcome::from(command.output().unwrap()))
    });
    for (outcome, arguments) in outcomes.into_iter().zip(COMMANDS) {
        let outcome = outcome.join().unwrap();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{arguments:?}: {outcome:#?}");
        let told = format!("cannot reach the server at {url}: Connection refused");
        assert!(outcome.stderr.contains(&told) && outcome.stderr.contains("(tried 3 times)"), "{outcome:#?}");
        assert!(outcome.stderr.contains("hint: start it with `oddish-server api`"), "{outcome:#?}");
    }
}

#[tokio::test]
async fn what_only_looks_is_asked_for_again() {
    let server = MockServer::start().await;
    let answers = [
        ResponseTemplate::new(503),
        ResponseTemplate::new(429).insert_header("retry-after", "1"),
        json_answer(&json!([])),
    ];
    on(&server, "GET", "/queues", Script::new(answers)).await;
    let begun = Instant::now();
    let outcome = oddish_at(&server, &["queues", "--json"]).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "[]\n"), "{outcome:#?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
    assert!(begun.elapsed() >= Duration::from_millis(1250), "it did not wait as it was told");
}

#[tokio::test]
async fn the_last_error_says_how_often_it_was_tried() {
    let server = MockServer::start().await;
    on(&server, "GET", "/queues", error_answer(500, &json!("Something went wrong."))).await;
    let outcome = oddish_at(&server, &["queues"]).await;
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
error: cannot list the queue keys: Something went wrong. (tried 4 times)

"#]]
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_server_that_asks_for_more_patience_than_anybody_has_is_left() {
    let server = MockServer::start().await;
    let answer = error_answer(429, &json!("Too many requests.")).insert_header("retry-after", "3600");
    on(&server, "GET", "/queues", answer).await;
    let outcome = oddish_at(&server, &["queues"]).await;
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(outcome.stderr.contains("hint: wait a little, then try again"), "{outcome:#?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_is_made_once_even_if_the_answer_is_lost() {
    for (status, times) in [(502, 1), (429, 4)] {
        let server = MockServer::start().await;
        on(&server, "POST", "/api-keys", ResponseTemplate::new(status)).await;
        let outcome = oddish_at(&server, &["keys", "create", "--name", "ci"]).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
        assert_eq!(server.received_requests().await.unwrap().len(), times, "{status}");
    }
}

/// Takes connections and answers what is read first.
fn port_that_answers(answer: impl Fn(&[u8]) -> &'static [u8] + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut read) = (stream.unwrap(), [0; 4096]);
            let length = stream.read(&mut read).unwrap_or_default();
            let _ = stream.write_all(answer(&read[..length]));
        }
    });
    address.to_string()
}

#[tokio::test]
async fn the_wrong_scheme_is_named() {
    // What a server that speaks TLS says to what it cannot read: a fatal alert.
    let tls = port_that_answers(|_| &[0x15, 3, 3, 0, 2, 2, 40]);
    let http = port_that_answers(|_| b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    // Some say nothing, and close, to who greets them in TLS; here the first byte of a greeting is told from that of a request.
    let curt = port_that_answers(|read| match read {
        [0x16, ..] => b"",
        _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    });
    for (url, told) in [
        (
            format!("https://{curt}"),
            format!("https://{curt} speaks http\nhint: change https:// to http:// in ODDISH_API_URL or --api\n"),
        ),
        (
            format!("http://{tls}"),
            format!("http://{tls} speaks https\nhint: change http:// to https:// in ODDISH_API_URL or --api\n"),
        ),
        (
            format!("https://{http}"),
            format!("https://{http} speaks http\nhint: change https:// to http:// in ODDISH_API_URL or --api\n"),
        ),
    ] {
        let outcome = run(command(&["queues", "--api", &url])).await;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
        assert_eq!(outcome.stderr, format!("error: cannot list the queue keys: {told}"));
    }
}

#[tokio::test]
async fn trials_run_in_docker_unless_something_says_otherwise() {
    let server = accepting_server().await;
    let folder = tasks(&["hello"]);
    let path = folder.path().to_str().unwrap();
    let file = folder.path().join("sweep.yaml");
    std::fs::write(&file, "agents: [{ name: nop }]\nenvironment: modal\nmax_attempts: 3\n").unwrap();
    let file = file.to_str().unwrap();
    for flags in [
        &["-a", "nop"][..],
        &["-a", "nop", "-e", "daytona", "--max-attempts", "2"],
        &["-c", file],
        &["-c", file, "-e", "e2b", "--max-attempts", "1"],
    ] {
        let outcome = oddish_at(&server, &[&["run", path, "-b", "-q"], flags].concat()).await;
        assert_eq!(outcome.code, 0, "{outcome:#?}");
    }
    let found: Vec<_> =
        sweeps(&server).await.iter().map(|sweep| json!([sweep["environment"], sweep["max_attempts"]])).collect();
    assert_eq!(json!(found), json!([["docker", null], ["daytona", 2], ["modal", 3], ["e2b", 1]]));

    // Another machine's server knows best where its trials run.
    let mut command = command(&["run", path, "-a", "nop", "-b", "-q", "--api", "http://elsewhere.test"]);
    command.env("http_proxy", server.uri());
    let outcome = run(command).await;
    assert_eq!(sweeps(&server).await.len(), 5, "{outcome:#?}");
    assert!(sweeps(&server).await[4].get("environment").is_none());
}
