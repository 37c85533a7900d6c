//! The agents that Harbor knows, and what a trial's agent must be.

use thiserror::Error;

use crate::label::{self, LabelFault};
use crate::queue_key::{check_key, normalize_model, trial_queue_key};

pub use crate::model::{NOP, ORACLE};

/// The agents registered in Harbor 0.26, in alphabetical order.
pub const KNOWN_AGENTS: [&str; 47] = [
    "acp",
    "aider",
    "antigravity-cli",
    "antigravity-sdk",
    "claude-code",
    "cline-cli",
    "code-puppy",
    "codex",
    "computer-1",
    "copilot-cli",
    "cortex-code",
    "cursor-cli",
    "deerflow",
    "devin",
    "dspy-rlm",
    "eve",
    "fabric",
    "fx",
    "fx-dev",
    "gemini-cli",
    "goose",
    "grok-build",
    "hermes",
    "junie",
    "kimi-cli",
    "kimi-code",
    "langgraph",
    "mcode",
    "mimo",
    "mini-swe-agent",
    "muse-code",
    "nemo-agent",
    NOP,
    "openclaw",
    "opencode",
    "opencode-v2",
    "openhands",
    "openhands-sdk",
    ORACLE,
    "pi",
    "qwen-coder",
    "rovodev-cli",
    "strands",
    "swe-agent",
    "terminus-2",
    "trae-agent",
    "vibe",
];

/// How alike (0 to 1, Jaro-Winkler) a name must be to be offered as what was meant.
const SUGGESTION_LIKENESS: f64 = 0.85;

/// Why an agent, or an agent with its model, can't run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AgentError {
    /// A name that cannot be kept.
    #[error("the agent's name {0}")]
    Name(LabelFault),
    /// A model's name that cannot be kept.
    #[error("the model's name {0}")]
    ModelName(LabelFault),
    /// A model whose queue key cannot be kept.
    #[error("the model's queue key, which is its name in full form, {0}")]
    QueueKey(LabelFault),
    /// Neither a known name nor an import path.
    #[error(
        "unknown agent {agent:?}{}: use one of Harbor's agents, such as `claude-code`, or `module.path:ClassName` for your own",
        suggestion.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
    )]
    Unknown {
        /// The agent as given.
        agent: String,
        /// The known agent that looks most like it.
        suggestion: Option<&'static str>,
    },
    /// A known agent that drives a model was given none (docs/compatibility.md, 1.6).
    #[error("Model is required for all agents except nop/oracle: give `{agent}` a model")]
    ModelRequired {
        /// The agent.
        agent: String,
    },
}

impl AgentError {
    /// Whether the model is at fault, and not the agent.
    pub fn is_of_model(&self) -> bool {
        matches!(self, Self::ModelRequired { .. } | Self::ModelName(_) | Self::QueueKey(_))
    }
}

/// Checks that Harbor can run this agent with this model, and that their names can be kept.
///
/// An agent is one of [`KNOWN_AGENTS`], or a Python import path `module.path:ClassName`, which may do without a model.
pub fn check_agent(agent: &str, model: Option<&str>) -> Result<(), AgentError> {
    check_names(agent, model)?;
    if is_import_path(agent) {
        return Ok(());
    }
    if !KNOWN_AGENTS.contains(&agent) {
        return Err(AgentError::Unknown { agent: agent.to_owned(), suggestion: nearest(agent) });
    }
    if needs_model(agent) && normalize_model(agent, model).is_none() {
        return Err(AgentError::ModelRequired { agent: agent.to_owned() });
    }
    Ok(())
}

/// Checks that the names of an agent and a model can be kept, whatever agent it is: short enough, without control characters.
pub fn check_names(agent: &str, model: Option<&str>) -> Result<(), AgentError> {
    label::check_name(agent).map_err(AgentError::Name)?;
    label::check_name(model.unwrap_or_default()).map_err(AgentError::ModelName)?;
    check_key(&trial_queue_key(agent, model)).map_err(AgentError::QueueKey)
}

/// Whether a known agent drives a model: all do but `nop` and `oracle`.
pub fn needs_model(agent: &str) -> bool {
    KNOWN_AGENTS.contains(&agent) && agent != NOP && agent != ORACLE
}

fn is_import_path(agent: &str) -> bool {
    agent
        .split_once(':')
        .is_some_and(|(module, class)| module.split('.').all(is_python_identifier) && is_python_identifier(class))
}

fn is_python_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_')
}

