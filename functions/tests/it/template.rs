//! The variables that template.yaml gives each endpoint's function: those that its settings read, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use oddish_domain::settings::Settings;
use oddish_functions::browsers;
use oddish_functions::routes::ROUTES;
use oddish_functions::state::{
    Deletes, FromSettings, Imports, Judging, Nothing, Public, PublicFiles, Reads, ReadsFiles, Sweeps, Uploads, Wakes,
};

/// What the template sets, and what nobody who reads it would take.
const FAULTY: &[(&str, &str, &str)] = &[
    ("DATABASE_URL", "postgresql://oddish@127.0.0.1:1/oddish", "mysql://nowhere"),
    ("ODDISH_DB_STATEMENT_CACHE", "0", "many"),
    ("ODDISH_AUTH", "api-key", "by handshake"),
    ("ODDISH_S3_ENABLED", "true", "perhaps"),
    ("ODDISH_DEFAULT_MODEL_CONCURRENCY", "8", "several"),
    ("ODDISH_MODEL_CONCURRENCY_OVERRIDES", "{}", "[]"),
    ("ODDISH_SECRET_KEY", "0123456789abcdef0123456789abcdef", "short"),
    ("ODDISH_DOCKER_ENVIRONMENT", "none", "somewhere"),
];
/// What goes with the switch.
const WITH_S3: &[&str] = &["ODDISH_S3_BUCKET", "ODDISH_S3_REGION"];
/// Signs the URLs of a folder, which no function of a stack has; only who expands sweeps seals with it.
const SECRET_KEY: &str = "ODDISH_SECRET_KEY";

/// The variables that a state's settings read.
async fn read_by<S: FromSettings + std::fmt::Debug>() -> BTreeSet<String> {
    let settings = |faulty: Option<&str>| {
        let value = |&(name, good, bad): &(&str, &str, &str)| {
            (name.to_owned(), if faulty == Some(name) { bad } else { good }.to_owned())
        };
        Settings::from_map(FAULTY.iter().map(value).collect::<BTreeMap<_, _>>())
    };
    let whole = format!("{:?}", S::from_settings(&settings(None)).await.unwrap());
    let mut read = BTreeSet::new();
    for (name, _, _) in FAULTY {
        if S::from_settings(&settings(Some(name))).await.is_err() {
            read.insert((*name).to_owned());
        }
    }
    if read.contains("ODDISH_S3_ENABLED") {
        read.extend(WITH_S3.iter().map(|name| (*name).to_owned()));
    }
    if whole.contains("wake: ") {
        read.insert("ODDISH_WAKE_QUEUE_URL".to_owned());
    }
    if !whole.contains("sealing: ") {
        read.remove(SECRET_KEY);
    }
    read
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
    let template = file("../template.yaml");
    let known: BTreeSet<&str> =
        FAULTY.iter().map(|(name, ..)| *name).chain(WITH_S3.iter().copied()).chain(["ODDISH_WAKE_QUEUE_URL"]).collect();
    for function in ROUTES.iter().map(|route| route.function) {
        let source = file(&format!("src/bin/{function}.rs"));
        let state = source.split_once("lambda::run::<").and_then(|(_, rest)| rest.split_once(',')).unwrap().0;
        let given: BTreeSet<String> = given(&template, function);
        let given: BTreeSet<String> = given.into_iter().filter(|name| known.contains(name.as_str())).collect();
        assert_eq!(given, read_by_state(state).await, "{function} runs with {state}");
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
