//! The variables that template.yaml gives each endpoint's function: those that its settings read, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use oddish_domain::sealing::SECRET_KEY;
use oddish_domain::settings::Settings;
use oddish_functions::endpoints::{ENDPOINTS, Endpoint};
use oddish_functions::http::browsers;
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

/// The settings that an endpoint reads on AWS.
async fn read_by(endpoint: &Endpoint) -> BTreeSet<String> {
    let on_aws = [("DATABASE_URL", "postgresql://oddish@127.0.0.1:1/oddish"), ("ODDISH_S3_ENABLED", "true")];
    let settings = Settings::from_map(BTreeMap::from(on_aws.map(|(name, value)| (name.to_owned(), value.to_owned()))));
    let _route = endpoint.open(&settings).await.unwrap();
    let mut read = settings.asked();
    // It signs the URLs of a folder, which no function of a stack has; only what expands sweeps seals with it.
    if !endpoint.capabilities.sweeps {
        read.remove(SECRET_KEY.name());
    }
    read.into_iter().map(str::to_owned).collect()
}

pub(super) fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What is below `Variables:` in the function's part of the template: names, each with the text on its line.
pub(super) fn variables(template: &str, function: &str) -> BTreeMap<String, String> {
    let (_, part) = template.split_once(&format!("      Handler: {function}\n")).unwrap();
    let part = part.split("\n  # ").next().unwrap();
    let end =
        part.match_indices("\n  ").find(|(at, _)| !part[at + 3..].starts_with(' ')).map_or(part.len(), |(at, _)| at);
    let part = &part[..end];
    let Some((_, variables)) = part.split_once("        Variables:\n") else { return BTreeMap::new() };
    let variables = variables.lines().take_while(|line| line.starts_with("          "));
    let variables = variables.filter(|line| !line[10..].starts_with([' ', '#']));
    let variables = variables.map(|line| line.trim().split_once(": ").unwrap());
    variables.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

#[tokio::test]
async fn every_endpoint_gets_exactly_what_its_settings_read() {
    let (template, page) = (file("../template.yaml"), file("../docs/configuration.md"));
    for endpoint in ENDPOINTS.iter() {
        let mut read = read_by(endpoint).await;
        let name = endpoint.name;
        for variable in &read {
            assert!(
                page.contains(&format!("| `{variable}` |")),
                "{name} reads {variable}, which docs/configuration.md lacks"
            );
        }
        read.retain(|variable| SET_BY_TEMPLATE.contains(&variable.as_str()));
        assert_eq!(variables(&template, name).into_keys().collect::<BTreeSet<_>>(), read, "{name}");
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
