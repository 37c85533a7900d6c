//! ECS as far as a launcher needs it, over HTTP: the real SDK talks to it. What it answers follows AWS's API reference.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oddish_db::Db;
use oddish_dispatcher::{Capacity, EcsLauncher, EcsSettings, Size};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::Barrier;

use crate::queue::closer;

const ACCOUNT: &str = "arn:aws:ecs:us-east-1:123456789012";

/// What the next call of an action is answered in place of what it should be.
pub(crate) type Answer = (u16, Value);

/// The service.
#[derive(Clone)]
pub(crate) struct FakeEcs {
    url: String,
    state: Arc<Mutex<Service>>,
}

#[derive(Default)]
struct Service {
    tasks: HashMap<String, Value>,
    by_client_token: HashMap<String, String>,
    /// What was asked, in order: the action and its parameters.
    requests: Vec<(String, Value)>,
    answers: HashMap<String, VecDeque<Answer>>,
    /// Calls of `RunTask` are answered when so many wait.
    gathering: Option<Arc<Barrier>>,
    /// Consulted for each call of `RunTask`: what goes wrong with it.
    trouble: Option<Box<dyn FnMut() -> Trouble + Send>>,
}

/// What goes wrong with a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trouble {
    /// Nothing.
    None,
    /// It is refused.
    Refused(Answer),
    /// It is done, and the answer is lost.
    Unanswered,
}

pub(crate) fn error(code: &str, message: &str) -> Answer {
    (400, json!({"__type": format!("com.amazonaws.ecs#{code}"), "message": message}))
}

/// The answer to `RunTask` that started nothing.
pub(crate) fn failures(reason: &str) -> Answer {
    (200, json!({"tasks": [], "failures": [{"arn": format!("{ACCOUNT}:container-instance/1"), "reason": reason}]}))
}

impl FakeEcs {
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Mutex::new(Service::default()));
        let app = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, state }
    }

    pub(crate) fn settings() -> EcsSettings {
        EcsSettings {
            cluster: "evaluations".to_owned(),
            task_definition: "runner:3".to_owned(),
            container: "runner".to_owned(),
            subnets: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
            security_groups: vec!["sg-1".to_owned()],
            assign_public_ip: true,
            capacity: Capacity::Spot,
            docker: None,
            owner: "oddish-test".to_owned(),
            launches_per_second: 100,
            pause_after_refusal: Duration::from_secs(5),
            deadline: Duration::from_hours(24),
            endpoint_url: None,
            size: Size { cpu: 512, memory_mb: 1024 },
        }
    }

    pub(crate) fn launcher(&self, db: &Db) -> EcsLauncher {
        self.launcher_with(db, Self::settings())
    }

    pub(crate) fn launcher_with(&self, db: &Db, settings: EcsSettings) -> EcsLauncher {
        let config = aws_sdk_ecs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .endpoint_url(&self.url)
            .build();
        EcsLauncher::with_client(closer(db), settings, Client::from_conf(config))
    }

    fn service(&self) -> std::sync::MutexGuard<'_, Service> {
        self.state.lock().unwrap()
    }

    /// Answers the next call of this action so.
    pub(crate) fn answer_next(&self, action: &str, answer: Answer) {
        self.service().answers.entry(action.to_owned()).or_default().push_back(answer);
    }

    pub(crate) fn trouble(&self, trouble: impl FnMut() -> Trouble + Send + 'static) {
        self.service().trouble = Some(Box::new(trouble));
    }

    /// From now on `RunTask` is answered when so many calls of it wait.
    pub(crate) fn gather(&self, calls: usize) {
        self.service().gathering = Some(Arc::new(Barrier::new(calls)));
    }

    /// The parameters of all calls of this action.
    pub(crate) fn asked(&self, action: &str) -> Vec<Value> {
        let service = self.service();
        service.requests.iter().filter(|(asked, _)| asked == action).map(|(_, request)| request.clone()).collect()
    }

    /// The tasks, however they stand.
    pub(crate) fn tasks(&self) -> Vec<Value> {
        self.service().tasks.values().cloned().collect()
    }

    /// The task of an attempt.
    pub(crate) fn task_of(&self, token: &uuid::Uuid) -> Value {
        let tasks = self.tasks();
        let task = tasks.into_iter().find(|task| variable(task, "ODDISH_ATTEMPT_TOKEN") == token.to_string());
        task.expect("the attempt has a task")
    }

    /// Ends a task, and returns the event that tells of it.
    pub(crate) fn end(&self, task_arn: &str, code: &str, reason: &str, exit_code: Option<i32>) -> Value {
        let mut service = self.service();
        let task = service.tasks.get_mut(task_arn).expect("there is such a task");
        stop(task, code, reason);
        if let Some(exit_code) = exit_code {
            task["containers"][0]["exitCode"] = json!(exit_code);
        }
        json!({"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": task})
    }

    /// Forgets a task, as an hour after its end.
    pub(crate) fn forget(&self, task_arn: &str) {
        self.service().tasks.remove(task_arn).expect("there is such a task");
    }

    /// Changes a task.
    pub(crate) fn change(&self, task_arn: &str, change: impl FnOnce(&mut Value)) {
        change(self.service().tasks.get_mut(task_arn).expect("there is such a task"));
    }
}

