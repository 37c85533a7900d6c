//! Runners as tasks of ECS, against a service that answers as AWS's reference says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oddish_db::jobs::{LiveAttempt, ProcessIdentity};
use oddish_db::queue::Claim;
use oddish_db::{AttemptRef, Db};
use oddish_dispatcher::{Capacity, Dispatcher, DockerMachines, EcsSettings, LaunchError, Launcher, TaskStateChange};
use oddish_test_support::with_database;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::fake_ecs::{Answer, FakeEcs, error, failures, variable};
use crate::queue::{PATIENCE, Queue, closer};

fn process() -> ProcessIdentity {
    ProcessIdentity { host: "ip-10-0-0-1".to_owned(), pid: 1, started_at: OffsetDateTime::now_utc() }
}

/// A queue with one trial, and ECS.
async fn one(db: Db) -> (Queue, FakeEcs) {
    let queue = Queue::with_limit(db, 1).await;
    queue.submit(1, 6).await;
    (queue, FakeEcs::start().await)
}

async fn note(queue: &Queue, event: &Value) -> bool {
    let change: TaskStateChange = serde_json::from_value(event["detail"].clone()).unwrap();
    assert!(change.is_end_of("oddish-test"), "{event}");
    change.note(&closer(&queue.db)).await.unwrap()
}

