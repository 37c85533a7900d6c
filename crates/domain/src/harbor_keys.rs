//! Keys that Harbor and its agents read from the environment of the machine that runs trials.

use crate::settings::{Group, Setting};

/// Keys of model providers, for agents.
pub const MODEL_KEYS: [&Setting<Option<String>>; 3] = [&ANTHROPIC, &OPENAI, &GEMINI];

/// What the server hands on to Harbor and does not read itself: keys of model providers and of sandboxes. Any other key of their kind is
/// handed on too.
pub const HARBOR_KEYS: Group = Group {
    title: "Keys for Harbor and its agents",
    read_by: "Harbor, to which `oddish-runner` hands them on",
    settings: &[&ANTHROPIC, &OPENAI, &GEMINI, &DAYTONA, &MODAL_ID, &MODAL_SECRET],
};

const ANTHROPIC: Setting<Option<String>> = key("ANTHROPIC_API_KEY", "For agents on Claude models.");
const OPENAI: Setting<Option<String>> = key("OPENAI_API_KEY", "For agents on OpenAI models.");
const GEMINI: Setting<Option<String>> = key("GEMINI_API_KEY", "For agents on Gemini models.");
const DAYTONA: Setting<Option<String>> = key("DAYTONA_API_KEY", "For trials in Daytona sandboxes (`--env daytona`).");
const MODAL_ID: Setting<Option<String>> =
    key("MODAL_TOKEN_ID", "For trials in Modal sandboxes (`--env modal`), with MODAL_TOKEN_SECRET.");
const MODAL_SECRET: Setting<Option<String>> = key("MODAL_TOKEN_SECRET", "See MODAL_TOKEN_ID.");

const fn key(name: &'static str, doc: &'static str) -> Setting<Option<String>> {
    Setting::optional(name).secret().doc(doc)
}
