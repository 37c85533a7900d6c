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
    /// Run trials only, for an API that runs elsewhere on the same database and storage.
    Worker,
    /// Print every setting with its default, in the form of a .env file.
    Settings,
    /// Look after the keys of the API.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Look after the secret of the deployment.
    Secret {
        #[command(subcommand)]
        command: SecretCommand,
    },
    /// Look after the database.
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
    /// Trials that may run at once, for each model: a JSON object.
    #[arg(long, value_name = "JSON")]
    pub(crate) n_concurrent: Option<String>,
    /// Serve the API only; trials wait for an `oddish-server worker`.
    #[arg(long)]
    pub(crate) no_workers: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key. It is printed once, and only its hash is kept.
    #[command(after_help = "\
Examples:
  oddish-server keys create --name laptop --owner alice
  oddish-server keys create --name ci --scope tasks --expires-in-days 365
  export ODDISH_API_KEY=$(oddish-server keys create)")]
    Create {
        /// What to call it.
        #[arg(long, default_value = "default")]
        name: String,
        /// Whom it belongs to: what is submitted with it counts for them where several wait for the same slots [default: its name].
        #[arg(long)]
        owner: Option<String>,
        /// What it allows: `read` to look, `tasks` to submit, cancel and retry too, `full` for everything.
        #[arg(long, default_value_t = Scope::Full)]
        scope: Scope,
        /// After how many days it ends [default: never].
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_DAYS)))]
        expires_in_days: Option<u32>,
        /// Print the key and everything about it as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// List all keys, revoked and expired ones too.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key: within a minute it lets nobody in any more.
    Revoke {
        /// Id of the key, as `list` shows it.
        id: String,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Make this server's secret the one that the database is used with.
    ///
    /// For when the old one got lost or known. Stop all servers and workers first, and start them with the new one afterwards. What the old one
    /// sealed can't be read any more: trials with environment variables of agents fail, unless they have ended before.
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
    /// Prepare the database: everything that `init` does. Kept for scripts that call it by this name.
    Setup,
    /// Apply the migrations that the database lacks.
    Init,
    /// Say which migrations the database has.
    Status,
    /// Drop everything that Oddish has in the database, and create it anew, empty.
    Reset {
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Delete all tasks, trials and experiments; the schema stays.
    Purge {
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Does nothing: the queue is part of the migrations.
    InstallPgqueuer,
}
