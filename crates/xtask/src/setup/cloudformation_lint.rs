//! What checks template.yaml: cfn-lint, and SAM's own validation.

use std::path::PathBuf;

use anyhow::Result;

use super::{lock, venv};

const CFN_LINT: &str = "cfn-lint==1.58.0";
const SAM: &str = "aws-sam-cli==1.170.0";

/// The two programs, from `PyPI`.
pub(crate) struct Linters {
    pub(crate) cfn_lint: PathBuf,
    pub(crate) sam: PathBuf,
}

const QUESTION: &[&str] = &["--version"];

/// Installs them if they are missing. Each has a venv of its own: they ask for different versions of the same packages.
pub(crate) fn ensure() -> Result<Linters> {
    let _lock = lock()?;
    Ok(Linters { cfn_lint: venv::program("cfn-lint", QUESTION, CFN_LINT)?, sam: venv::program("sam", QUESTION, SAM)? })
}

/// A Python that can import SAM's transform.
#[cfg(test)]
pub(crate) fn python_with_sam() -> Result<PathBuf> {
    let _lock = lock()?;
    Ok(venv::program("sam", QUESTION, SAM)?.with_file_name("python"))
}
