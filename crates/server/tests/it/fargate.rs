//! The whole system as it stands on AWS, without AWS: function binaries behind the gateway of `cargo lambda watch`, wakes through SQS and
//! runners as tasks of ECS, both played by moto, files in S3. Here the test is the event source between queue and dispatcher, the bus that
//! tells of stopped tasks, and Fargate: it starts the runner of each task with what the task says.

use std::fs::File;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use oddish_local_bucket::LocalBucket;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::functions;
use crate::moto::Moto;
use crate::stack::{Stack, eventually, hello, program, tasks};

struct Fargate {
    stack: Stack,
    moto: Arc<Moto>,
    gateway: String,
    _bucket: LocalBucket,
    event_source: JoinHandle<()>,
}

impl Drop for Fargate {
    fn drop(&mut self) {
        self.event_source.abort();
    }
}

impl Fargate {
    async fn start() -> Self {
        let mut stack = Stack::new().await;
        let bucket = functions::start_bucket(&mut stack).await;
        let moto = Arc::new(Moto::start(&mut stack).await);
        moto.ecs("CreateCluster", &json!({"clusterName": "evaluations"})).await;
        let container = json!({"name": "runner", "image": "oddish-runner", "memory": 1024});
        let definition = json!({"family": "runner", "containerDefinitions": [container], "networkMode": "awsvpc"});
        moto.ecs("RegisterTaskDefinition", &definition).await;
        let queue =
            moto.sqs("CreateQueue", &json!({"QueueName": "wake"})).await["QueueUrl"].as_str().unwrap().to_owned();
        let subnet = moto.first_of_ec2("DescribeSubnets", "subnetId").await;
        let security_group = moto.first_of_ec2("DescribeSecurityGroups", "groupId").await;
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
            ("ODDISH_RETRY_BACKOFF_BASE", "0"),
            ("ODDISH_SQS_ENDPOINT_URL", &moto.url),
            ("ODDISH_WAKE_QUEUE_URL", &queue),
            ("ODDISH_LAUNCHER", "ecs"),
            ("ODDISH_ECS_ENDPOINT_URL", &moto.url),
            ("ODDISH_ECS_CLUSTER", "evaluations"),
            ("ODDISH_ECS_TASK_DEFINITION", "runner"),
            ("ODDISH_ECS_SUBNETS", &subnet),
            ("ODDISH_ECS_SECURITY_GROUPS", &security_group),
            ("ODDISH_ECS_OWNER", "oddish-test"),
        ] {
            stack.set(name, value);
        }
        let gateway = functions::serve(&mut stack).await;
        stack.reach_by(gateway.clone());
        let event_source = tokio::spawn(deliver(Arc::clone(&moto), queue, gateway.clone()));
        Self { stack, moto, gateway, _bucket: bucket, event_source }
    }

    /// Waits for the task of an attempt. Nothing but a wake can have had it started.
    async fn task_of(&self, trial_id: &str, attempt: &str) -> Value {
        eventually(&format!("a task for attempt {attempt} of {trial_id}"), async || {
            self.tasks().await.into_iter().find(|task| {
                variable(task, "ODDISH_TRIAL_ID") == trial_id && variable(task, "ODDISH_ATTEMPT") == attempt
            })
        })
        .await
    }

    async fn tasks(&self) -> Vec<Value> {
        let running = json!({"cluster": "evaluations"});
        let mut arns = self.moto.ecs("ListTasks", &running).await["taskArns"].as_array().unwrap().clone();
        let stopped = json!({"cluster": "evaluations", "desiredStatus": "STOPPED"});
        arns.extend(self.moto.ecs("ListTasks", &stopped).await["taskArns"].as_array().unwrap().clone());
        if arns.is_empty() {
            return Vec::new();
        }
        let described = json!({"cluster": "evaluations", "tasks": arns, "include": ["TAGS"]});
        self.moto.ecs("DescribeTasks", &described).await["tasks"].as_array().unwrap().clone()
    }

    /// Does what Fargate does with a task: starts the runner with the variables of its definition, which are the stack's settings, and of its
    /// overrides.
    fn start_runner(&mut self, task: &Value, arguments: &[&str]) -> nix::unistd::Pid {
        let log = File::options().create(true).append(true).open(self.stack.log()).unwrap();
        let overrides = task["overrides"]["containerOverrides"][0]["environment"].as_array().unwrap();
        let variables = overrides.iter().map(|variable| (text(&variable["name"]), text(&variable["value"])));
        let mut runner = Command::new(program("oddish-runner"));
        runner.args(arguments).envs(variables).current_dir(self.stack.folder());
        self.stack.spawn(runner.stderr(log))
    }

    /// Invokes a function with an event.
    async fn invoke(&self, function: &str, event: &Value) -> Value {
        invoke(&self.gateway, function, event).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn variable(task: &Value, name: &str) -> String {
    let variables = task["overrides"]["containerOverrides"][0]["environment"].as_array().unwrap();
    variables
        .iter()
        .find(|variable| variable["name"] == name)
        .map_or_else(String::new, |variable| text(&variable["value"]))
}

async fn invoke(gateway: &str, function: &str, event: &Value) -> Value {
    let url = format!("{gateway}/2015-03-31/functions/{function}/invocations");
    let answer = reqwest::Client::new().post(url).json(event).send().await.unwrap();
    let text = answer.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{function} answered {text}: {error}"))
}

/// The event source between the queue and the dispatcher: hands over what is in the queue, and takes out what did not fail.
async fn deliver(moto: Arc<Moto>, queue: String, gateway: String) {
    loop {
        let asked = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1});
        let received = moto.sqs("ReceiveMessage", &asked).await;
        let messages = received["Messages"].as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        let records: Vec<Value> = messages
            .iter()
            .map(|message| {
                json!({
                    "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
                    "eventSource": "aws:sqs", "awsRegion": "us-east-1",
                })
            })
            .collect();
        let answer = invoke(&gateway, "dispatch", &json!({"Records": records})).await;
        assert_eq!(answer, json!({"batchItemFailures": []}));
        for message in &messages {
            let handle = json!({"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]});
            moto.sqs("DeleteMessage", &handle).await;
        }
    }
}

/// From `oddish run` to the reward; a runner whose task stopped; a trial that is cancelled while its task comes up.
#[tokio::test(flavor = "multi_thread")]
async fn trials_run_as_tasks_of_ecs() {
    let mut fargate = Fargate::start().await;

    // Submitted, uploaded by a signed URL, and started because of a message.
    let task_id = fargate.stack.submit(&hello(), &["-a", "oracle"]).remove(0);
    let trial_id = format!("{task_id}-0");
    let task = fargate.task_of(&trial_id, "1").await;
    assert_eq!(task["startedBy"], "oddish-test", "{task}");
    assert_eq!((&task["overrides"]["cpu"], &task["overrides"]["memory"]), (&json!("512"), &json!("1024")), "{task}");
    let tag = |key: &str| {
        let tags = task["tags"].as_array().unwrap();
        tags.iter().find(|tag| tag["key"] == key).map(|tag| text(&tag["value"])).unwrap_or_default()
    };
    assert_eq!((tag("oddish:owner"), tag("oddish:trial")), ("oddish-test".to_owned(), trial_id.clone()));
    assert_eq!(tag("oddish:attempt"), variable(&task, "ODDISH_ATTEMPT_TOKEN"));
    fargate.start_runner(&task, &[]);
    let completed = fargate.stack.completed(&task_id).await;
    assert_eq!(completed["trials"][0]["reward"], json!(1.0), "{completed}");

    // The runner of this one is killed with its task; an event tells, and another attempt is started without a schedule.
    let task_id = fargate.stack.submit(&tasks().join("live"), &["-a", "oracle"]).remove(0);
    let trial_id = format!("{task_id}-0");
    let task = fargate.task_of(&trial_id, "1").await;
    let runner = fargate.start_runner(&task, &[]);
    fargate.stack.stage(&task_id, "agent_running").await;
    nix::sys::signal::killpg(runner, Signal::SIGKILL).or_else(|_| kill(runner, Signal::SIGKILL)).unwrap();
    // On Fargate nothing is left of it; here its containers are.
    fargate.start_runner(&task, &["clean-up"]);
    let mut stopped = task.clone();
    for (name, value) in [
        ("lastStatus", "STOPPED"),
        ("stopCode", "SpotInterruption"),
        ("stoppedReason", "Your Spot Task was interrupted."),
    ] {
        stopped[name] = json!(value);
    }
    let event = json!({"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": stopped});
    assert_eq!(fargate.invoke("reconcile", &event).await, json!({"closed": true}));
    assert_eq!(fargate.invoke("reconcile", &event).await, json!({"closed": false}));
    let again = fargate.task_of(&trial_id, "2").await;
    assert_ne!(again["taskArn"], task["taskArn"]);

    // Cancelled before its container has come up: it ends at once, and its task is stopped.
    fargate.stack.post("/tasks/cancel", &json!({"task_ids": [task_id]})).await;
    eventually("the task to be stopped", async || {
        let tasks = fargate.tasks().await;
        let task = tasks.into_iter().find(|task| task["taskArn"] == again["taskArn"])?;
        (task["desiredStatus"] == "STOPPED").then_some(())
    })
    .await;
    let ended = eventually("the trial to end", async || {
        let trial = fargate.stack.get(&format!("/trials/{trial_id}")).await;
        (trial["status"] == "failed").then_some(trial)
    })
    .await;
    assert_eq!(ended["error_message"], "Cancelled by user", "{ended}");
    assert_eq!(fargate.stack.outcomes(&task_id).await, ["lost", "given_back"]);
}
