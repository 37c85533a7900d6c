//! What lists have in common: pages, bounds, filters, and how many statements they take.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::{HeaderMap, Request};
use oddish_db::Db;
use oddish_test_api::Api;
use oddish_test_support::with_database;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

pub(crate) async fn submit(api: &Api, user: &str, experiment: &str, configs: Value) -> String {
    let task_id = api.uploaded().await;
    let sweep = json!({"task_id": task_id, "user": user, "experiment_id": experiment, "configs": configs});
    let answer = api.post("/tasks/sweep", &sweep.to_string()).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    task_id
}

pub(crate) async fn with_headers(api: &Api, path: &str) -> (HeaderMap, Value) {
    let response = api.router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 16 << 20).await.unwrap();
    assert_eq!(parts.status.as_u16(), 200, "{path}: {}", String::from_utf8_lossy(&bytes));
    (parts.headers, serde_json::from_slice(&bytes).unwrap())
}

/// The path that the answer's link leads to.
pub(crate) fn next(headers: &HeaderMap) -> String {
    let link = headers["link"].to_str().unwrap();
    let query = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
    format!("/tasks{query}")
}

pub(crate) fn ids(items: &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Every id of a list in an envelope, page by page.
pub(crate) async fn all_pages(api: &Api, path: &str) -> Vec<String> {
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
