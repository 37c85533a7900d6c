//! Lists of tasks, trials and experiments, page by page, and the dashboard.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::{HeaderMap, Request};
use oddish_db::Db;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::api::Api;

async fn submit(api: &Api, user: &str, experiment: &str, configs: Value) -> String {
    let task_id = api.uploaded().await;
    let sweep = json!({"task_id": task_id, "user": user, "experiment_id": experiment, "configs": configs});
    let answer = api.post("/tasks/sweep", &sweep.to_string()).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    task_id
}

async fn with_headers(api: &Api, path: &str) -> (HeaderMap, Value) {
    let response = api.router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 16 << 20).await.unwrap();
    assert_eq!(parts.status.as_u16(), 200, "{path}: {}", String::from_utf8_lossy(&bytes));
    (parts.headers, serde_json::from_slice(&bytes).unwrap())
}

/// The path that the answer's link leads to.
fn next(headers: &HeaderMap) -> String {
    let link = headers["link"].to_str().unwrap();
    let query = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
    format!("/tasks{query}")
}

fn ids(items: &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Every id of a list in an envelope, page by page.
async fn all_pages(api: &Api, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("{path}{cursor}")).await.json();
        found.extend(ids(&page["items"]));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[with_database]
async fn tasks_come_page_by_page_by_headers(db: Db) {
    let api = Api::new(db);
    let mut newest_first = Vec::new();
    for _ in 0..5 {
        newest_first.insert(0, submit(&api, "alice", "e", json!([{"agent": "oracle"}])).await);
    }
    let (headers, first) = with_headers(&api, "/tasks?limit=2&total=true&user=alice").await;
    assert_eq!((ids(&first), &headers["x-total-count"]), (newest_first[..2].to_vec(), &"5".parse().unwrap()));
    // A task that is submitted between two pages moves nothing.
    submit(&api, "alice", "e", json!([{"agent": "oracle"}])).await;
    assert!(next(&headers).contains("user=alice"), "{headers:?}");
    let (headers, second) = with_headers(&api, &next(&headers)).await;
    assert_eq!(ids(&second), newest_first[2..4]);
    let cursor = headers["x-next-cursor"].to_str().unwrap();
    for path in [next(&headers), format!("/tasks?limit=2&cursor={cursor}")] {
        let (headers, third) = with_headers(&api, &path).await;
        assert_eq!(ids(&third), newest_first[4..]);
        assert!(!headers.contains_key("x-next-cursor") && !headers.contains_key("link"));
    }
    let (headers, _) = with_headers(&api, "/tasks?limit=6").await;
    assert!(!headers.contains_key("x-next-cursor"), "a full page may be the last");
    let (headers, skipped_to) = with_headers(&api, "/tasks?limit=2&offset=2").await;
    assert_eq!(ids(&skipped_to), newest_first[1..3]);
    assert_eq!(ids(&with_headers(&api, &next(&headers)).await.1), newest_first[3..], "what was skipped once stays so");

    let oldest_first = ids(&api.get("/tasks?sort=created_at&limit=3").await.json());
    assert_eq!(oldest_first, newest_first.iter().rev().take(3).cloned().collect::<Vec<_>>());
}

#[with_database]
async fn what_a_list_is_asked_for_is_checked(db: Db) {
    let api = Api::new(db);
    for bad in ["cursor=x", "cursor=", "cursor=-created_at~0~a", "cursor=created_at~0000000000000000~a"] {
        for path in ["/tasks", "/trials", "/experiments"] {
            let text = api.get(&format!("{path}?{bad}")).await.error(400);
            assert!(text.starts_with("Invalid cursor"), "{path} {bad}: {text}");
        }
    }
    let wrong = [
        "limit=0",
        "limit=1001",
        "limit=many",
        "offset=-1",
        "offset=1000001",
        "sort=colour",
        "status=sleeping",
        "total=2",
    ];
    for bad in wrong {
        for path in ["/tasks", "/trials", "/experiments"] {
            let field = bad.split('=').next().unwrap();
            let text = api.get(&format!("{path}?{bad}")).await.error(422);
            assert!(text.contains(&format!(r#"["query","{field}"]"#)), "{path} {bad}: {text}");
        }
    }
    for bad in ["tasks_limit=501", "experiments_limit=0", "tasks_offset=-1", "usage_minutes=0", "usage_minutes=86401"] {
        let field = bad.split('=').next().unwrap();
        let text = api.get(&format!("/dashboard?{bad}")).await.error(422);
        assert!(text.contains(&format!(r#"["query","{field}"] Value error, {field} must"#)), "{bad}: {text}");
    }
    let unbounded = api.get("/trials?sort=-reward").await.error(422);
    assert!(unbounded.contains("experiment_id"), "{unbounded}");
    let both = api.get("/tasks?offset=1&cursor=-created_at~0000000000000000~a").await.error(422);
    assert!(both.contains("exclude"), "{both}");
    for class in ["error_class=nonsense"] {
        for path in ["/tasks", "/trials"] {
            api.get(&format!("{path}?{class}")).await.error(422);
        }
    }
}

#[with_database]
async fn tasks_and_trials_are_filtered_by_what_they_ran(db: Db) {
    let api = Api::new(db);
    let codex = json!([{"agent": "codex", "model": "GPT-5.2", "n_trials": 2}]);
    let by_codex = submit(&api, "alice", "one", codex).await;
    let by_oracle = submit(&api, "bob", "two", json!([{"agent": "oracle"}, {"agent": "nop"}])).await;
    let tasks = async |query: &str| ids(&api.get(&format!("/tasks?{query}")).await.json());
    assert_eq!(tasks("agent=nop").await, [by_oracle.as_str()]);
    assert_eq!(tasks("model=gpt-5.2").await, [by_codex.as_str()]);
    assert_eq!(tasks("model=GPT-5.2").await, [by_codex.as_str()], "as it was given");
    assert_eq!(tasks("model=openai/gpt-5.2").await, [] as [&str; 0], "another name, whatever its key");
    assert_eq!(tasks("user=bob&agent=codex").await, [] as [&str; 0]);
    let trials = async |query: &str| ids(&api.get(&format!("/trials?{query}")).await.json()["items"]);
    assert_eq!(trials("agent=codex").await.len(), 2);
    assert_eq!(trials("model=gpt-5.2").await.len(), 2);
    assert_eq!(trials("user=bob").await.len(), 2);
    assert_eq!(trials(&format!("task_id={by_codex}&sort=created_at")).await, [0, 1].map(|i| format!("{by_codex}-{i}")));
    assert_eq!(trials("queue_key=openai/gpt-5.2&status=queued").await.len(), 2);
    let experiment = api.experiment_of(&by_oracle).await;
    assert_eq!(trials(&format!("experiment_id={experiment}")).await.len(), 2);

    let refused =
        "update oddish.trials set status = 'failed', error_class = 'provider_auth', finished_at = now() where id = $1";
    sqlx::query(refused).bind(format!("{by_codex}-1")).execute(&api.db).await.unwrap();
    assert_eq!(trials("error_class=provider_auth").await, [format!("{by_codex}-1")]);
    assert_eq!(tasks("error_class=provider_auth").await, [by_codex.as_str()]);
    assert_eq!(trials("status=failed").await, [format!("{by_codex}-1")]);
    let total = api.get("/trials?status=queued&total=true&limit=1").await.json();
    assert_eq!((&total["total"], ids(&total["items"]).len(), &total["limit"]), (&json!(3), 1, &json!(1)));
}

/// What the database makes of a name is what the rule for queue keys makes of it.
#[with_database]
async fn every_spelling_of_a_model_is_found_and_counted_as_one(db: Db) {
    let api = Api::new(db);
    let spellings = [
        "azure/My-GPT4-Deployment",
        "azure/my gpt4 deployment",
        " Azure / MY--GPT4 - Deployment -",
        "azure//-/my\u{a0}gpt4\u{3000} deployment/",
    ];
    let configs: Vec<Value> = spellings.iter().map(|model| json!({"agent": "m:A", "model": model})).collect();
    let other = json!({"agent": "m:A", "model": "azure/my_gpt4_deployment", "n_trials": 2});
    let task = submit(&api, "alice", "one", Value::from([configs, vec![other]].concat())).await;
    for spelling in spellings {
        let query: String = url_encoded(spelling);
        let found = api.get(&format!("/trials?sort=created_at&model={query}")).await.json();
        let models: Vec<&str> =
            found["items"].as_array().unwrap().iter().map(|trial| trial["model"].as_str().unwrap()).collect();
        assert_eq!(models, spellings, "{spelling}: each is shown as it was given");
        assert_eq!(ids(&api.get(&format!("/tasks?model={query}")).await.json()), [task.as_str()], "{spelling}");
    }
    let usage = api.get("/dashboard").await.json()["model_usage"].clone();
    let counts: Vec<(u64, bool)> = usage
        .as_array()
        .unwrap()
        .iter()
        .map(|usage| (usage["trial_count"].as_u64().unwrap(), spellings.contains(&usage["model"].as_str().unwrap())))
        .collect();
    assert_eq!(counts, [(4, true), (2, false)], "{usage}");
}

fn url_encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[with_database]
async fn trials_are_sorted_within_their_experiment(db: Db) {
    let api = Api::new(db);
    let task = submit(&api, "alice", "e", json!([{"agent": "oracle", "n_trials": 7}])).await;
    let experiment = api.experiment_of(&task).await;
    // Two share each value, and one has none: the id decides, and whoever has none comes last or first.
    let ended =
        "update oddish.trials set status = 'success', started_at = '2026-01-01', reward = (trial_index / 2) * 0.1,
            rewards = '{}', cost_usd = (trial_index / 2) * 0.3,
            finished_at = timestamptz '2026-01-01 00:00:00.000001' + (trial_index / 2) * interval '0.1 seconds'
        where trial_index < 6";
    sqlx::query(ended).execute(&api.db).await.unwrap();
    let id = |index: u8| format!("{task}-{index}");
    for sort in ["reward", "cost_usd", "duration", "finished_at"] {
        let up = all_pages(&api, &format!("/trials?experiment_id={experiment}&sort={sort}&limit=2")).await;
        assert_eq!(up, [6, 0, 1, 2, 3, 4, 5].map(id), "{sort}");
        let down = all_pages(&api, &format!("/trials?experiment_id={experiment}&sort=-{sort}&limit=2")).await;
        assert_eq!(down, [5, 4, 3, 2, 1, 0, 6].map(id), "-{sort}");
    }
    // All trials of a sweep were created at one instant.
    let listed = all_pages(&api, "/trials?limit=3").await;
    assert_eq!(listed, [6, 5, 4, 3, 2, 1, 0].map(id));
}

#[with_database]
async fn only_the_newest_version_that_ran_is_shown(db: Db) {
    let api = Api::new(db);
    let task = submit(&api, "alice", "old", json!([{"agent": "oracle", "n_trials": 2}])).await;
    let old = api.experiment_of(&task).await;
    let next = "insert into oddish.task_versions (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
        select task_id, 2, archive_key, archive_sha256, archive_bytes, content_hash, now() from oddish.task_versions";
    sqlx::query(next).execute(&api.db).await.unwrap();
    let path = format!("/tasks/{task}");
    let before = api.get(&path).await.json();
    assert_eq!((&before["total"], &before["current_version"]), (&json!(2), &json!(2)), "nothing of version 2 ran yet");

    let sweep = json!({"task_id": task, "user": "a", "append_to_task": true, "experiment_id": "new", "configs": [{"agent": "nop"}]});
    assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    let shown = async |path: &str| -> (i64, Vec<String>) {
        let task = api.get(path).await.json();
        let task = if task.is_array() { task[0].clone() } else { task };
        (task["total"].as_i64().unwrap(), ids(&task["trials"]))
    };
    let id = |index: u8| format!("{task}-{index}");
    assert_eq!(shown(&path).await, (1, vec![id(2)]));
    assert_eq!(shown(&format!("{path}?version=1")).await, (2, vec![id(0), id(1)]));
    assert_eq!(shown(&format!("{path}?version=all")).await, (3, vec![id(0), id(1), id(2)]));
    assert_eq!(shown(&format!("{path}?version=7")).await, (0, vec![]));
    assert_eq!(shown(&format!("/tasks?experiment_id={old}")).await, (2, vec![id(0), id(1)]), "the version that it ran");
    for bad in ["0", "-1", "latest", "99999999999"] {
        api.get(&format!("{path}?version={bad}")).await.error(422);
    }
    assert!(api.get(&format!("{path}?include_trials=false")).await.json()["trials"].is_null());
}

#[with_database]
async fn an_experiment_holds_what_it_ran_whatever_version_is_newest(db: Db) {
    let api = Api::new(db);
    let task = submit(&api, "alice", "mine", json!([{"agent": "oracle", "n_trials": 2}])).await;
    let mine = api.experiment_of(&task).await;
    let next = "insert into oddish.task_versions (task_id, version, archive_key, archive_sha256, archive_bytes, content_hash, created_at)
        select task_id, version + 1, archive_key, archive_sha256, archive_bytes, content_hash, now()
        from oddish.task_versions order by version desc limit 1";
    for (experiment, trials) in [(mine.as_str(), 1), ("another", 4)] {
        sqlx::query(next).execute(&api.db).await.unwrap();
        let sweep = json!({"task_id": task, "user": "a", "append_to_task": true, "experiment_id": experiment,
            "configs": [{"agent": "nop", "n_trials": trials}]});
        assert_eq!(api.post("/tasks/sweep", &sweep.to_string()).await.status.as_u16(), 200);
    }
    let share = api.post(&format!("/experiments/{mine}/publish"), "").await.json();
    let token = share["public_token"].as_str().unwrap();
    let id = |index: u8| format!("{task}-{index}");
    for path in [
        format!("/tasks?experiment_id={mine}"),
        format!("/public/experiments/{token}/tasks"),
        format!("/public/tasks/{task}?token={token}"),
    ] {
        let shown = api.get(&path).await.json();
        let shown = if shown.is_array() { &shown[0] } else { &shown };
        assert_eq!((&shown["total"], ids(&shown["trials"])), (&json!(3), vec![id(0), id(1), id(2)]), "{path}");
    }
    let counted = api.get(&format!("/tasks?experiment_id={mine}&include_trials=false")).await.json();
    assert_eq!(counted[0]["total"], 3);
    let summary = api.get(&format!("/experiments/{mine}")).await.json();
    assert_eq!(summary["total_trials"], 3);
    let public = api.get(&format!("/public/tasks/{task}?token={token}")).await.json();
    assert_eq!(public["current_version"], 2, "the newest that it ran");
    let own_page = api.get(&format!("/tasks/{task}")).await.json();
    assert_eq!((&own_page["total"], &own_page["current_version"]), (&json!(4), &json!(3)));
}

#[with_database]
async fn experiments_tell_what_became_of_their_trials(db: Db) {
    let api = Api::new(db);
    let first = submit(&api, "alice", "swift otter", json!([{"agent": "oracle", "n_trials": 2}])).await;
    let ended = api.succeeded().await;
    assert!(ended.starts_with(&first));
    submit(&api, "100%_sure", "calm 100% delta", json!([{"agent": "oracle"}])).await;
    let names = async |query: &str| -> Vec<String> {
        let page = api.get(&format!("/experiments?{query}")).await.json();
        page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("").await, ["calm 100% delta", "swift otter"]);
    assert_eq!(names("sort=created_at").await, ["swift otter", "calm 100% delta"]);
    assert_eq!(names("query=OTTER").await, ["swift otter"]);
    assert_eq!(names("query=%25").await, ["calm 100% delta"], "a percent sign means itself");
    assert_eq!(names("query=_sure").await, ["calm 100% delta"]);
    assert_eq!(names("query=s_ift").await, [] as [&str; 0]);
    assert_eq!(names("user=alice").await, ["swift otter"]);
    assert_eq!(names("status=active").await.len(), 2);
    assert_eq!(names("status=completed").await.len(), 0);
    let again = api.succeeded().await;
    assert!(again.starts_with(&first));
    assert_eq!(names("status=completed").await, ["swift otter"]);
    assert_eq!(names("sort=-active_at").await[0], "swift otter", "something ended in it");
    assert_eq!(all_pages(&api, "/experiments?limit=1").await.len(), 2);
    assert_eq!(all_pages(&api, "/experiments?limit=1&sort=-active_at").await.len(), 2);

    let id = api.experiment_of(&first).await;
    let one = api.get(&format!("/experiments/{id}")).await.json();
    let counts = [
        "task_count",
        "total_trials",
        "completed_trials",
        "failed_trials",
        "active_trials",
        "reward_success",
        "reward_total",
    ];
    assert_eq!(counts.map(|count| one[count].as_i64().unwrap()), [1, 2, 2, 0, 0, 2, 2]);
    assert_eq!(one["last_author"], json!({"name": "alice", "source": "api"}));
    assert_eq!(api.get("/experiments/00000000").await.error(404), "Experiment 00000000 not found");
}

#[with_database]
async fn the_dashboard_and_the_browser_add_up(db: Db) {
    let api = Api::new(db);
    let task = submit(&api, "alice", "e", json!([{"agent": "codex", "model": "gpt-5.2", "n_trials": 3}])).await;
    api.succeeded().await;
    api.begun().await;
    let dashboard = api.get("/dashboard").await.json();
    let queue = json!({"pending": 0, "queued": 1, "running": 1, "success": 1, "failed": 0, "retrying": 0, "recommended_concurrency": 8});
    assert_eq!(dashboard["queues"], json!({"openai/gpt-5.2": queue}));
    assert_eq!(dashboard["pipeline"]["trials"], json!({"queued": 1, "running": 1, "success": 1}));
    for usage in [&dashboard["model_usage"], &api.get("/dashboard?usage_minutes=5").await.json()["model_usage"]] {
        let [usage] = &usage.as_array().unwrap()[..] else { panic!("{usage}") };
        let counts = ["trial_count", "running", "queued", "succeeded", "failed", "retrying"];
        assert_eq!(counts.map(|count| usage[count].as_i64().unwrap()), [3, 1, 1, 1, 0, 0]);
        assert_eq!((&usage["model"], &usage["provider"]), (&json!("gpt-5.2"), &json!("openai")));
        assert!(usage["avg_duration_s"].is_number());
    }
    assert_eq!(ids(&dashboard["tasks"]), [task.as_str()]);
    assert!(dashboard["tasks"][0]["trials"].is_null());
    assert_eq!(dashboard["experiments"][0]["active_trials"], 2);
    let only_usage = api.get("/dashboard?include_tasks=false&include_experiments=false").await.json();
    assert_eq!((&only_usage["queues"], &only_usage["pipeline"]["trials"]), (&json!({}), &json!({})));
    assert_eq!(only_usage["model_usage"].as_array().unwrap().len(), 1);
    assert_eq!(api.get("/dashboard?experiments_status=completed").await.json()["experiments"], json!([]));
    assert_eq!(
        api.get("/dashboard?experiments_status=anything").await.json()["experiments"].as_array().unwrap().len(),
        1
    );

    // Another task of the same name: the name is listed once.
    submit(&api, "bob", "f", json!([{"agent": "oracle"}])).await;
    let browsed = api.get("/tasks/browse?query=HEL").await.json();
    let [item] = &browsed["items"].as_array().unwrap()[..] else { panic!("{browsed}") };
    assert_eq!((&item["name"], &item["version_count"]), (&json!("hello"), &json!(1)));
    assert_eq!(api.get("/tasks/browse?query=%25").await.json()["items"], json!([]));
    let newest = &item["latest_trials"][0];
    assert_eq!((&newest["name"], &newest["status"]), (&json!("hello-0"), &json!("queued")));
    assert_eq!(item["experiments"][0]["name"], "f");
}

struct Statements(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        let mut commits = IsCommit(false);
        event.record(&mut commits);
        if event.metadata().target() == "sqlx::query" && !commits.0 {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether an event of sqlx tells of the end of a transaction. Without a statement cache, each statement has a transaction of its own.
struct IsCommit(bool);

impl tracing::field::Visit for IsCommit {
    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        self.0 |= field.name() == "summary" && value == "COMMIT";
    }

    fn record_debug(&mut self, _field: &tracing::field::Field, _value: &dyn std::fmt::Debug) {}
}

#[with_database]
async fn how_many_statements_a_list_takes_does_not_depend_on_its_length(db: Db) {
    let api = Api::new(db);
    let statements = Arc::new(AtomicUsize::new(0));
    let _counting =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(Statements(Arc::clone(&statements))));
    let paths = ["/tasks", "/tasks?include_trials=false", "/trials", "/experiments", "/dashboard", "/tasks/browse"];
    let count = async |path: &str| {
        statements.store(0, Ordering::Relaxed);
        assert_eq!(api.get(path).await.status.as_u16(), 200);
        statements.load(Ordering::Relaxed)
    };
    let mut task = submit(&api, "alice", "e", json!([{"agent": "oracle"}])).await;
    let mut with_little = Vec::new();
    for path in paths {
        with_little.push(count(path).await);
    }
    let of_one_trial = count(&format!("/tasks/{task}")).await;
    for experiment in ["f", "g", "h"] {
        task = submit(&api, "bob", experiment, json!([{"agent": "codex", "model": "gpt-5.2", "n_trials": 20}])).await;
    }
    let mut with_more = Vec::new();
    for path in paths {
        with_more.push(count(path).await);
    }
    assert_eq!(with_little, with_more);
    assert_eq!(of_one_trial, count(&format!("/tasks/{task}")).await);
    // What they are is in docs/benchmarks.md.
    assert_eq!(with_more, [5, 1, 4, 1, 5, 1]);
    let distinct: BTreeSet<usize> = with_more.into_iter().collect();
    assert!(!distinct.contains(&0), "nothing was counted");
}
