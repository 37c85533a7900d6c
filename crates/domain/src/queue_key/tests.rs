use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// Examples: agent, model as given, its normal form, provider bucket, queue key.
#[rstest]
#[case("claude-code", Some("claude-sonnet-4-5"), Some("claude-sonnet-4-5"), "claude", "anthropic/claude-sonnet-4-5")]
#[case(
    "claude-code",
    Some("anthropic/claude-sonnet-4-5"),
    Some("anthropic/claude-sonnet-4-5"),
    "claude",
    "anthropic/claude-sonnet-4-5"
)]
#[case("claude-code", Some("Claude-Sonnet-4-5"), Some("claude-sonnet-4-5"), "claude", "anthropic/claude-sonnet-4-5")]
#[case(
    "claude-code",
    Some("Anthropic / Claude Sonnet 4.5"),
    Some("anthropic/claude-sonnet-4.5"),
    "claude",
    "anthropic/claude-sonnet-4.5"
)]
#[case(
    "claude-code",
    Some("bedrock/global.anthropic.claude-opus-4-6-v1"),
    Some("bedrock/global.anthropic.claude-opus-4-6-v1"),
    "claude",
    "bedrock/global.anthropic.claude-opus-4-6-v1"
)]
#[case(
    "claude-code",
    Some("global.anthropic.claude-opus-4-6-v1"),
    Some("global.anthropic.claude-opus-4-6-v1"),
    "claude",
    "bedrock/global.anthropic.claude-opus-4-6-v1"
)]
#[case(
    "claude-code",
    Some("us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    Some("us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    "claude",
    "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
)]
#[case("codex", Some("gpt-5.2"), Some("gpt-5.2"), "openai", "openai/gpt-5.2")]
#[case("codex", Some("openai/gpt-5.2"), Some("openai/gpt-5.2"), "openai", "openai/gpt-5.2")]
#[case("codex", Some("GPT-5.2 Codex"), Some("gpt-5.2-codex"), "openai", "openai/gpt-5.2-codex")]
#[case("codex", Some("o3"), Some("o3"), "openai", "openai/o3")]
#[case("codex", Some("o4-mini"), Some("o4-mini"), "openai", "openai/o4-mini")]
#[case("codex", None, None, "openai", "default")]
#[case("codex", Some(""), None, "openai", "default")]
#[case(
    "gemini-cli",
    Some("gemini/gemini-3.1-pro-preview"),
    Some("gemini/gemini-3.1-pro-preview"),
    "gemini",
    "gemini/gemini-3.1-pro-preview"
)]
#[case("terminus-2", Some("xai/grok-4"), Some("xai/grok-4"), "openai", "xai/grok-4")]
#[case("terminus-2", Some("grok-4"), Some("grok-4"), "default", "grok-4")]
#[case(
    "terminus-2",
    Some("deepseek/deepseek-chat"),
    Some("deepseek/deepseek-chat"),
    "openai",
    "deepseek/deepseek-chat"
)]
#[case(
    "terminus-2",
    Some("openrouter/anthropic/claude-sonnet-4.5"),
    Some("openrouter/anthropic/claude-sonnet-4.5"),
    "openai",
    "openrouter/anthropic/claude-sonnet-4.5"
)]
#[case(
    "terminus-2",
    Some("together_ai/meta-llama/Llama-3.3-70B"),
    Some("together_ai/meta-llama/llama-3.3-70b"),
    "openai",
    "together_ai/meta-llama/llama-3.3-70b"
)]
#[case("terminus-2", Some("my-local-model"), Some("my-local-model"), "default", "my-local-model")]
#[case(
    "terminus-2",
    Some("hosted_vllm/qwen3-coder"),
    Some("hosted_vllm/qwen3-coder"),
    "default",
    "hosted_vllm/qwen3-coder"
)]
#[case("nop", Some("gpt-5.2"), Some("default"), "default", "default")]
#[case("nop", None, Some("default"), "default", "default")]
#[case("oracle", Some("claude-sonnet-4-5"), Some("default"), "default", "default")]
#[case("claude-code", Some("default"), None, "claude", "default")]
#[case("claude-code", Some("none"), None, "claude", "default")]
#[case("claude-code", Some("null"), None, "claude", "default")]
#[case("claude-code", Some("openai"), Some("openai"), "claude", "default")]
#[case("claude-code", Some("openai/default"), Some("openai/default"), "openai", "default")]
#[case("claude-code", Some("anthropic/claude"), Some("anthropic/claude"), "claude", "default")]
#[case("claude-code-custom", None, None, "claude", "default")]
#[case("x", Some("claude-nonexistent-9"), Some("claude-nonexistent-9"), "claude", "anthropic/claude-nonexistent-9")]
fn as_published(
    #[case] agent: &str,
    #[case] given: Option<&str>,
    #[case] model: Option<&str>,
    #[case] bucket: &str,
    #[case] key: &str,
) {
    assert_eq!(normalize_model(agent, given).as_deref(), model);
    assert_eq!(provider_bucket(agent, given), bucket);
    assert_eq!(trial_queue_key(agent, given), key);
}

