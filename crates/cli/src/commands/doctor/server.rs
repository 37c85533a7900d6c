//! The server, the key for it, and its versions.

use oddish_api_types::{ApiKeyResponse, VersionResponse};
use oddish_domain::harbor_settings::HARBOR_VERSION;
use reqwest::StatusCode;

use super::finding::{Finding, State};
use crate::client::{Api, Client, ClientError, KeyUse};
use crate::failure::Failure;

const PROGRAM: &str = env!("CARGO_PKG_VERSION");
const SET_KEY: &str = "export ODDISH_API_KEY=ok_...; `oddish-server keys create --scope tasks` creates one";

/// Asks the server. What a check that failed stands before is not looked at.
pub(super) async fn examine(api: Api) -> Result<Vec<Finding>, Failure> {
    let withheld = api.withheld();
    let (key_use, beginning) = (api.key_use(), api.masked_key().unwrap_or_default());
    let (keyless, client) = (Client::new(api.without_key())?, Client::new(api)?);
    let (reached, is_there) = reached(&client).await;
    let mut findings = vec![reached];
    if !is_there {
        return Ok(findings);
    }
    let asks_for_none = keyless.version().await.is_ok();
    match client.version().await {
        Ok(version) => {
            findings.push(if asks_for_none && key_use != KeyUse::Sent {
                Finding::new("key", State::Ok, "this server requires none")
            } else {
                scope(&client, asks_for_none, &beginning).await
            });
            findings.extend(versions(&version));
        }
        Err(ClientError::Refused { status: StatusCode::UNAUTHORIZED, detail, .. }) => findings.push(match withheld {
            Some(why) => Finding::new("key", State::Missing, why),
            None if key_use == KeyUse::Sent => {
                Finding::new("key", State::Missing, format!("{beginning}: {detail}")).mended_by(SET_KEY)
            }
            None => Finding::new("key", State::Missing, "this server requires one, and none is set").mended_by(SET_KEY),
        }),
        Err(error) if error.is_not_found() => {
            let found = format!("{} has no `GET /version`: it is older than this program ({PROGRAM})", client.server());
            findings.push(Finding::new("versions", State::Warning, found).mended_by("update the server"));
        }
        Err(error) => findings.push(failed("versions", &error)),
    }
    Ok(findings)
}

/// Whether the server answers, and whether there is more to ask it.
async fn reached(client: &Client) -> (Finding, bool) {
    match client.health().await {
        Ok(health) if health.database == "connected" => {
            (Finding::new("server", State::Ok, format!("{} answers", client.server())), true)
        }
        Ok(_) => {
            let found = format!("{} answers, but cannot reach its database", client.server());
            (Finding::new("server", State::Missing, found).mended_by("see the log of oddish-server"), false)
        }
        Err(error) => (failed("server", &error), false),
    }
}

fn failed(check: &'static str, error: &ClientError) -> Finding {
    let finding = Finding::new(check, State::Missing, error.to_string());
    match error.hint() {
        Some(hint) => finding.mended_by(hint),
        None if error.is_not_found() => finding.mended_by("check ODDISH_API_URL: this is no Oddish server's address"),
        None => finding,
    }
}

/// What the key allows. A server tells it to those who may see all keys, and in its refusal to all others.
async fn scope(client: &Client, asks_for_none: bool, beginning: &str) -> Finding {
    let told = |state, allows: &str| Finding::new("key", state, format!("{beginning} is valid, scope {allows}"));
    match client.api_keys().await {
        Ok(keys) => {
            let shown = beginning.trim_end_matches("...");
            match keys.iter().find(|key| key.is_active && key.key_prefix == shown) {
                Some(key) => told(State::Ok, &described(key)),
                None if asks_for_none => Finding::new("key", State::Ok, "this server requires none"),
                None => told(State::Ok, "full"),
            }
        }
        Err(ClientError::Refused { status: StatusCode::FORBIDDEN, detail, .. }) => {
            match detail.rsplit_once("got: ").map(|(_, scope)| scope.trim()) {
                Some("read") => told(State::Warning, "read: it cannot submit")
                    .mended_by("`oddish-server keys create --scope tasks` creates one that can"),
                Some(scope) => told(State::Ok, scope),
                None => told(State::Ok, "unknown"),
            }
        }
        Err(error) => failed("key", &error),
    }
}

fn described(key: &ApiKeyResponse) -> String {
    let end = key.expires_at.map_or_else(|| "does not expire".to_owned(), |at| format!("expires on {}", at.date()));
    format!("{}; {} of {}, {end}", key.scope, key.name, key.owner)
}

fn versions(server: &VersionResponse) -> Vec<Finding> {
    let commit = server.commit.as_deref().map(|commit| format!(" ({})", commit.get(..8).unwrap_or(commit)));
    let program = format!("server {}{}, this program {PROGRAM}", server.program, commit.unwrap_or_default());
    let harbor = format!("server {}, this program {HARBOR_VERSION}", server.harbor);
    let applied = server.schema.applied.map_or_else(|| "none".to_owned(), |number| number.to_string());
    let schema = format!("migration {applied} of {}", server.schema.newest);
    let same = |check, found, is_same| {
        let finding = Finding::new(check, if is_same { State::Ok } else { State::Warning }, found);
        if is_same { finding } else { finding.mended_by("update the older one") }
    };
    vec![
        same("version", program, server.program == PROGRAM),
        same("Harbor", harbor, server.harbor == HARBOR_VERSION),
        match server.schema.applied.cmp(&Some(server.schema.newest)) {
            std::cmp::Ordering::Equal => Finding::new("schema", State::Ok, schema),
            std::cmp::Ordering::Less => {
                Finding::new("schema", State::Missing, schema).mended_by("oddish-server db init")
            }
            std::cmp::Ordering::Greater => Finding::new("schema", State::Warning, schema)
                .mended_by("update the server: a newer one has changed its database"),
        },
    ]
}

#[cfg(test)]
mod tests {
    use oddish_api_types::{SchemaVersion, VersionResponse};
    use oddish_domain::harbor_settings::HARBOR_VERSION;

    use super::{PROGRAM, State, versions};

    fn states(program: &str, harbor: &str, applied: Option<i64>) -> Vec<State> {
        let (program, harbor) = (program.to_owned(), harbor.to_owned());
        let schema = SchemaVersion { applied, newest: 5 };
        let found = versions(&VersionResponse { program, commit: Some("abc".to_owned()), harbor, schema });
        for finding in &found {
            assert_eq!(finding.mend.is_none(), finding.state == State::Ok, "{finding:?}");
        }
        found.iter().map(|finding| finding.state).collect()
    }

    #[test]
    fn versions_that_differ_are_warnings_and_missing_migrations_a_fault() {
        assert_eq!(states(PROGRAM, HARBOR_VERSION, Some(5)), [State::Ok; 3]);
        assert_eq!(states("9.9.9", "0.1.0", Some(6)), [State::Warning; 3]);
        for applied in [None, Some(4)] {
            assert_eq!(states(PROGRAM, HARBOR_VERSION, applied)[2], State::Missing);
        }
    }
}
