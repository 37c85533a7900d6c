//! Clients that are slow, silent or too many, and those that want something meanwhile.

use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use oddish_artifacts::signing::SigningKey;
use oddish_artifacts::{ArtifactStore as _, FolderStore, Key};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::stack::{Stack, eventually, hello};

pub(crate) const SECRET: &str = "32-characters-that-are-no-secret";

/// What a client does to keep a connection.
#[derive(Clone, Copy, Debug)]
enum Slow {
    /// Nothing.
    Idle,
    /// A header, a character at a time.
    Head,
    /// A body whose length is known, a character at a time.
    Body,
    /// A body without an end, a chunk at a time.
    Chunks,
}

const KINDS: [Slow; 4] = [Slow::Idle, Slow::Head, Slow::Body, Slow::Chunks];

impl Slow {
    fn beginning(self) -> &'static str {
        match self {
            Self::Idle => "",
            Self::Head => "GET /health HTTP/1.1\r\nhost: localhost\r\nx-slow: ",
            Self::Body => {
                "POST /tasks/sweep HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{"
            }
            Self::Chunks => {
                "POST /tasks/sweep HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
            }
        }
    }

    fn more(self) -> &'static str {
        match self {
            Self::Idle => "",
            Self::Head => "x",
            Self::Body => " ",
            Self::Chunks => "1\r\n \r\n",
        }
    }

    /// Keeps one connection until it is closed.
    async fn hold(self, address: &str) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(self.beginning().as_bytes()).await?;
        let mut answer = [0; 1024];
        loop {
            match tokio::time::timeout(Duration::from_millis(300), stream.read(&mut answer)).await {
                Ok(Ok(0)) => return Ok(()),
                Ok(read) => drop(read?),
                Err(_) => stream.write_all(self.more().as_bytes()).await?,
            }
        }
    }
}

fn address(stack: &Stack) -> String {
    stack.url().trim_start_matches("http://").to_owned()
}

/// As many connections as there may be.
fn raise_own_limit() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(65_536), hard).unwrap();
}

