//! The arguments of `oddish completions`.

use clap::Args;
use clap_complete::Shell;

use crate::help;

const EXAMPLES: &str = "\
Examples:
  oddish completions bash > ~/.local/share/bash-completion/completions/oddish
  oddish completions zsh > ~/.zfunc/_oddish
  oddish completions fish > ~/.config/fish/completions/oddish.fish

Exit status:
  0  printed
  2  the command line makes no sense";

/// Print the script that completes this command line in a shell
#[derive(Args, Debug)]
#[command(after_help = help::after(EXAMPLES))]
pub(crate) struct CompletionsArgs {
    /// Shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,

    /// Print JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,
}