#[with_database]
async fn a_task_is_told_its_attempt_and_nothing_else(db: Db) {
    let (queue, ecs) = one(db).await;
    let claim = queue.claim().await;
    let before = OffsetDateTime::now_utc().unix_timestamp();
    ecs.launcher(&queue.db).launch(&claim).await.unwrap();
    let mut request = ecs.asked("RunTask").remove(0);
    let deadline: i64 = request["tags"][3]["value"].take().as_str().unwrap().parse().unwrap();
    assert!((before + 86_400..before + 86_460).contains(&deadline), "{deadline}");
    let token = claim.attempt.token.to_string();
    assert_eq!(
        request,
        json!({
            "cluster": "evaluations",
            "taskDefinition": "runner:3",
            "count": 1,
            "clientToken": token,
            "startedBy": "oddish-test",
            "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}],
            "networkConfiguration": {"awsvpcConfiguration": {
                "subnets": ["subnet-1", "subnet-2"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED",
            }},
            "overrides": {
                "cpu": "512",
                "memory": "1024",
                "containerOverrides": [{"name": "runner", "environment": [
                    {"name": "ODDISH_TRIAL_ID", "value": "some-task-0"},
                    {"name": "ODDISH_ATTEMPT", "value": "1"},
                    {"name": "ODDISH_ATTEMPT_TOKEN", "value": token},
                ]}],
            },
            "tags": [
                {"key": "oddish:owner", "value": "oddish-test"},
                {"key": "oddish:attempt", "value": token},
                {"key": "oddish:trial", "value": "some-task-0"},
                {"key": "oddish:deadline", "value": null},
            ],
        })
    );
    let noted: (String, String, i32) = sqlx::query_as("select task_arn, capacity, memory_mb from oddish.runner_tasks")
        .fetch_one(&queue.db)
        .await
        .unwrap();
    let arn = ecs.task_of(&claim.attempt.token)["taskArn"].as_str().unwrap().to_owned();
    assert_eq!(noted, (arn, "spot".to_owned(), 1024));
}

/// As when the answer to the first call was lost.
#[with_database]
async fn an_attempt_that_is_launched_twice_has_one_task(db: Db) {
    let (queue, ecs) = one(db).await;
    let (claim, launcher) = (queue.claim().await, ecs.launcher(&queue.db));
    launcher.launch(&claim).await.unwrap();
    launcher.launch(&claim).await.unwrap();
    assert_eq!((ecs.asked("RunTask").len(), ecs.tasks().len()), (2, 1));
}

#[with_database]
async fn what_passes_gives_the_claim_back_and_what_does_not_fails_the_trial(db: Db) {
    let (queue, ecs) = one(db).await;
    let claim = queue.claim().await;
    let busy: &[Answer] = &[
        error("ThrottlingException", "Rate exceeded"),
        error("InvalidParameterException", "Request was throttled: Too many concurrent attempts to launch tasks."),
        error("ClientException", "You've reached the limit on the number of tasks that you can run concurrently"),
        error("BlockedException", "Your account is currently blocked"),
        error("ExpiredTokenException", "The security token included in the request is expired"),
        (500, json!({"__type": "ServerException", "message": "Service Unavailable. Please try again later."})),
        (503, json!({})),
        failures("Capacity is unavailable at this time. Please try again later or in a different availability zone"),
        failures("RESOURCE:MEMORY"),
        failures("RESOURCE:ENI"),
        failures("AGENT"),
        (200, json!({"tasks": [], "failures": []})),
    ];
    let never: &[Answer] = &[
        error("ClientException", "TaskDefinition is inactive"),
        error("ClientException", "Unable to find task definition runner:3"),
        error("InvalidParameterException", "No Fargate configuration exists for given values: 512 CPU, 900 memory."),
        error("ClusterNotFoundException", "Cluster not found."),
        error("AccessDeniedException", "User is not authorized to perform: iam:PassRole"),
        error("PlatformUnknownException", "The specified platform does not exist."),
        error("UnsupportedFeatureException", "The specified task is not supported in this Region."),
        failures("ATTRIBUTE"),
        failures("MISSING"),
    ];
    for (answers, passes) in [(busy, true), (never, false)] {
        for answer in answers {
            ecs.answer_next("RunTask", answer.clone());
            // A new one, since a launcher asks for nothing for a while after it was refused.
            let launcher = ecs.launcher(&queue.db);
            let refused = launcher.launch(&claim).await.unwrap_err();
            assert_eq!(matches!(refused, LaunchError::Busy { .. }), passes, "{answer:?}: {refused}");
            let said = answer.1["message"].as_str().or(answer.1["failures"][0]["reason"].as_str()).unwrap_or_default();
            assert!(refused.to_string().contains(said), "{refused}");
            assert_eq!(launcher.room() == 0, passes, "it asks for no more for a while");
        }
    }
    let noted: i64 = sqlx::query_scalar("select count(*) from oddish.runner_tasks").fetch_one(&queue.db).await.unwrap();
    assert_eq!((noted, ecs.tasks().len()), (0, 0));
}

#[with_database]
async fn after_a_refusal_nothing_is_asked_for_a_while(db: Db) {
    let (queue, ecs) = one(db).await;
    let claim = queue.claim().await;
    let settings = EcsSettings { pause_after_refusal: Duration::from_millis(200), ..FakeEcs::settings() };
    let launcher = ecs.launcher_with(&queue.db, settings);
    ecs.answer_next("RunTask", failures("RESOURCE:CPU"));
    launcher.launch(&claim).await.unwrap_err();
    assert!(matches!(launcher.launch(&claim).await, Err(LaunchError::Busy { .. })));
    assert_eq!(ecs.asked("RunTask").len(), 1);
    tokio::time::sleep(Duration::from_millis(250)).await;
    launcher.launch(&claim).await.unwrap();
    assert_eq!(launcher.room(), 200, "what can be started in two seconds");
}

/// None of eight calls is answered before all have been made.
#[with_database]
async fn launches_wait_for_ecs_side_by_side(db: Db) {
    let queue = Queue::with_limit(db, 8).await;
    queue.submit(8, 1).await;
    let ecs = FakeEcs::start().await;
    ecs.gather(8);
    let dispatcher = Dispatcher::new(closer(&queue.db), Arc::new(ecs.launcher(&queue.db)));
    let dispatched = tokio::time::timeout(PATIENCE, dispatcher.dispatch(Instant::now() + PATIENCE)).await;
    assert_eq!(dispatched.expect("eight calls at once").unwrap().launched.len(), 8);
    assert_eq!(ecs.tasks().len(), 8);
}

/// Two are claimed, and one launch a second is allowed: when the second's turn comes, the first was refused.
#[with_database]
async fn a_refusal_is_heard_by_those_that_wait_for_their_turn(db: Db) {
    let queue = Queue::with_limit(db, 2).await;
    queue.submit(2, 1).await;
    let ecs = FakeEcs::start().await;
    let settings = EcsSettings { launches_per_second: 1, ..FakeEcs::settings() };
    ecs.answer_next("RunTask", error("ThrottlingException", "Rate exceeded"));
    let dispatcher = Dispatcher::new(closer(&queue.db), Arc::new(ecs.launcher_with(&queue.db, settings)));
    let dispatched = dispatcher.dispatch(Instant::now() + PATIENCE).await.unwrap();
    assert_eq!((dispatched.claimed, dispatched.refused), (2, [("busy", 2)].into()));
    assert_eq!(ecs.asked("RunTask").len(), 1);
    assert_eq!(queue.outcomes().await, ["given_back", "given_back"]);
}

/// Launches the trial's next attempt, has it begin, and ends its task so.
async fn ended(queue: &Queue, ecs: &FakeEcs, begin: bool, code: &str, reason: &str) -> Value {
    queue.change("update oddish.jobs set state = 'ready' where state = 'waiting'").await;
    let claim = queue.claim().await;
    ecs.launcher(&queue.db).launch(&claim).await.unwrap();
    if begin {
        queue.begin(&claim, &process()).await;
    }
    let task = ecs.task_of(&claim.attempt.token);
    let event = ecs.end(task["taskArn"].as_str().unwrap(), code, reason, None);
    assert!(note(queue, &event).await);
    assert!(!note(queue, &event).await, "an event that comes twice does nothing the second time");
    task
}

#[with_database]
async fn a_trial_that_spot_interrupted_twice_goes_on_on_demand(db: Db) {
    let (queue, ecs) = one(db).await;
    let mut providers = Vec::new();
    for _ in 0..3 {
        let task = ended(&queue, &ecs, true, "SpotInterruption", "Your Spot Task was interrupted.").await;
        providers.push(task["capacityProviderName"].as_str().unwrap().to_owned());
    }
    assert_eq!(providers, ["FARGATE_SPOT", "FARGATE_SPOT", "FARGATE"]);
    assert_eq!(queue.outcomes().await, ["lost", "lost", "lost"]);
    assert!(queue.trials().await[0].2.as_ref().unwrap().contains("SpotInterruption: Your Spot Task was interrupted."));
}

#[with_database]
async fn what_ran_out_of_memory_gets_twice_as_much(db: Db) {
    let (queue, ecs) = one(db).await;
    let out = "OutOfMemoryError: Container killed due to memory usage";
    let mut sizes = Vec::new();
    for _ in 0..4 {
        let task = ended(&queue, &ecs, true, "EssentialContainerExited", out).await;
        sizes.push((task["cpu"].as_str().unwrap().to_owned(), task["memory"].as_str().unwrap().to_owned()));
    }
    let sizes: Vec<(&str, &str)> = sizes.iter().map(|(cpu, memory)| (cpu.as_str(), memory.as_str())).collect();
    assert_eq!(sizes, [("512", "1024"), ("512", "2048"), ("512", "4096"), ("1024", "8192")]);
}

#[with_database]
async fn trials_that_need_docker_go_where_it_is(db: Db) {
    let queue = Queue::with_limit(db, 2).await;
    queue.submit(2, 1).await;
    queue.change("update oddish.trials set environment = 'daytona' where trial_index = 1").await;
    let ecs = FakeEcs::start().await;
    let machines = DockerMachines { provider: "machines".to_owned(), task_definition: "docker-runner".to_owned() };
    let settings = EcsSettings { docker: Some(machines), capacity: Capacity::OnDemand, ..FakeEcs::settings() };
    let launcher = ecs.launcher_with(&queue.db, settings);
    for _ in 0..2 {
        launcher.launch(&queue.claim().await).await.unwrap();
    }
    let mut places: Vec<[String; 4]> = ecs
        .asked("RunTask")
        .iter()
        .map(|request| {
            let public = &request["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"];
            let provider = &request["capacityProviderStrategy"][0]["capacityProvider"];
            let trial = variable(request, "ODDISH_TRIAL_ID");
            [trial, provider.to_string(), request["taskDefinition"].to_string(), public.to_string()]
        })
        .collect();
    places.sort();
    assert_eq!(
        places,
        [
            ["some-task-0", "\"machines\"", "\"docker-runner\"", "\"DISABLED\""].map(str::to_owned),
            ["some-task-1", "\"FARGATE\"", "\"runner:3\"", "\"ENABLED\""].map(str::to_owned),
        ]
    );
}

/// A broken image would be started for ever otherwise.
#[with_database]
async fn five_starts_in_vain_are_enough(db: Db) {
    let (queue, ecs) = one(db).await;
    for _ in 0..5 {
        ended(&queue, &ecs, false, "TaskFailedToStart", "CannotPullContainerError: no such image").await;
    }
    assert_eq!(queue.outcomes().await, vec!["given_back"; 5]);
    assert_eq!(queue.trials().await[0].1, 0, "a start in vain costs no attempt");
    let refused = ecs.launcher(&queue.db).launch(&queue.claim().await).await.unwrap_err();
    assert!(matches!(refused, LaunchError::Never { .. }), "{refused}");
    assert!(
        refused.to_string().contains("started 5 times") && refused.to_string().contains("no such image"),
        "{refused}"
    );
    // Whoever has it run again has mended that.
    queue.change("update oddish.trials set retried_after = 5").await;
    let claim = claimed(&queue).await;
    let attempt = AttemptRef { number: 7, token: uuid::Uuid::new_v4(), ..claim.attempt.clone() };
    ecs.launcher(&queue.db).launch(&Claim { attempt, ..claim }).await.unwrap();
}

async fn claimed(queue: &Queue) -> Claim {
    let (subject, number, token) =
        sqlx::query_as("select trial_id, attempt, token from oddish.jobs where state = 'claimed'")
            .fetch_one(&queue.db)
            .await
            .unwrap();
    let attempt = AttemptRef { kind: oddish_domain::status::JobKind::Trial, subject, number, token };
    Claim { attempt, queue_key: "a/model".to_owned() }
}

/// Other deployments run in the same cluster, and events tell of more than ends.
#[with_database]
async fn only_ends_of_its_own_tasks_count(db: Db) {
    let (queue, ecs) = one(db).await;
    let claim = queue.claim().await;
    ecs.launcher(&queue.db).launch(&claim).await.unwrap();
    let task = ecs.task_of(&claim.attempt.token);
    let running: TaskStateChange = serde_json::from_value(task.clone()).unwrap();
    assert!(!running.is_end_of("oddish-test"));
    let event = ecs.end(task["taskArn"].as_str().unwrap(), "UserInitiated", "by hand", None);
    let ended: TaskStateChange = serde_json::from_value(event["detail"].clone()).unwrap();
    assert!(!ended.is_end_of("oddish-other") && ended.is_end_of("oddish-test"));
}

/// The dispatcher died between the start and its note.
#[with_database]
async fn the_end_of_a_task_that_nobody_noted_is_known_by_its_token(db: Db) {
    let (queue, ecs) = one(db).await;
    let claim = queue.claim().await;
    ecs.launcher(&queue.db).launch(&claim).await.unwrap();
    queue.change("delete from oddish.runner_tasks").await;
    queue.begin(&claim, &process()).await;
    let task = ecs.task_of(&claim.attempt.token);
    let event = ecs.end(
        task["taskArn"].as_str().unwrap(),
        "EssentialContainerExited",
        "Essential container in task exited",
        Some(137),
    );
    assert!(note(&queue, &event).await);
    assert_eq!(queue.outcomes().await, ["lost"]);
    assert!(queue.trials().await[0].2.as_ref().unwrap().contains("runner ended with exit code 137"));
}

/// What no event told: the sweep finds out, in more pages than one.
#[with_database]
async fn a_sweep_finds_what_no_event_told(db: Db) {
    let queue = Queue::with_limit(db, 300).await;
    queue.submit(254, 6).await;
    let ecs = FakeEcs::start().await;
    let launcher = ecs.launcher(&queue.db);
    let mut claims = Vec::new();
    for _ in 0..254 {
        let claim = queue.claim().await;
        launcher.launch(&claim).await.unwrap();
        claims.push(claim);
    }
    let arn = |claim: &Claim| ecs.task_of(&claim.attempt.token)["taskArn"].as_str().unwrap().to_owned();
    let [begun, waiting, forgotten, unknown] = [0, 1, 2, 3].map(|place: usize| claims[place].clone());
    queue.begin(&begun, &process()).await;
    queue.begin(&forgotten, &process()).await;
    ecs.end(&arn(&begun), "EssentialContainerExited", "it crashed", Some(1));
    ecs.end(&arn(&waiting), "TaskFailedToStart", "no room", None);
    ecs.forget(&arn(&forgotten));
    sqlx::query("delete from oddish.runner_tasks where token = $1")
        .bind(unknown.attempt.token)
        .execute(&queue.db)
        .await
        .unwrap();
    launcher.sweep().await.unwrap();
    let outcome = async |claim: &Claim| {
        let sql = "select outcome, error from oddish.attempts where token = $1";
        sqlx::query_as::<_, (Option<String>, Option<String>)>(sql)
            .bind(claim.attempt.token)
            .fetch_one(&queue.db)
            .await
            .unwrap()
    };
    let (lost, said) = outcome(&begun).await;
    assert_eq!(lost.as_deref(), Some("lost"));
    assert!(said.unwrap().contains("EssentialContainerExited: it crashed; runner ended with exit code 1"));
    assert_eq!(outcome(&waiting).await.0.as_deref(), Some("given_back"));
    assert_eq!(outcome(&forgotten).await.0.as_deref(), Some("lost"));
    assert_eq!(outcome(&unknown).await.0, None);
    let adopted: String = sqlx::query_scalar("select task_arn from oddish.runner_tasks where token = $1")
        .bind(unknown.attempt.token)
        .fetch_one(&queue.db)
        .await
        .unwrap();
    assert_eq!(adopted, arn(&unknown));
    assert_eq!(ecs.asked("StopTask").len(), 0, "whatever works is left to it");
}

#[with_database]
async fn a_sweep_stops_strangers_and_what_is_past_its_time(db: Db) {
    let queue = Queue::with_limit(db, 3).await;
    queue.submit(3, 6).await;
    let ecs = FakeEcs::start().await;
    let launcher = ecs.launcher(&queue.db);
    let mut arns = Vec::new();
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let claim = queue.claim().await;
        launcher.launch(&claim).await.unwrap();
        arns.push(ecs.task_of(&claim.attempt.token)["taskArn"].as_str().unwrap().to_owned());
        tokens.push(claim.attempt.token);
    }
    let hour_ago = OffsetDateTime::now_utc().unix_timestamp() - 3600;
    // The first has run out of time, the others are known to nobody, and one of these is too new to be sure.
    ecs.change(&arns[0], |task| task["tags"][3]["value"] = json!(hour_ago.to_string()));
    ecs.change(&arns[1], |task| task["createdAt"] = json!(hour_ago));
    queue.change("delete from oddish.runner_tasks where attempt = 1 and task_arn not like '%00001'").await;
    queue.change("delete from oddish.jobs where trial_id <> 'some-task-0'").await;
    launcher.sweep().await.unwrap();
    let mut stopped: Vec<String> =
        ecs.asked("StopTask").iter().map(|request| request["task"].as_str().unwrap().to_owned()).collect();
    stopped.sort();
    assert_eq!(stopped, [arns[0].clone(), arns[1].clone()]);
}

