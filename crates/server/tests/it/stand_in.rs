//! A stand-in for Harbor's interpreter, for tests that are about scheduling and not about Harbor: it speaks the driver's protocol and
//! writes a real output folder.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::stack::Stack;

const SCRIPT: &str = include_str!("../fixtures/harbor_stand_in.py");

/// Puts the stand-in into the stack's folder, and returns its path for `ODDISH_HARBOR_PYTHON`.
pub(crate) fn install(stack: &Stack) -> PathBuf {
    let path = stack.folder().join("harbor-stand-in");
    // A `python3` on the PATH may be a script that starts another one, whose files a confined process cannot read.
    let python = std::env::var("ODDISH_HARBOR_PYTHON").expect("run this with `cargo xtask test`, which sets Harbor up");
    let (_, script) = SCRIPT.split_once('\n').unwrap();
    std::fs::write(&path, format!("#!{python}\n{script}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}
