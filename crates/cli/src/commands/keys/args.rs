//! The arguments of `oddish keys`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use oddish_domain::api_key::{MAX_DAYS, Scope};

use crate::help;
use crate::server_args::ServerArgs;

const EXAMPLES: &str = "\
Examples:
  oddish keys create --name laptop --owner alice --scope tasks
  oddish keys create --name ci --scope tasks --expires-in-days 90 > key.txt
  oddish keys
  oddish keys revoke 3f9a1c07

A key is printed when it is created, and never again. Scope `read` allows
reading, `tasks` also submitting, cancelling and retrying, `full` everything.
The first key is created where the server runs: oddish-server keys create.

Exit status:
  0  created, listed or revoked
  1  no such key, no answer, or the API key may not do this
  2  the command line makes no sense";

/// Create, list and revoke API keys
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) action: Option<KeysAction>,

    /// Print JSON on stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// What to do with keys; without one they are listed.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysAction {
    /// Create a key and print it; it is not shown again
    #[command(after_help = help::after(EXAMPLES))]
    Create {
        /// Name of the key
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        name: String,
        /// Owner of the key [default: the owner of the key in use, else NAME]
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        owner: Option<String>,
        /// Scope: read, tasks or full
        #[arg(long, value_name = "SCOPE", default_value_t = Scope::Full)]
        scope: Scope,
        /// Days until it expires, up to 3650 [default: never]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_DAYS)))]
        expires_in_days: Option<u32>,
    },
    /// List all keys, including revoked and expired ones
    #[command(after_help = help::after(EXAMPLES))]
    List,
    /// Revoke a key: it stops working within a minute
    #[command(after_help = help::after(EXAMPLES))]
    Revoke {
        /// Id of the key, as `list` shows it
        #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
        id: String,
    },
}
