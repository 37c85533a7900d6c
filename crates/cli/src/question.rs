//! Questions before something that cannot be taken back.

use std::io::{self, IsTerminal as _, Write as _};

use crate::failure::Failure;

/// Asks whether to go on. With `--yes` nobody is asked. Where nobody can be, since there is no terminal, that is a usage error. Only `y` and
/// `yes` mean yes.
pub(crate) fn confirmed(question: &str, yes: bool) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::usage(format!("{question} There is no terminal to ask at"))
            .with_hint("answer with --yes, if this is what you want"));
    }
    let mut stderr = anstream::stderr();
    let mut answer = String::new();
    write!(stderr, "{question} [y/N] ")
        .and_then(|()| stderr.flush())
        .and_then(|()| io::stdin().read_line(&mut answer))
        .map_err(|error| Failure::new(format!("cannot ask at the terminal: {error}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
