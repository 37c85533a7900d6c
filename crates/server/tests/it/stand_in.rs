//! A stand-in for Harbor's interpreter, for tests that are about scheduling and not about Harbor: it speaks the driver's protocol and
//! writes a real output folder.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::stack::Stack;

const SCRIPT: &str = include_str!("../fixtures/harbor_stand_in.py");

/// Puts the stand-in into the stack's folder, and returns its path for `ODDISH_HARBOR_PYTHON`.
pub(crate) fn install(stack: &Stack) -> PathBuf {
    let path = stack.folder().join("harbor-stand-in");
    std::fs::write(&path, SCRIPT).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}
