//! Which values of an attempt are secret: of the variables that Harbor gets from the runner, and of the agent's own, those whose name says
//! so ([`is_secret_name`]), and of the agent's those that the submission asks it for. Other values of the agent are settings, and are
//! left wherever they are found. Secret are also what Harbor never gets, should it get out all the same: the secrets among the runner's own
//! settings and the attempt's token; and what Docker's client logs in with.
//!
//! Not every value is worth it. One that is short, or that says something ordinary, would be found all over logs and
//! results, where taking it out would only spoil them. So these are left alone:
//!
//! - values of fewer than eight characters, and with them `true`, `none` and their like;
//! - values without a letter, and numbers: counts, ports, dates;
//! - paths: those that exist on this machine, that begin with `~/`, `./` or `../`, or that lead into a usual top folder;
//! - a few words that settings are commonly given;
//! - what the trial itself is called by: its agent, model, environment, task and id.
//!
//! Of a URL with a password the password is a secret of its own, whatever its variable is called.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use oddish_db::attempts::Assignment;
use oddish_domain::agent_env::{AgentEnv, is_secret_name};
use oddish_domain::harbor_settings::HarborSettings;
use oddish_domain::sealing::{CannotUnseal, SECRET_KEY, SealingKey, SecretKey, ShortSecret};
use percent_encoding::percent_decode_str;

use crate::confinement::docker_config::DockerConfig;
use crate::driver_environment::{driver_environment, is_ours};
use crate::redaction::Redactor;

/// Shortest value that is taken out, in characters.
pub(crate) const MIN_CHARACTERS: usize = 8;

/// Where absolute paths lead, here or in a sandbox. Base64 may begin with a slash, so a slash alone makes no path.
const TOP_FOLDERS: &[&str] = &[
    "Users",
    "app",
    "bin",
    "code",
    "data",
    "dev",
    "etc",
    "home",
    "lib",
    "logs",
    "mnt",
    "nix",
    "opt",
    "private",
    "proc",
    "repo",
    "root",
    "run",
    "sbin",
    "solution",
    "srv",
    "sys",
    "tests",
    "tmp",
    "usr",
    "var",
    "workdir",
    "workspace",
];

/// Words of eight letters and more, in lower case, that are no secrets even where a secret is due.
const WORDS: &[&str] = &[
    "anthropic",
    "application/json",
    "automatic",
    "changeme",
    "development",
    "disabled",
    "eu-central-1",
    "eu-west-1",
    "external",
    "internal",
    "localhost",
    "openrouter",
    "optional",
    "password",
    "placeholder",
    "production",
    "readonly",
    "read-only",
    "required",
    "standard",
    "text/plain",
    "undefined",
    "unlimited",
    "us-central1",
    "us-east-1",
    "us-west-2",
    "vertexai",
    "workspace",
];

/// What is secret in an attempt.
#[derive(Debug)]
pub struct AttemptSecrets {
    /// The agent's environment variables.
    pub agent_env: AgentEnv,
    /// Takes every secret out of what is stored.
    pub redactor: Redactor,
}

/// The agent's environment variables can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// There is no key.
    #[error(
        "the agent's environment variables are sealed, and the runner has no key: set {SECRET_KEY} as it is set for the API"
    )]
    NoKey,
    /// The key is none.
    #[error("{SECRET_KEY} {0}")]
    BadKey(ShortSecret),
    /// It is another key, or the values are no longer what was sealed.
    #[error(transparent)]
    Unseal(#[from] CannotUnseal),
}

