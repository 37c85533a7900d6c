//! Model names, queue keys and provider buckets (docs/compatibility.md, 3.4); `docs/queue-keys.md` has the rule and examples.
//!
//! A queue key is what a concurrency limit applies to: a provider account and a model. All names of one account become
//! one key, whereas the same model behind another account (a cloud's own offer, a router) keeps a key of its own,
//! because it has rate limits of its own.

use crate::label::{self, LabelFault};
use crate::model::{ABSENT, join_parts, words};

pub use crate::model::{DEFAULT_KEY, normal_form, normalize_model, stored_model};

/// Words that name a provider and no model.
const PROVIDER_WORDS: [&str; 6] = ["openai", "anthropic", "claude", "google", "gemini", DEFAULT_KEY];

/// Providers (first part of a model's name) that are another name of an account.
const ACCOUNT_ALIASES: [(&str, &str); 2] = [("google", "gemini"), ("claude", "anthropic")];

/// Beginnings of bare model names that only one account offers under that name.
const BARE_FAMILIES: [(&str, &str); 5] = [
    ("claude", "anthropic"),
    ("gemini", "gemini"),
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("text-embedding-", "openai"),
];

/// The `OpenAI` reasoning models: alone or with a dash and more.
const O_MODELS: [&str; 3] = ["o1", "o3", "o4"];

const BEDROCK: &str = "bedrock";
const BEDROCK_ARN: &str = "arn:aws:bedrock:";
const BEDROCK_REGIONS: [&str; 5] = ["us.", "eu.", "apac.", "apn.", "global."];
const BEDROCK_VENDORS: [&str; 3] = ["anthropic.", "amazon.", "meta."];

/// Accounts in the `claude` bucket.
const CLAUDE_BUCKET: [&str; 2] = ["anthropic", BEDROCK];

/// Accounts in the `gemini` bucket.
const GEMINI_BUCKET: [&str; 3] = ["gemini", "vertex_ai", "palm"];

/// Accounts in the `openai` bucket: every other provider that Harbor has keys for.
const OPENAI_BUCKET: [&str; 37] = [
    "openai",
    "azure",
    "cohere",
    "replicate",
    "openrouter",
    "vercel_ai_gateway",
    "datarobot",
    "huggingface",
    "ai21",
    "together_ai",
    "aleph_alpha",
    "baseten",
    "nlp_cloud",
    "sagemaker",
    "ollama",
    "anyscale",
    "deepinfra",
    "featherless_ai",
    "groq",
    "nvidia_nim",
    "cerebras",
    "xai",
    "ai21_chat",
    "volcengine",
    "codestral",
    "deepseek",
    "mistral",
    "perplexity",
    "voyage",
    "infinity",
    "fireworks_ai",
    "cloudflare",
    "novita",
    "nebius",
    "dashscope",
    "moonshot",
    "zai",
];

/// Agents that imply a bucket when the model doesn't, also as the beginning of a longer name.
const AGENT_BUCKETS: [(&str, &str); 3] = [("claude-code", "claude"), ("gemini-cli", "gemini"), ("codex", "openai")];

/// The queue key of a model's name, in any spelling: `{account}/{model}`, the bare name where no account is known, or
/// `default` where there is no model.
///
/// The key of a key is itself.
pub fn queue_key(model: Option<&str>) -> String {
    let model = join_parts(model.unwrap_or_default(), |part| words(part, "_"));
    if ABSENT.contains(&model.as_str()) || PROVIDER_WORDS.contains(&model.as_str()) {
        return DEFAULT_KEY.to_owned();
    }
    let Some((account, name)) = account_and_name(&model) else { return model };
    if PROVIDER_WORDS.contains(&account) && PROVIDER_WORDS.contains(&name) {
        return DEFAULT_KEY.to_owned();
    }
    format!("{account}/{name}")
}

/// Checks that a queue key can be kept: it has at most [`label::MAX_CHARS`] characters, none of them a control character.
pub fn check_key(queue_key: &str) -> Result<(), LabelFault> {
    label::check(queue_key).map(|_| ())
}

/// The queue key of a trial: that of its normalised model.
pub fn trial_queue_key(agent: &str, model: Option<&str>) -> String {
    queue_key(normalize_model(agent, model).as_deref())
}

/// The provider that a trial counts for: `claude`, `gemini`, `openai` or `default`.
///
/// By the model's account where that is known, else by the agent. A label only: limits go by [`trial_queue_key`].
pub fn provider_bucket(agent: &str, model: Option<&str>) -> &'static str {
    let model = normalize_model(agent, model).unwrap_or_default();
    account_and_name(&model).and_then(|(account, _)| account_bucket(account)).unwrap_or_else(|| agent_bucket(agent))
}

fn account_bucket(account: &str) -> Option<&'static str> {
    [("claude", &CLAUDE_BUCKET[..]), ("gemini", &GEMINI_BUCKET[..]), ("openai", &OPENAI_BUCKET[..])]
        .into_iter()
        .find_map(|(bucket, accounts)| accounts.contains(&account).then_some(bucket))
}

fn agent_bucket(agent: &str) -> &'static str {
    AGENT_BUCKETS
        .into_iter()
        .find_map(|(known, bucket)| agent.starts_with(known).then_some(bucket))
        .unwrap_or(DEFAULT_KEY)
}

/// The account behind a lower-case model name, and the name within it; `None` where the name doesn't tell.
fn account_and_name(model: &str) -> Option<(&str, &str)> {
    if is_bedrock_name(model) {
        return Some((BEDROCK, model));
    }
    if let Some((first, rest)) = model.split_once('/') {
        let alias = ACCOUNT_ALIASES.into_iter().find_map(|(alias, account)| (alias == first).then_some(account));
        return Some((alias.unwrap_or(first), rest));
    }
    let family = BARE_FAMILIES.into_iter().find_map(|(start, account)| model.starts_with(start).then_some(account));
    let o_model = || {
        O_MODELS.into_iter().any(|o| model.strip_prefix(o).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
    };
    family.or_else(|| o_model().then_some("openai")).map(|account| (account, model))
}

fn is_bedrock_name(model: &str) -> bool {
    let vendor = BEDROCK_REGIONS.into_iter().find_map(|region| model.strip_prefix(region)).unwrap_or(model);
    model.starts_with(BEDROCK_ARN) || BEDROCK_VENDORS.into_iter().any(|known| vendor.starts_with(known))
}

#[cfg(test)]
mod tests;
