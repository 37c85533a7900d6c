//! The arguments of `oddish run` (docs/compatibility.md, 2.2).

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use oddish_api_types::Priority;

use super::task_dirs::TaskNames;
use crate::commands::fail_under;
use crate::config_file::{self, Content};
use crate::help;

const EXAMPLES: &str = "\
Examples:
  oddish run ./my-task -a claude-code -m claude-sonnet-4-5
  oddish run ./my-task -a oracle                      The task's own solution
  oddish run ./tasks -a codex -m gpt-5.2 -l 10        Ten tasks of a folder
  oddish run ./tasks/* -c sweep.yaml -t 'swe-*'       Several agents, some tasks
  oddish run ./suites -a nop --task-names path        suites/a/fix as a-fix, b/fix as b-fix
  oddish run ./my-task -a nop --background --json     Submit, print JSON, return

Exit status:
  0    submitted and, where watched, all trials were executed
  1    something could not be submitted, or a request failed
  2    the command line makes no sense
  3    watched trials failed to execute
  4    a reward is below --fail-under, or there is no headline
  130  a watch was ended with Ctrl-C; the trials go on

A reward of 0 is a result, not a failure. With --json, stdout is one JSON
object: what was submitted; with --json --watch also the status and the
trials of each task and the results, once all have ended.";

/// Run trials of one or more Harbor tasks
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct RunArgs {
    /// Task directories, or directories of task directories
    #[arg(value_name = "PATH", conflicts_with = "path")]
    pub(crate) paths: Vec<PathBuf>,

    /// The same as PATH
    #[arg(short, long, value_name = "PATH")]
    pub(crate) path: Option<PathBuf>,

    /// Agent to evaluate [default: claude-code]
    #[arg(short, long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) agent: Option<String>,

    /// Model of the agent; not needed for nop and oracle
    #[arg(short, long)]
    pub(crate) model: Option<String>,

    /// Trials of each agent on each task [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) n_trials: Option<u32>,

    /// Sweep file or Harbor job configuration (YAML or JSON) that lists agents; flags win over its values
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Sandbox that trials run in: docker, daytona, e2b, modal, ... [default: the server's]
    #[arg(short, long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) env: Option<String>,

    /// Whether trials go before others: high or low [default: low]
    #[arg(short = 'P', long)]
    pub(crate) priority: Option<Priority>,

    /// Experiment to add to, by id or name [default: a new one]
    #[arg(short = 'E', long, value_name = "ID|NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) experiment: Option<String>,

    /// Who submits; a label [default: the user of this machine]
    #[arg(short, long)]
    pub(crate) user: Option<String>,

    /// GitHub user on whose behalf this runs
    #[arg(short = 'G', long, value_name = "NAME")]
    pub(crate) github_user: Option<String>,

    /// Labels of a pull request, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub(crate) github_meta: Option<String>,

    /// What tasks are named after: folder, or path, which names PATH/a/b a-b and looks for tasks at any depth [default: folder]
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(crate) task_names: TaskNames,

    /// Run only tasks whose name matches this glob; repeatable
    #[arg(short, long, value_name = "GLOB")]
    pub(crate) task_name: Vec<String>,

    /// Leave out tasks whose name matches this glob; repeatable
    #[arg(short = 'x', long, value_name = "GLOB")]
    pub(crate) exclude_task_name: Vec<String>,

    /// Run at most this many tasks, in order of their names
    #[arg(short = 'l', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) n_tasks: Option<u32>,

    /// Don't run the tests: trials end without a reward
    #[arg(long)]
    pub(crate) disable_verification: bool,

    /// CPUs of the sandbox
    #[arg(long, alias = "env-cpus", value_name = "N")]
    pub(crate) override_cpus: Option<u32>,

    /// Memory of the sandbox in MB
    #[arg(long, alias = "env-memory-mb", value_name = "MB")]
    pub(crate) override_memory_mb: Option<u32>,

    /// GPUs of the sandbox
    #[arg(long, alias = "env-gpus", value_name = "N")]
    pub(crate) override_gpus: Option<u32>,

    /// Disk of the sandbox in MB
    #[arg(long, alias = "env-storage-mb", value_name = "MB")]
    pub(crate) override_storage_mb: Option<u32>,

    /// Build the task's image even where a built one could be used
    #[arg(long)]
    pub(crate) force_build: bool,

    /// Keyword argument for the agent; repeatable
    #[arg(long, visible_alias = "ak", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) agent_kwarg: Vec<(String, String)>,

    /// Environment variable for the agent, stored encrypted; repeatable. KEY alone takes its value from this process's environment
    #[arg(long, visible_alias = "ae", value_name = "KEY[=VALUE]")]
    pub(crate) agent_env: Vec<String>,

    /// The same, and its value is taken out of logs and results, as it is of keys, tokens and passwords by their names; repeatable
    #[arg(long, visible_alias = "sae", value_name = "KEY[=VALUE]")]
    pub(crate) secret_agent_env: Vec<String>,

    /// The agent's time-out in minutes [default: the task's]
    #[arg(long, value_name = "MINUTES", value_parser = positive)]
    pub(crate) timeout_minutes: Option<f64>,

    /// Watch until all trials have ended, then show results [default without --json]
    #[arg(short, long, overrides_with = "no_watch")]
    pub(crate) watch: bool,

    /// Exit with 4 if the reward of an agent and model is below this at the end, or is not shown
    #[arg(long, value_name = "REWARD", allow_negative_numbers = true, value_parser = fail_under::bar,
        conflicts_with_all = ["no_watch", "background"])]
    pub(crate) fail_under: Option<f64>,

    /// Return once everything is submitted
    #[arg(long, overrides_with = "watch")]
    pub(crate) no_watch: bool,

    /// The same as --no-watch
    #[arg(short, long, visible_alias = "async", conflicts_with = "watch")]
    pub(crate) background: bool,

    /// Print results and errors only
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// URL of the server; wins over the environment
    #[arg(long, value_name = "URL")]
    pub(crate) api: Option<String>,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

impl RunArgs {
    /// Whether to stay until the trials have ended.
    pub(crate) fn watches(&self) -> bool {
        self.watch || self.fail_under.is_some() || !(self.no_watch || self.background || self.json)
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("it is a number above 0".into()),
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().into(), value.into())),
        _ => Err("it is written KEY=VALUE".into()),
    }
}

fn json_object(text: &str) -> Result<String, String> {
    let example = "it is a JSON object such as {\"pr\": \"12\"}";
    match config_file::parse_json(text) {
        Ok(node) if matches!(node.content, Content::Mapping(_)) => Ok(text.into()),
        Ok(_) => Err(example.into()),
        Err(fault) => Err(format!("{example}: {fault}")),
    }
}
