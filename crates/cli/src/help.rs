//! What the help of every command ends with.

const ENVIRONMENT: &str = "\
Environment:
  ODDISH_API_URL    The server, such as http://localhost:8000
  ODDISH_API_KEY    Key for the server, where it needs one
  NO_COLOR          Set to anything for output without colours";

/// The end of a command's help: its own examples, then the variables that every command reads.
pub(crate) fn after(examples: &str) -> String {
    format!("{examples}\n\n{ENVIRONMENT}")
}