impl AttemptSecrets {
    /// Unseals the agent's variables with the secret among `variables`, the runner's own, of which Harbor sees those that
    /// [`driver_environment`] passes on, with those named in `pass_env`.
    pub fn open(
        assignment: &Assignment,
        settings: &HarborSettings,
        variables: &[(OsString, OsString)],
        pass_env: &[String],
    ) -> Result<Self, SecretsError> {
        let agent_env = if settings.agent_env.is_empty() {
            AgentEnv::default()
        } else {
            settings.agent_env.unseal(&sealing_key(variables)?, &assignment.task_id)?
        };
        let passed = driver_environment(variables.iter().cloned(), pass_env);
        let docker = DockerConfig::find(&passed).secrets();
        // In a URL a password is encoded.
        let decoded: Vec<String> = variables
            .iter()
            .filter(|(name, _)| name.to_str().is_some_and(is_ours))
            .filter_map(|(_, value)| password_of_url(value.to_str()?))
            .map(|password| percent_decode_str(password).decode_utf8_lossy().into_owned())
            .collect();
        let token = assignment.attempt.token;
        let token = [token.to_string(), token.simple().to_string()];
        let passed = passed.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        let values = passed
            .flat_map(|(name, value)| [is_secret_name(name).then_some(value), password_of_url(value)])
            .chain(agent_env.iter().flat_map(|(name, value)| {
                let is_secret = is_secret_name(name) || settings.secret_agent_env.contains(name);
                [is_secret.then_some(value), password_of_url(value)]
            }))
            .chain(variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?))).flat_map(
                |(name, value)| {
                    let is_secret = is_ours(name) && is_secret_name(name);
                    [is_secret.then_some(value), is_ours(name).then(|| password_of_url(value)).flatten()]
                },
            ))
            .flatten()
            .chain(token.iter().map(String::as_str))
            .chain(decoded.iter().chain(&docker).map(String::as_str))
            .map(str::trim);
        let model = assignment.model.as_deref().unwrap_or_default();
        let public = [
            &assignment.agent,
            model,
            model.rsplit('/').next().unwrap_or_default(),
            &assignment.environment,
            &assignment.task_name,
            &assignment.task_id,
            &assignment.attempt.subject,
        ];
        let redactor = Redactor::new(values.filter(|value| !is_ordinary(value) && !public.contains(value)));
        Ok(Self { agent_env, redactor })
    }
}

fn sealing_key(variables: &[(OsString, OsString)]) -> Result<SealingKey, SecretsError> {
    let found = variables.iter().find(|(name, _)| name == OsStr::new(SECRET_KEY.name()));
    let secret = found.and_then(|(_, value)| value.to_str()).filter(|value| !value.trim().is_empty());
    let secret = SecretKey::parse(secret.ok_or(SecretsError::NoKey)?).map_err(SecretsError::BadKey)?;
    Ok(SealingKey::of(&secret))
}

