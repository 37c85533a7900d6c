//! The functions as Lambda runs them: prebuilt binaries that ask for their events, behind the gateway of `cargo lambda watch`, with files
//! in S3 and a dispatcher that events invoke. From `oddish run` to the reward, nothing of `oddish-server` takes part.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use oddish_functions::lambda::dispatch::Dispatched;
use oddish_local_bucket::{Access, LocalBucket};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::stack::{Stack, eventually, hello, program};
use crate::stage::Stage;

/// How often the dispatcher is invoked, which a schedule and a queue of wake-ups do on AWS.
const TICK: Duration = Duration::from_millis(200);

/// All functions of the system, running.
struct Functions {
    stack: Stack,
    /// The gateway of `cargo lambda watch`, which knows no stages.
    gateway: String,
    bucket: LocalBucket,
    ticker: JoinHandle<()>,
}

impl Functions {
    async fn start() -> Self {
        let mut stack = Stack::new().await;
        let bucket = start_bucket(&mut stack).await;
        let gateway = serve(&mut stack).await;
        let ticker = tokio::spawn(tick(gateway.clone()));
        Self { stack, gateway, bucket, ticker }
    }

    /// Runs the example task through the API at `api` to its reward, and looks at what it left.
    async fn run_hello(&mut self, api: String) {
        self.stack.reach_by(api);
        let output = self.stack.oddish(&["run", hello().to_str().unwrap(), "-a", "oracle"]);
        assert!(output.status.success(), "{output:?}\n{}", self.stack.logged());
        let tasks = self.stack.get("/tasks").await;
        let task_id = tasks[0]["id"].as_str().unwrap();
        let task = self.stack.get(&format!("/tasks/{task_id}")).await;
        assert_eq!((&task["status"], &task["trials"][0]["reward"]), (&json!("completed"), &json!(1.0)), "{task}");
        let logs = self.stack.get(&format!("/trials/{task_id}-0/logs")).await;
        assert!(logs["logs"].as_str().unwrap().contains("PASS"), "{logs}");
        let puts: Vec<String> = self.bucket.requests().into_iter().filter(|line| line.starts_with("PUT ")).collect();
        let signed = puts.iter().filter(|line| line.contains("/staging/") && line.contains("X-Amz-Signature=")).count();
        assert_eq!(signed, 1, "the archive goes to the bucket by a signed URL: {puts:?}");
        assert!(puts.iter().any(|line| line.contains("/attempt-1/")), "{puts:?}");
    }
}

impl Drop for Functions {
    fn drop(&mut self) {
        self.ticker.abort();
    }
}

/// Starts the gateway and the functions, with the settings of the stack. Returns the gateway's URL.
pub(crate) async fn serve(stack: &mut Stack) -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gateway = format!("http://127.0.0.1:{port}");
    let log = File::options().create(true).append(true).open(stack.log()).unwrap();
    let cargo_lambda = std::env::var_os("CARGO_LAMBDA").expect("run this with `cargo xtask test`, which installs it");
    let mut watch = Command::new(cargo_lambda);
    watch.args(["lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1"]);
    watch.args(["--invoke-port", &port.to_string()]);
    // There the gateway finds its table of routes.
    watch.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    stack.spawn(watch.stdout(log.try_clone().unwrap()).stderr(log.try_clone().unwrap()));
    eventually("the gateway to listen", async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()).await;

    // The gateway gives every path to `api`, which serves all endpoints where no handler is named.
    for function in ["api", "dispatch", "reconcile"] {
        let mut command = Command::new(program(function));
        command
            .env("AWS_LAMBDA_RUNTIME_API", format!("{gateway}/.rt/{function}"))
            .env("AWS_LAMBDA_FUNCTION_NAME", function)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .current_dir(stack.folder());
        stack.spawn(command.stdout(log.try_clone().unwrap()));
    }
    gateway
}

/// A bucket that the stack keeps its files in.
pub(crate) async fn start_bucket(stack: &mut Stack) -> LocalBucket {
    let [bucket, access_key, secret_key] = ["artifacts", "access", "a-secret-of-the-tests"].map(str::to_owned);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let access = Access { bucket, access_key, secret_key };
    let bucket = LocalBucket::start(stack.folder(), listener, &access).await.unwrap();
    stack.set("ODDISH_S3_ENABLED", "true");
    stack.set("ODDISH_S3_BUCKET", &access.bucket);
    stack.set("ODDISH_S3_ACCESS_KEY", &access.access_key);
    stack.set("ODDISH_S3_SECRET_KEY", &access.secret_key);
    stack.set("ODDISH_S3_ENDPOINT_URL", &bucket.endpoint_url);
    bucket
}

/// Invokes the dispatcher for ever, one event after the other.
async fn tick(gateway: String) {
    let client = reqwest::Client::new();
    loop {
        let event = json!({"source": "aws.events"});
        let answer =
            client.post(format!("{gateway}/2015-03-31/functions/dispatch/invocations")).json(&event).send().await;
        if let Ok(answer) = answer {
            let body = answer.text().await.unwrap_or_default();
            assert!(serde_json::from_str::<Dispatched>(&body).is_ok(), "the dispatcher answered {body}");
        }
        tokio::time::sleep(TICK).await;
    }
}

// The bucket and the ticker live in this process, beside the command line that is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_trial_runs_through_the_functions() {
    let mut functions = Functions::start().await;
    let gateway = functions.gateway.clone();
    functions.run_hello(gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_runs_through_the_functions_of_a_named_stage() {
    let mut functions = Functions::start().await;
    let stage = Stage::start("prod", &functions.gateway).await;
    functions.run_hello(stage.url.clone()).await;
    assert!(stage.events() > 0);
}

/// A model that no trial of this file runs.
const KEY: &str = "anthropic/unused";

/// The gateway hands one request after another to the one process of a function.
#[tokio::test(flavor = "multi_thread")]
async fn sixteen_uploads_at_once_finish_behind_one_function() {
    let mut functions = Functions::start().await;
    functions.stack.reach_by(functions.gateway.clone());
    let folders = tempfile::tempdir().unwrap();
    let tasks: Vec<_> = (0..16).map(|number| folders.path().join(format!("task-{number}"))).collect();
    for task in &tasks {
        let copied = Command::new("cp").arg("-r").arg(hello()).arg(task).status().unwrap();
        assert!(copied.success());
    }
    // None of their trials begins.
    let limit = reqwest::Client::new().patch(format!("{}/queues/{KEY}", functions.gateway));
    assert!(limit.json(&json!({"concurrency_limit": 0})).send().await.unwrap().status().is_success());
    let stack = &functions.stack;
    std::thread::scope(|scope| {
        let submitted: Vec<_> = tasks
            .iter()
            .map(|task| scope.spawn(move || stack.submit(task, &["-a", "claude-code", "-m", KEY])))
            .collect();
        for one in submitted {
            assert_eq!(one.join().unwrap().len(), 1);
        }
    });
    assert_eq!(functions.stack.get("/tasks").await.as_array().unwrap().len(), 16);
}
