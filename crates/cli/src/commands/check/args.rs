//! The arguments of `oddish check`.

use std::path::PathBuf;

use clap::Args;

use crate::help;
use crate::task_dirs::TaskNames;

const EXAMPLES: &str = "\
Examples:
  oddish check ./my-task
  oddish check ./tasks -t 'swe-*'
  oddish check ./tasks -c sweep.yaml --json

`oddish run` makes the same checks before it sends anything. No server is needed.

Exit status:
  0  no faults; there may be warnings
  1  a task or the file has faults
  2  the command line makes no sense";

/// Check tasks and a sweep file without sending anything
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct CheckArgs {
    /// Task directories, or directories of task directories
    #[arg(value_name = "PATH", required_unless_present = "config")]
    pub(crate) paths: Vec<PathBuf>,

    /// Sweep file or Harbor job configuration to check too; without PATH, with the tasks that it names
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// What tasks are named after: folder, or path [default: folder]
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(crate) task_names: TaskNames,

    /// Check only tasks whose name matches this glob; repeatable
    #[arg(short, long, value_name = "GLOB")]
    pub(crate) task_name: Vec<String>,

    /// Leave out tasks whose name matches this glob; repeatable
    #[arg(short = 'x', long, value_name = "GLOB")]
    pub(crate) exclude_task_name: Vec<String>,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,
}