/// The password in a URL.
pub(crate) fn password_of_url(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let (user, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

/// Whether a value is too common to be taken out.
fn is_ordinary(value: &str) -> bool {
    value.chars().count() < MIN_CHARACTERS
        || !value.chars().any(char::is_alphabetic)
        || value.parse::<f64>().is_ok()
        || is_path(value)
        || WORDS.contains(&value.to_lowercase().as_str())
}

fn is_path(value: &str) -> bool {
    let top = value.strip_prefix('/').and_then(|path| path.split('/').next());
    ["~/", "./", "../"].iter().any(|start| value.starts_with(start))
        || top.is_some_and(|top| TOP_FOLDERS.contains(&top) || Path::new(value).exists())
}

#[cfg(test)]
mod tests {
    use oddish_db::AttemptRef;
    use oddish_domain::status::JobKind;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("sk-1234")]
    #[case("true")]
    #[case("12345678901234567890")]
    #[case("-1.5e300")]
    #[case("2026-01-31 10:00")]
    #[case("127.0.0.1:8000")]
    #[case("/usr/local/bin:/usr/bin")]
    #[case("/workspace/.config")]
    #[case("~/.aws/credentials")]
    #[case("../credentials.json")]
    #[case(env!("CARGO_MANIFEST_DIR"))]
    #[case("Production")]
    #[case("us-east-1")]
    fn ordinary_values_stay(#[case] value: &str) {
        assert!(is_ordinary(value), "{value}");
    }

    #[rstest]
    #[case("sk-12345")]
    #[case("hunter2hunter2")]
    #[case("correct horse battery")]
    #[case("/aB3+xyz/secret")]
    #[case("1234567890abcdef")]
    #[case("p\u{e4}ssw\u{f6}rt")]
    #[case("productions")]
    #[case("postgres://u:p@h/db")]
    fn others_are_secret(#[case] value: &str) {
        assert!(!is_ordinary(value), "{value}");
    }

    /// The agent's variables whose names begin with `ASKED` are asked to be secret.
    fn open(variables: &[(&str, &str)], agent_env: &[(&str, &str)]) -> Result<AttemptSecrets, SecretsError> {
        let secret = SecretKey::parse(&"k".repeat(32)).unwrap();
        let mut env = AgentEnv::default();
        for (name, value) in agent_env {
            env.set(*name, *value).unwrap();
        }
        let settings = HarborSettings {
            agent_env: oddish_domain::sealing::SealedEnv::seal(&SealingKey::of(&secret), "t", &env),
            secret_agent_env: env
                .iter()
                .map(|(name, _)| name.to_owned())
                .filter(|name| name.starts_with("ASKED"))
                .collect(),
            ..HarborSettings::default()
        };
        let assignment = Assignment {
            attempt: AttemptRef {
                kind: JobKind::Trial,
                subject: "t-0".to_owned(),
                number: 1,
                token: uuid::Uuid::max(),
            },
            queue_key: "default".to_owned(),
            task_id: "t".to_owned(),
            task_name: "some task".to_owned(),
            task_version: 1,
            archive_key: String::new(),
            archive_sha256: String::new(),
            agent: "claude-code".to_owned(),
            model: Some("anthropic/claude-sonnet-4-5".to_owned()),
            environment: "docker".to_owned(),
            agent_timeout_sec: None,
            harbor: json!({}),
        };
        let variables: Vec<(OsString, OsString)> =
            variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        AttemptSecrets::open(&assignment, &settings, &variables, &["MY_PASSWORD".to_owned()])
    }

    #[test]
    fn what_is_called_secret_is_and_what_it_is_asked_for() {
        let secret_key = "k".repeat(32);
        let variables = [
            (SECRET_KEY.name(), secret_key.as_str()),
            ("ANTHROPIC_API_KEY", " key-of-anthropic\n"),
            ("ANTHROPIC_MODEL", "no-secret-model"),
            ("MY_PASSWORD", "passed-by-name"),
            ("OTHER_PASSWORD", "kept-from-harbor"),
            ("DATABASE_URL", "postgresql://me:word%2Dof%2Ddatabase@db/oddish"),
            ("ODDISH_S3_SECRET_KEY", "key-of-the-bucket"),
            ("PGPASSWORD", "word-of-postgres"),
            ("HTTPS_PROXY", "http://me:word-of-proxy@proxy:3128"),
            ("CLAUDE_CODE_MAX_OUTPUT_TOKENS", "16000000"),
            ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/google/key.json"),
        ];
        let agent_env = [
            ("OUTPUT_FILE", "result.json"),
            ("PHASE", "verifier"),
            ("MAX_TOKENS", "unbounded"),
            ("MODEL_KEY", "claude-sonnet-4-5"),
            ("FLAG_SECRET", "true"),
            ("REFERENCE_KEY", "${ANTHROPIC_API_KEY}"),
            ("JUDGE_TOKEN", "of-the-agent"),
            ("ASKED_FOR", "kept-on-request"),
            ("SERVICE_URL", "https://me:word-of-service@service"),
        ];
        let secrets = open(&variables, &agent_env).unwrap();
        assert_eq!(secrets.agent_env.iter().count(), agent_env.len());
        let stays = "no-secret-model kept-from-harbor http://me: @proxy:3128 16000000 /etc/google/key.json result.json \
                     verifier unbounded claude-sonnet-4-5 true ANTHROPIC_API_KEY https://me: @service";
        assert_eq!(secrets.redactor.text(stays), stays);
        for value in [
            "key-of-anthropic",
            "passed-by-name",
            "word-of-proxy",
            "${ANTHROPIC_API_KEY}",
            "of-the-agent",
            "kept-on-request",
            "word-of-service",
            "word-of-database",
            "word%2Dof%2Ddatabase",
            "key-of-the-bucket",
            "word-of-postgres",
            secret_key.as_str(),
            uuid::Uuid::max().to_string().as_str(),
        ] {
            assert_eq!(secrets.redactor.text(value), "[redacted]", "{value}");
        }
    }

    #[test]
    fn without_the_key_that_sealed_them_the_variables_cannot_be_had() {
        let agent_env = [("A", "of-the-agent")];
        assert!(matches!(open(&[], &agent_env), Err(SecretsError::NoKey)));
        assert!(matches!(open(&[(SECRET_KEY.name(), "short")], &agent_env), Err(SecretsError::BadKey(_))));
        let error = open(&[(SECRET_KEY.name(), &"x".repeat(32))], &agent_env).unwrap_err();
        assert!(error.to_string().contains("variable A cannot be unsealed"), "{error}");
        assert!(open(&[], &[]).is_ok());
    }
}