fn nearest(agent: &str) -> Option<&'static str> {
    let agent = agent.trim().to_lowercase().replace(['_', ' '], "-");
    KNOWN_AGENTS
        .into_iter()
        .map(|known| (strsim::jaro_winkler(known, &agent), known))
        .filter(|(likeness, _)| *likeness >= SUGGESTION_LIKENESS)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_table_is_sorted_and_whole() {
        assert!(KNOWN_AGENTS.is_sorted());
        let without_model: Vec<_> = KNOWN_AGENTS.into_iter().filter(|agent| !needs_model(agent)).collect();
        assert_eq!(without_model, ["nop", "oracle"]);
    }

    #[rstest]
    #[case("oracle", None)]
    #[case("nop", Some("anything"))]
    #[case("claude-code", Some("claude-sonnet-4-5"))]
    #[case("terminus-2", Some("openai"))]
    #[case("my_pkg.agents:MyAgent", None)]
    #[case("agent:Agent", Some("gpt-5.2"))]
    #[case("_m.n2:_Klass", None)]
    fn accepted(#[case] agent: &str, #[case] model: Option<&str>) {
        assert_eq!(check_agent(agent, model), Ok(()));
    }

    #[rstest]
    #[case("claude", Some("claude-code"))]
    #[case("Claude_Code", Some("claude-code"))]
    #[case("codexx", Some("codex"))]
    #[case("gemini", Some("gemini-cli"))]
    #[case(" oracle", Some("oracle"))]
    #[case("quite-another-thing", None)]
    #[case("", None)]
    #[case("module:", None)]
    #[case(":Class", None)]
    #[case("a..b:Class", None)]
    #[case("a-b:Class", None)]
    #[case("a:B:C", None)]
    #[case("a:1B", None)]
    #[case("a:os.system", None)]
    fn refused_with_the_nearest_name(#[case] agent: &str, #[case] suggestion: Option<&'static str>) {
        let expected = AgentError::Unknown { agent: agent.to_owned(), suggestion };
        assert_eq!(check_agent(agent, Some("gpt-5.2")), Err(expected));
    }

    #[rstest]
    #[case(None)]
    #[case(Some(""))]
    #[case(Some("N/A"))]
    #[case(Some("default"))]
    fn a_model_is_required(#[case] model: Option<&str>) {
        let error = check_agent("codex", model).unwrap_err();
        assert!(error.to_string().starts_with("Model is required for all agents except nop/oracle"), "{error}");
        assert!(error.to_string().contains("`codex`"), "{error}");
    }

    #[rstest]
    #[case(&"a".repeat(255), None)]
    #[case("claude-code", Some("g".repeat(255)))]
    #[case("claude-code", Some(format!("gpt-{}", "x".repeat(244))))]
    #[case("claude-code", Some("🦦".repeat(200)))]
    fn the_longest_names_that_can_be_kept(#[case] agent: &str, #[case] model: Option<String>) {
        assert_eq!(check_names(agent, model.as_deref()), Ok(()));
    }

    #[rstest]
    #[case(&format!("m:{}", "C".repeat(254)), None, "the agent's name must be at most 255 characters")]
    #[case(&format!("m:{}", "ä".repeat(199)), None, "the agent's name must be at most 200 characters where some are not ASCII")]
    #[case("m:C\u{1b}", None, "the agent's name must not contain control characters")]
    #[case("codex", Some("g".repeat(256)), "the model's name must be at most 255 characters")]
    #[case("codex", Some("gpt-\n5".to_owned()), "the model's name must not contain control characters")]
    #[case("oracle", Some("\u{85}".to_owned()), "the model's name must not contain control characters")]
    #[case("codex", Some(format!("gpt-{}", "x".repeat(245))), "the model's queue key, which is its name in full form, must be at most 255 characters")]
    #[case("codex", Some("İ".repeat(128)), "the model's queue key, which is its name in full form, must be at most 255 characters")]
    fn names_that_cannot_be_kept(#[case] agent: &str, #[case] model: Option<String>, #[case] expected: &str) {
        assert_eq!(check_agent(agent, model.as_deref()).unwrap_err().to_string(), expected);
    }

    #[test]
    fn the_error_says_what_to_do() {
        assert_eq!(
            check_agent("codx", None).unwrap_err().to_string(),
            "unknown agent \"codx\" (did you mean `codex`?): use one of Harbor's agents, such as `claude-code`, \
             or `module.path:ClassName` for your own"
        );
    }
}
