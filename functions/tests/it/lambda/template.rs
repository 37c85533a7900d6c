//! The variables that template.yaml gives each endpoint's function: those that its settings read, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use oddish_domain::sealing::SECRET_KEY;
use oddish_domain::settings::Settings;
use oddish_functions::browsers;
use oddish_functions::routes::ROUTES;
use oddish_functions::state::{
    Deletes, FromSettings, Imports, Judging, Nothing, Public, PublicFiles, Reads, ReadsFiles, Sweeps, Uploads, Wakes,
};

/// What the template sets for the endpoints that read it. Other settings have the defaults that suit a stack.
const SET_BY_TEMPLATE: &[&str] = &[
    "DATABASE_URL",
    "ODDISH_DB_STATEMENT_CACHE",
    "ODDISH_AUTH",
    "ODDISH_S3_ENABLED",
    "ODDISH_S3_BUCKET",
    "ODDISH_S3_REGION",
    "ODDISH_DEFAULT_MODEL_CONCURRENCY",
    "ODDISH_MODEL_CONCURRENCY_OVERRIDES",
    "ODDISH_SECRET_KEY",
    "ODDISH_DOCKER_ENVIRONMENT",
    "ODDISH_WAKE_QUEUE_URL",
];

/// The settings that a state reads on AWS.
async fn read_by<S: FromSettings + std::fmt::Debug>() -> BTreeSet<String> {
    let on_aws = [("DATABASE_URL", "postgresql://oddish@127.0.0.1:1/oddish"), ("ODDISH_S3_ENABLED", "true")];
    let settings = Settings::from_map(BTreeMap::from(on_aws.map(|(name, value)| (name.to_owned(), value.to_owned()))));
    let state = S::from_settings(&settings).await.unwrap();
    let mut read = settings.asked();
    // It signs the URLs of a folder, which no function of a stack has; only the state that expands sweeps seals with it.
    if !format!("{state:?}").contains("sealing: ") {
        read.remove(SECRET_KEY.name());
    }
    read.into_iter().map(str::to_owned).collect()
}

async fn read_by_state(state: &str) -> BTreeSet<String> {
    match state {
        "Nothing" => read_by::<Nothing>().await,
        "Public" => read_by::<Public>().await,
        "PublicFiles" => read_by::<PublicFiles>().await,
        "Reads" => read_by::<Reads>().await,
        "ReadsFiles" => read_by::<ReadsFiles>().await,
        "Uploads" => read_by::<Uploads>().await,
        "Imports" => read_by::<Imports>().await,
        "Sweeps" => read_by::<Sweeps>().await,
        "Wakes" => read_by::<Wakes>().await,
        "Judging" => read_by::<Judging>().await,
        "Deletes" => read_by::<Deletes>().await,
        other => panic!("no state is called {other}"),
    }
}

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The names below `Variables:` in the function's part of the template.
fn given(template: &str, function: &str) -> BTreeSet<String> {
    let (_, part) = template.split_once(&format!("CodeUri: target/lambda/{function}\n")).unwrap();
    let part = part.split("\n  # ").next().unwrap();
    let end =
        part.match_indices("\n  ").find(|(at, _)| !part[at + 3..].starts_with(' ')).map_or(part.len(), |(at, _)| at);
    let part = &part[..end];
    let Some((_, variables)) = part.split_once("        Variables:\n") else { return BTreeSet::new() };
    let variables = variables.lines().take_while(|line| line.starts_with("          "));
    let names =
        variables.filter(|line| !line[10..].starts_with([' ', '#'])).map(|line| line.trim().split(':').next().unwrap());
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn every_endpoint_gets_exactly_what_its_settings_read() {
    let (template, page) = (file("../template.yaml"), file("../docs/configuration.md"));
    for function in ROUTES.iter().map(|route| route.function) {
        let source = file(&format!("src/bin/{function}.rs"));
        let state = source.split_once("lambda::run::<").and_then(|(_, rest)| rest.split_once(',')).unwrap().0;
        let mut read = read_by_state(state).await;
        for name in &read {
            assert!(page.contains(&format!("| `{name}` |")), "{state} reads {name}, which docs/configuration.md lacks");
        }
        read.retain(|name| SET_BY_TEMPLATE.contains(&name.as_str()));
        assert_eq!(given(&template, function), read, "{function} runs with {state}");
    }
}

#[test]
fn pages_may_send_and_read_what_the_local_server_lets_them() {
    let template = file("../template.yaml");
    let listed = |name: &str| {
        let (_, rest) = template.split_once(&format!("{name}: [")).unwrap();
        rest.split(']').next().unwrap().split(", ").map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(listed("AllowHeaders"), browsers::REQUEST_HEADERS);
    assert_eq!(listed("ExposeHeaders"), browsers::ANSWER_HEADERS);
}