/// Where Oddish differs from the published system: all names of the Gemini API's account are one key and one bucket.
#[rstest]
#[case("gemini-cli", "gemini-2.5-pro", "gemini/gemini-2.5-pro")]
#[case("gemini-cli", "gemini-3-pro-preview", "gemini/gemini-3-pro-preview")]
#[case("gemini-cli", "google/gemini-3.1-pro-preview", "gemini/gemini-3.1-pro-preview")]
#[case("terminus-2", "gemini-3-pro-preview", "gemini/gemini-3-pro-preview")]
fn one_key_for_one_account(#[case] agent: &str, #[case] model: &str, #[case] key: &str) {
    assert_eq!(normalize_model(agent, Some(model)).as_deref(), Some(model));
    assert_eq!(provider_bucket(agent, Some(model)), "gemini");
    assert_eq!(trial_queue_key(agent, Some(model)), key);
}

#[rstest]
#[case("OpenAI/GPT-5.2", "openai/gpt-5.2")]
#[case("openai/gpt 5.2", "openai/gpt_5.2")]
#[case("foo bar", "foo_bar")]
#[case("N/A", "default")]
#[case("gemini/google", "default")]
#[case("claude/claude-opus-4-6", "anthropic/claude-opus-4-6")]
#[case("vertex_ai/gemini-2.5-pro", "vertex_ai/gemini-2.5-pro")]
#[case("azure/gpt-5.2", "azure/gpt-5.2")]
#[case("openrouter/google/gemini-2.5-pro", "openrouter/google/gemini-2.5-pro")]
#[case("anthropic.claude-opus-4-6-v1:0", "bedrock/anthropic.claude-opus-4-6-v1:0")]
#[case("eu.amazon.nova-pro-v1:0", "bedrock/eu.amazon.nova-pro-v1:0")]
#[case(
    "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x",
    "bedrock/arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x"
)]
#[case("chatgpt-4o-latest", "openai/chatgpt-4o-latest")]
#[case("text-embedding-3-large", "openai/text-embedding-3-large")]
#[case("o3x", "o3x")]
#[case("openai/", "default")]
#[case("/gpt-5.2", "openai/gpt-5.2")]
#[case("claude", "default")]
#[case("openrouter/claude", "openrouter/claude")]
fn raw_keys(#[case] raw: &str, #[case] key: &str) {
    assert_eq!(queue_key(Some(raw)), key);
}

#[test]
fn no_model_is_the_default_key() {
    assert_eq!(queue_key(None), "default");
}