/// ECS lists and describes a hundred tasks at a time.
#[with_database]
async fn a_sweep_looks_at_every_page_of_tasks(db: Db) {
    const TASKS: usize = 201;
    let queue = Queue::with_limit(db, 201).await;
    queue.submit(201, 1).await;
    let ecs = FakeEcs::start().await;
    let launcher =
        Arc::new(ecs.launcher_with(&queue.db, EcsSettings { launches_per_second: 1000, ..FakeEcs::settings() }));
    let dispatcher = Dispatcher::new(closer(&queue.db), Arc::clone(&launcher) as Arc<dyn Launcher>);
    let dispatched = dispatcher.dispatch(Instant::now() + PATIENCE).await.unwrap();
    assert_eq!(dispatched.launched.len(), TASKS);
    let hour_ago = OffsetDateTime::now_utc().unix_timestamp() - 3600;
    for task in ecs.tasks() {
        ecs.change(task["taskArn"].as_str().unwrap(), |task| task["createdAt"] = json!(hour_ago));
    }
    queue.change("delete from oddish.runner_tasks").await;
    queue.change("delete from oddish.jobs").await;
    launcher.sweep().await.unwrap();
    assert_eq!(ecs.asked("StopTask").len(), TASKS);
}

/// A trial that is cancelled before its container has come up ends at once, and does not come up.
#[with_database]
async fn a_cancelled_claim_ends_and_its_task_is_stopped(db: Db) {
    let (queue, ecs) = one(db).await;
    let (claim, launcher) = (queue.claim().await, ecs.launcher(&queue.db));
    launcher.launch(&claim).await.unwrap();
    launcher.reconcile().await.unwrap();
    assert_eq!(ecs.asked("StopTask").len(), 0);
    queue.change("update oddish.trials set cancel_requested_at = now()").await;
    launcher.reconcile().await.unwrap();
    launcher.reconcile().await.unwrap();
    assert_eq!(ecs.asked("StopTask").len(), 1, "it is asked once");
    assert_eq!(queue.outcomes().await, ["given_back"]);
    let (status, _, error) = queue.trials().await.remove(0);
    assert_eq!((status.as_str(), error.as_deref()), ("failed", Some("Cancelled by user")));
}

