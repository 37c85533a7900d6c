//! The table of failures against the Harbor that is installed: a new version brings new exceptions.

use std::collections::BTreeSet;
use std::process::Command;

use oddish_domain::failure::{KNOWN, Source};

/// Exceptions of Harbor that never end a trial: those of commands that are not used here, and those that are always
/// caught where they are raised.
const NEVER_IN_A_TRIAL: &[&str] = &[
    "ApiKeyRejectedError",
    "ComposeLoadError",
    "EmptyDatasetError",
    "HarborHubAgentCatalogError",
    "HostedNotApprovedError",
    "HostedQuotaExceededError",
    "LeaderboardAPIError",
    "MultimodalExportError",
    "NotAuthenticatedError",
    "OAuthCallbackError",
    "OwnerOrgError",
    "QueryError",
    "RegistryCredentialReplacementRequired",
    "RegradeError",
    "RelayError",
    "ResponseError",
    "SQLiteError",
    "SecretReplacementRequired",
    "StaleAccessTokenError",
    "StreamError",
    "TaskVersionNotFoundError",
    "UnavailableDatasetTasksError",
    "_BatchUpdateError",
    "_OutputLimitExceeded",
    "_SnapshotNeedsCreate",
];

/// Prints the names of the exceptions of a package, by its source: importing all of Harbor would need every sandbox
/// provider's library. The arguments are the package and the names of its files.
const EXCEPTIONS: &str = r#"
import ast, builtins, importlib.util, pathlib, sys

package = pathlib.Path(importlib.util.find_spec(sys.argv[1]).origin).parent
bases = {}
for file in package.rglob(sys.argv[2]):
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ClassDef):
            named = {ast.unparse(base).rsplit(".", 1)[-1] for base in node.bases}
            bases.setdefault(node.name, set()).update(named)

exceptions = {
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
} | {"CancelledError"}
# By their names, where a base class is of another package.
found = {name for name in bases if name.endswith(("Error", "Exception"))}
found |= {name for name, named in bases.items() if any(base.endswith(("Error", "Exception")) for base in named)}
while more := {name for name, named in bases.items() if named & (exceptions | found)} - found:
    found |= more
print("\n".join(found))
"#;

/// Prints the names that Harbor itself has a rule for.
const POLICIES: &str = r#"
from harbor.models.trial.error_policy import ERROR_POLICIES

print("\n".join(ERROR_POLICIES))
"#;

fn ask(script: &str, arguments: &[&str]) -> BTreeSet<String> {
    let python = std::env::var_os("ODDISH_HARBOR_PYTHON")
        .expect("ODDISH_HARBOR_PYTHON is not set: run the tests with `cargo xtask test`, which sets Harbor up");
    let output = Command::new(python).args(["-I", "-c", script]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn known(wanted: impl Fn(Source) -> bool) -> BTreeSet<String> {
    let names = KNOWN.iter().filter(|known| wanted(known.source)).flat_map(|known| known.names);
    names.map(|name| (*name).to_owned()).collect()
}

fn missing<'a>(from: &'a BTreeSet<String>, of: &'a BTreeSet<String>) -> Vec<&'a String> {
    of.difference(from).collect()
}

#[test]
fn every_exception_of_harbor_has_a_class_and_none_is_made_up() {
    let installed = ask(EXCEPTIONS, &["harbor", "*.py"]);
    let never: BTreeSet<String> = NEVER_IN_A_TRIAL.iter().map(|name| (*name).to_owned()).collect();
    let named = known(|_| true).union(&never).cloned().collect();
    let none: Vec<&String> = Vec::new();
    assert_eq!(missing(&named, &installed), none, "exceptions of the installed Harbor without a class");
    let ours = known(|source| source == Source::Harbor).union(&never).cloned().collect();
    assert_eq!(missing(&installed, &ours), none, "exceptions in the table that the installed Harbor does not have");
}

#[test]
fn every_exception_that_harbor_has_a_rule_for_has_a_class() {
    let none: Vec<&String> = Vec::new();
    let never: BTreeSet<String> = NEVER_IN_A_TRIAL.iter().map(|name| (*name).to_owned()).collect();
    let named = known(|_| true).union(&never).cloned().collect();
    assert_eq!(missing(&named, &ask(POLICIES, &[])), none);
}

/// Prints the names of the exceptions after which Harbor calls a reward valid, of those that it knows.
const VALID: &str = r#"
from harbor.models.trial.error_policy import ERROR_POLICIES

print("\n".join(name for name, policy in ERROR_POLICIES.items() if policy.has_valid_reward))
"#;

#[test]
fn a_reward_counts_beside_the_exceptions_that_harbor_lists() {
    let ours = KNOWN.iter().filter(|known| known.graded).flat_map(|known| known.names);
    let ours: BTreeSet<String> = ours.map(|name| (*name).to_owned()).collect();
    assert_eq!(ours, ask(VALID, &[]));
}

#[test]
fn the_exceptions_of_litellm_exist() {
    let none: Vec<&String> = Vec::new();
    let installed = ask(EXCEPTIONS, &["litellm", "exceptions.py"]);
    assert_eq!(missing(&installed, &known(|source| source == Source::LiteLlm)), none);
}