#[rstest]
#[case("  a   b--c- / / -d ", Some("a-b-c/d"))]
#[case("a\u{a0}b", Some("a-b"))]
#[case(" - ", None)]
#[case("--", None)]
#[case("n / a", None)]
#[case("NIL", None)]
fn models_are_cleaned(#[case] given: &str, #[case] model: Option<&str>) {
    assert_eq!(normalize_model("codex", Some(given)).as_deref(), model);
}

/// Mostly names near the rules' edges, since arbitrary text hardly ever meets one.
fn model_name() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "google",
        "gemini",
        "claude",
        "anthropic",
        "openai",
        "default",
        "none",
        "n",
        "a",
        "bedrock",
        "gpt-5",
        "o3",
        "us.",
        "anthropic.",
        "arn:aws:bedrock:",
        "/",
        "/",
        " ",
        "-",
        "_",
        ".",
        "İ",
        "Σ",
        "A",
    ]);
    prop_oneof![prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat()), any::<String>()]
}

/// A provider may tell spellings apart, whatever the limit goes by.
#[rstest]
#[case("codex", Some("azure/My-GPT4-Deployment"), Some("azure/My-GPT4-Deployment"))]
#[case("my.agents:Mine", Some(" Anthropic / Claude  Sonnet--4.5- "), Some(" Anthropic / Claude  Sonnet--4.5- "))]
#[case("codex", Some("//hosted_vllm//Qwen/"), Some("//hosted_vllm//Qwen/"))]
#[case("codex", Some(" N/A "), None)]
#[case("codex", Some("--"), None)]
#[case("codex", None, None)]
#[case("oracle", Some("GPT-5"), Some("default"))]
#[case("nop", None, Some("default"))]
fn a_model_is_stored_as_it_is_given(#[case] agent: &str, #[case] given: Option<&str>, #[case] stored: Option<&str>) {
    assert_eq!(stored_model(agent, given), stored);
}

proptest! {
    #[test]
    fn what_is_stored_is_what_was_given_and_has_its_key(name in model_name()) {
        let stored = stored_model("codex", Some(&name));
        prop_assert!(stored.is_none_or(|stored| stored == name));
        prop_assert_eq!(trial_queue_key("codex", stored), trial_queue_key("codex", Some(&name)));
    }

    #[test]
    fn the_key_of_a_key_is_itself(name in model_name()) {
        let key = queue_key(Some(&name));
        prop_assert_eq!(queue_key(Some(&key)), key);
    }

    #[test]
    fn a_normal_model_stays_as_it_is(agent in prop::sample::select(vec!["codex", "nop"]), name in model_name()) {
        let model = normalize_model(agent, Some(&name));
        prop_assert_eq!(normalize_model(agent, model.as_deref()), model);
    }

    #[test]
    fn a_trials_key_is_a_key(name in model_name()) {
        let key = trial_queue_key("codex", Some(&name));
        prop_assert_eq!(queue_key(Some(&key)), key);
    }
}

#[test]
fn the_documented_examples_are_true() {
    let document = include_str!("../../../../docs/queue-keys.md");
    let mut examples = 0;
    let mut differences = 0;
    for line in document.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let cells: Vec<&str> = line.split('|').skip(1).map(|cell| cell.trim().trim_matches('`')).collect();
        match cells[..] {
            [agent, given, model, bucket, key, ""] => {
                let given = Some(given).filter(|given| !given.is_empty());
                assert_eq!(normalize_model(agent, given).unwrap_or_default(), model, "{line}");
                assert_eq!(provider_bucket(agent, given), bucket, "{line}");
                assert_eq!(trial_queue_key(agent, given), key, "{line}");
                examples += 1;
            }
            [given, theirs, ours, _, ""] => {
                assert_eq!(trial_queue_key("terminus-2", Some(given)), ours, "{line}");
                assert_ne!(theirs, ours, "{line}");
                differences += 1;
            }
            _ => panic!("a row of another shape: {line}"),
        }
    }
    assert_eq!((examples, differences), (36, 4));
}