/// Its runner sees that by itself, and removes what it made; only one that does not is stopped.
#[with_database]
async fn a_cancelled_runner_has_a_minute_to_leave(db: Db) {
    let (queue, ecs) = one(db).await;
    let (claim, launcher) = (queue.claim().await, ecs.launcher(&queue.db));
    launcher.launch(&claim).await.unwrap();
    queue.begin(&claim, &process()).await;
    queue.change("update oddish.trials set cancel_requested_at = now() - interval '50 seconds'").await;
    launcher.reconcile().await.unwrap();
    assert_eq!(ecs.asked("StopTask").len(), 0);
    queue.change("update oddish.trials set cancel_requested_at = now() - interval '61 seconds'").await;
    launcher.reconcile().await.unwrap();
    assert_eq!(ecs.asked("StopTask").len(), 1);
    assert_eq!(queue.outcomes().await, ["open"], "its end is told by its runner, or by the end of its task");
}

#[with_database]
async fn the_task_of_a_deleted_trial_is_stopped(db: Db) {
    let (queue, ecs) = one(db).await;
    let (claim, launcher) = (queue.claim().await, ecs.launcher(&queue.db));
    launcher.launch(&claim).await.unwrap();
    queue.begin(&claim, &process()).await;
    queue.change("delete from oddish.tasks").await;
    launcher.reconcile().await.unwrap();
    let arn = ecs.task_of(&claim.attempt.token)["taskArn"].clone();
    let asked: Vec<Value> = ecs.asked("StopTask").into_iter().map(|request| request["task"].clone()).collect();
    assert_eq!(asked, [arn]);
}

/// One that has recorded is on its way out.
#[with_database]
async fn a_runner_that_recorded_has_a_minute_to_leave(db: Db) {
    let (queue, ecs) = one(db).await;
    let (claim, launcher) = (queue.claim().await, ecs.launcher(&queue.db));
    launcher.launch(&claim).await.unwrap();
    queue.begin(&claim, &process()).await;
    queue.record(&claim).await;
    launcher.reconcile().await.unwrap();
    assert_eq!(ecs.asked("StopTask").len(), 0);
    queue.change("update oddish.attempts set ended_at = now() - interval '61 seconds'").await;
    launcher.reconcile().await.unwrap();
    assert_eq!(ecs.asked("StopTask").len(), 1);
}

#[with_database]
async fn what_is_taken_to_be_dead_is_stopped(db: Db) {
    let (queue, ecs) = one(db).await;
    let (claim, launcher) = (queue.claim().await, ecs.launcher(&queue.db));
    launcher.launch(&claim).await.unwrap();
    queue.begin(&claim, &process()).await;
    let dead = LiveAttempt { attempt: claim.attempt, process: process() };
    launcher.clear(&dead).await;
    assert_eq!(ecs.task_of(&dead.attempt.token)["stopCode"], "UserInitiated");
}