/// The tasks hold connections, and open another when one is closed, until they are dropped.
fn attack(stack: &Stack, connections: usize) -> JoinSet<()> {
    raise_own_limit();
    let mut attackers = JoinSet::new();
    for number in 0..connections {
        let (kind, address) = (KINDS[number % KINDS.len()], address(stack));
        attackers.spawn(async move {
            tokio::time::sleep(Duration::from_millis(3 * number as u64)).await;
            loop {
                // Whether it is closed or reset makes no difference.
                let _ = kind.hold(&address).await;
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        });
    }
    attackers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_slow_clients_stop_neither_others_nor_trials() {
    let mut stack = Stack::new().await;
    stack.limit_open_files(256);
    stack.start_api(&[]).await;
    let attackers = attack(&stack, 1000);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let client = || reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
    let mut first_tries = 0;
    for _ in 0..30 {
        // A client that comes in the middle of a crowd may have to come again.
        let mut tries = 0;
        eventually("an answer", async || {
            tries += 1;
            let answer = client().get(format!("{}/health", stack.url())).send().await.ok()?;
            (answer.status() == 200).then_some(())
        })
        .await;
        first_tries += usize::from(tries == 1);
    }
    assert!(first_tries >= 24, "only {first_tries} of 30 were answered at once");
    let submitted = eventually("the task to be taken", async || {
        let output = stack.oddish(&["run", hello().to_str().unwrap(), "--json", "--background", "-a", "oracle"]);
        output.status.success().then_some(output)
    })
    .await;
    let submitted: serde_json::Value = serde_json::from_slice(&submitted.stdout).unwrap();
    let task_id = submitted["tasks"][0]["id"].as_str().unwrap();
    let outcomes = eventually("the trial to end", async || {
        let outcomes = stack.outcomes(task_id).await;
        outcomes.iter().any(|outcome| outcome != "open").then_some(outcomes)
    })
    .await;
    assert_eq!(outcomes, ["recorded"], "the first attempt was the only one");
    let status: String = sqlx::query_scalar("select status from oddish.trials").fetch_one(&stack.db).await.unwrap();
    assert_eq!(status, "success");
    let log = stack.logged();
    assert!(!log.contains("Too many open files") && !log.contains("pass failed"), "{log}");
    assert_eq!(attackers.len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_keep_it_waiting_are_disconnected() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_HEADER_TIMEOUT_SEC", "1");
    stack.set("ODDISH_STALL_TIMEOUT_SEC", "1");
    stack.start_api(&["--no-workers"]).await;
    let address = address(&stack);
    let kept = KINDS.map(|kind| {
        let address = address.clone();
        tokio::spawn(async move {
            let held = tokio::time::timeout(Duration::from_secs(20), kind.hold(&address)).await;
            assert!(held.is_ok(), "{kind:?} is still connected");
        })
    });
    for held in kept {
        held.await.unwrap();
    }
    assert_eq!(stack.status("/health", None).await, 200);
}

fn signing(stack: &Stack) -> FolderStore {
    let key = SigningKey::from_secret(SECRET.as_bytes());
    FolderStore::open(stack.storage()).unwrap().with_signing(key, stack.url())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_upload_that_moves_on_is_taken_and_a_reader_that_stops_is_not_waited_for() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_SECRET_KEY", SECRET);
    stack.set("ODDISH_HEADER_TIMEOUT_SEC", "1");
    stack.set("ODDISH_STALL_TIMEOUT_SEC", "1");
    stack.start_api(&["--no-workers"]).await;
    let (store, key) = (signing(&stack), Key::parse("uploads/slow").unwrap());

    let url = store.presign_put(&key, Duration::from_mins(5), Some(12 * 20_000)).await.unwrap().url;
    let pieces = futures_util::stream::unfold(0, |piece| async move {
        tokio::time::sleep(Duration::from_millis(400)).await;
        (piece < 12).then(|| (Ok::<_, std::io::Error>(vec![b'x'; 20_000]), piece + 1))
    });
    let (path, authority) = (url.strip_prefix(stack.url()).unwrap().to_owned(), address(&stack));
    let mut stream = TcpStream::connect(&authority).await.unwrap();
    let head =
        format!("PUT {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: 240000\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut pieces = std::pin::pin!(pieces);
    while let Some(piece) = futures_util::StreamExt::next(&mut pieces).await {
        stream.write_all(&piece.unwrap()).await.unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(store.head(&key).await.unwrap().unwrap().size, 240_000);

    let large = stack.storage().join("large");
    std::fs::File::create(&large).unwrap().set_len(200 << 20).unwrap();
    let url = store.presign_get(&Key::parse("large").unwrap(), Duration::from_mins(5)).await.unwrap().url;
    let path = url.strip_prefix(stack.url()).unwrap();
    let mut stream = TcpStream::connect(&authority).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n\r\n").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 20];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        bytes += read;
    }
    assert!(bytes < 100 << 20, "the whole file was sent to who had stopped reading: {bytes}");
}

/// A request that the server works on for so many seconds.
fn long_request(stack: &Stack, trial_id: &str, seconds: u64) -> tokio::task::JoinHandle<u16> {
    let url = format!("{}/trials/{trial_id}/logs?offset=0&wait={seconds}", stack.url());
    tokio::spawn(async move {
        // Another client may be faster to take the place.
        loop {
            match reqwest::get(&url).await {
                Ok(answer) if answer.status() != 503 => return answer.status().as_u16(),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_places_are_needed_a_further_client_is_told_so() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_MAX_CONNECTIONS", "2");
    stack.start_api(&["--no-workers"]).await;
    let task_id = stack.submit(&hello(), &["-a", "oracle"]).remove(0);
    let trial_id = format!("{task_id}-0");
    let working = [long_request(&stack, &trial_id, 15), long_request(&stack, &trial_id, 15)];
    let refused = eventually("a refusal", async || {
        let answer = reqwest::get(format!("{}/health", stack.url())).await.unwrap();
        (answer.status() == 503).then_some(answer)
    })
    .await;
    assert_eq!(refused.headers()["retry-after"], "1");
    let detail: serde_json::Value = refused.json().await.unwrap();
    assert!(detail["detail"].as_str().unwrap().contains("Try again"), "{detail}");
    for request in working {
        assert_eq!(request.await.unwrap(), 200, "those that were there are answered");
    }
    assert_eq!(stack.status("/health", None).await, 200);
    assert!(stack.logged().contains("ODDISH_MAX_CONNECTIONS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_answers_what_it_was_asked() {
    let mut stack = Stack::new().await;
    let server = stack.start_api(&["--no-workers"]).await;
    let task_id = stack.submit(&hello(), &["-a", "oracle"]).remove(0);
    let working = long_request(&stack, &format!("{task_id}-0"), 4);
    let idle = TcpStream::connect(address(&stack)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    stack.terminate(server);
    assert!(begun.elapsed() < Duration::from_secs(15), "who asks nothing is not waited for");
    assert_eq!(working.await.unwrap(), 200);
    drop(idle);
}

#[tokio::test]
async fn too_few_open_files_are_told_at_the_start() {
    let mut stack = Stack::new().await;
    stack.limit_open_files(150);
    stack.start(&["api", "--port", "0"]);
    let said = eventually("the refusal", async || {
        let log = stack.logged();
        log.contains("error: ").then_some(log)
    })
    .await;
    assert!(said.contains("may open 150 files") && said.contains("ulimit"), "{said}");
}
