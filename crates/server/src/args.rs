//! The command line.

use std::net::IpAddr;

use clap::{Args, Parser, Subcommand};
use oddish_domain::api_key::{MAX_DAYS, Scope};

/// Runs Oddish on one machine.
#[derive(Debug, Parser)]
#[command(
    name = "oddish-server",
    version,
    after_help = "\
Examples:
  oddish-server api
  oddish-server api --port 9000
  oddish-server keys create --name laptop
  oddish-server db status

Settings come from the environment and from .env in the working directory;
`oddish-server settings` lists them all."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API, and run trials in the same process.
    Api(ApiArguments),
    /// Run trials only; the API runs elsewhere with the same database and storage.
    Worker,
    /// Print every setting with its default, in the form of a .env file.
    Settings,
    /// Manage API keys.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Manage the secret of the deployment.
    Secret {
        #[command(subcommand)]
        command: SecretCommand,
    },
    /// Manage the database.
    Db {
        #[command(subcommand)]
        command: DatabaseCommand,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  oddish-server api
  oddish-server api --n-concurrent '{\"openai/gpt-5.2\": 8, \"gemini/gemini-3-pro\": 4}'
  oddish-server api --no-workers          # with `oddish-server worker` elsewhere")]
pub(crate) struct ApiArguments {
    /// Address to listen on [default: `ODDISH_API_HOST`, else 127.0.0.1].
    #[arg(long)]
    pub(crate) host: Option<IpAddr>,
    /// Port to listen on, 0 for a free one [default: `ODDISH_API_PORT`, else 8000].
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Most trials of each model that run at the same time, as a JSON object.
    #[arg(long, value_name = "JSON")]
    pub(crate) n_concurrent: Option<String>,
    /// Serve the API only; trials wait for an `oddish-server worker`.
    #[arg(long)]
    pub(crate) no_workers: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Create a key. It is printed once; only its hash is stored.
    #[command(after_help = "\
Examples:
  oddish-server keys create --name laptop --owner alice
  oddish-server keys create --name ci --scope tasks --expires-in-days 365
  export ODDISH_API_KEY=$(oddish-server keys create)")]
    Create {
        /// Name of the key.
        #[arg(long, default_value = "default")]
        name: String,
        /// Owner of the key. Fairness between submitters counts trials by owner [default: the name of the key].
        #[arg(long)]
        owner: Option<String>,
        /// Permissions: `read`; `tasks`, which also submits, cancels and retries; or `full`.
        #[arg(long, default_value_t = Scope::Full)]
        scope: Scope,
        /// Days until the key expires [default: never].
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_DAYS)))]
        expires_in_days: Option<u32>,
        /// Print the key and its properties as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// List all keys, including revoked and expired ones.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key. Within a minute, no server accepts it.
    Revoke {
        /// Id of the key, as `list` shows it.
        id: String,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Replace the secret of the deployment by that of this server.
    ///
    /// Use it if the old secret was lost or disclosed. Stop all servers and workers first, and start them with the new secret afterwards. Environment variables of
    /// agents that the old secret sealed cannot be read any more: trials that have them and have not ended will fail.
    #[command(after_help = "\
Examples:
  ODDISH_SECRET_KEY=$(openssl rand -base64 32) oddish-server secret replace
  rm /var/lib/oddish/secret-key && oddish-server secret replace")]
    Replace {
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum DatabaseCommand {
    /// The same as `init`, for scripts that use this name.
    Setup,
    /// Apply the migrations that the database does not have yet.
    Init,
    /// List migrations and whether the database has them.
    Status,
    /// Delete the schema of Oddish with all data, and create it again, empty.
    Reset {
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Delete all tasks, trials and experiments, and keep the schema.
    Purge {
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Does nothing: the queue is part of the migrations.
    InstallPgqueuer,
}