/// A variable that a task's container was given.
pub(crate) fn variable(task: &Value, name: &str) -> String {
    let variables = task["overrides"]["containerOverrides"][0]["environment"].as_array().unwrap();
    let variable = variables.iter().find(|variable| variable["name"] == name);
    variable.map_or_else(String::new, |variable| variable["value"].as_str().unwrap().to_owned())
}

async fn answer(State(state): State<Arc<Mutex<Service>>>, headers: HeaderMap, body: String) -> Response {
    let action = headers["x-amz-target"].to_str().unwrap().rsplit_once('.').unwrap().1.to_owned();
    let request: Value = serde_json::from_str(&body).unwrap();
    let gathering = state.lock().unwrap().gathering.clone().filter(|_| action == "RunTask");
    if let Some(gathering) = gathering {
        gathering.wait().await;
    }
    let (status, answer) = state.lock().unwrap().answer(&action, &request);
    let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
    (StatusCode::from_u16(status).unwrap(), kind, answer.to_string()).into_response()
}

impl Service {
    fn answer(&mut self, action: &str, request: &Value) -> Answer {
        self.requests.push((action.to_owned(), request.clone()));
        if let Some(answer) = self.answers.get_mut(action).and_then(VecDeque::pop_front) {
            return answer;
        }
        match action {
            "RunTask" => match self.trouble.as_mut().map_or(Trouble::None, |trouble| trouble()) {
                Trouble::None => self.run_task(request),
                Trouble::Refused(answer) => answer,
                Trouble::Unanswered => {
                    self.run_task(request);
                    (500, json!({"__type": "com.amazonaws.ecs#ServerException", "message": "internal"}))
                }
            },
            "StopTask" => match self.tasks.get_mut(request["task"].as_str().unwrap()) {
                Some(task) => {
                    stop(task, "UserInitiated", request["reason"].as_str().unwrap_or_default());
                    (200, json!({"task": task}))
                }
                None => error("InvalidParameterException", "The referenced task was not found."),
            },
            "DescribeTasks" => {
                let asked: Vec<&str> = request["tasks"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
                assert!(asked.len() <= 100, "ECS describes a hundred tasks at the most");
                let (known, missing): (Vec<&str>, Vec<&str>) =
                    asked.into_iter().partition(|arn| self.tasks.contains_key(*arn));
                let tasks: Vec<&Value> = known.iter().map(|arn| &self.tasks[*arn]).collect();
                let failures: Vec<Value> = missing.iter().map(|arn| json!({"arn": arn, "reason": "MISSING"})).collect();
                (200, json!({"tasks": tasks, "failures": failures}))
            }
            "ListTasks" => {
                assert_eq!(request["desiredStatus"], "RUNNING");
                let running = self
                    .tasks
                    .values()
                    .filter(|task| task["startedBy"] == request["startedBy"] && task["desiredStatus"] == "RUNNING");
                let mut arns: Vec<&str> = running.filter_map(|task| task["taskArn"].as_str()).collect();
                arns.sort_unstable();
                // As it does, a hundred at a time.
                let after = request["nextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0_usize);
                let page: Vec<&str> = arns.iter().skip(after).take(100).copied().collect();
                let next = (after + 100 < arns.len()).then(|| (after + 100).to_string());
                (200, json!({"taskArns": page, "nextToken": next}))
            }
            _ => error("ClientException", "no such action"),
        }
    }

    fn run_task(&mut self, request: &Value) -> Answer {
        let token = request["clientToken"].as_str().unwrap().to_owned();
        if let Some(arn) = self.by_client_token.get(&token) {
            return (200, json!({"tasks": [self.tasks[arn]], "failures": []}));
        }
        let arn = format!("{ACCOUNT}:task/evaluations/{:032x}", self.by_client_token.len() + 1);
        let task = json!({
            "taskArn": arn,
            "clusterArn": format!("{ACCOUNT}:cluster/evaluations"),
            "taskDefinitionArn": format!("{ACCOUNT}:task-definition/{}", request["taskDefinition"].as_str().unwrap()),
            "lastStatus": "PROVISIONING",
            "desiredStatus": "RUNNING",
            "createdAt": OffsetDateTime::now_utc().unix_timestamp(),
            "startedBy": request["startedBy"],
            "capacityProviderName": request["capacityProviderStrategy"][0]["capacityProvider"],
            "cpu": request["overrides"]["cpu"],
            "memory": request["overrides"]["memory"],
            "overrides": request["overrides"],
            "tags": request["tags"],
            "containers": [{"name": "runner", "lastStatus": "PENDING"}],
        });
        self.by_client_token.insert(token, arn.clone());
        self.tasks.insert(arn, task.clone());
        (200, json!({"tasks": [task], "failures": []}))
    }
}

fn stop(task: &mut Value, code: &str, reason: &str) {
    task["lastStatus"] = json!("STOPPED");
    task["desiredStatus"] = json!("STOPPED");
    task["stopCode"] = json!(code);
    task["stoppedReason"] = json!(reason);
}
