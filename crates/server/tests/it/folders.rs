//! Folders of this machine: where they are, and who else may write to them.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use crate::stack::{Stack, hello};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

#[tokio::test]
async fn folders_that_others_may_write_to_are_refused() {
    let mut stack = Stack::new().await;
    let folder = stack.folder().to_path_buf();
    for (setting, name) in [
        ("ODDISH_HOME", "home"),
        ("ODDISH_LOCAL_STORAGE_DIR", "oddish-tasks"),
        ("ODDISH_HARBOR_JOBS_DIR", "harbor-jobs"),
    ] {
        let path = folder.join(name);
        std::fs::create_dir_all(&path).unwrap();
        for (bits, programs) in [(0o777, &["api", "--port", "0"][..]), (0o1777, &["worker"]), (0o770, &["worker"])] {
            std::fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
            let error = stack.refusal(programs).await;
            assert!(error.contains(&format!("chmod go-w {}", path.display())), "{setting}: {error}");
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    // The way there counts as much.
    std::fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    let error = stack.refusal(&["worker"]).await;
    assert!(error.contains(&format!("chmod go-w {}`", folder.display())), "{error}");
    std::fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    stack.start_api(&[]).await;
}

#[tokio::test]
async fn a_folder_of_another_user_is_refused() {
    let mut stack = Stack::new().await;
    let path = stack.folder().join("oddish-tasks");
    std::fs::create_dir(&path).unwrap();
    let stranger = 65_534;
    if chown(&path, Some(stranger), Some(stranger)).is_err() {
        // Only root can give a folder away; everybody else has some that are root's.
        stack.set("ODDISH_LOCAL_STORAGE_DIR", "/usr");
    }
    let error = stack.refusal(&["api", "--port", "0"]).await;
    assert!(error.contains("belongs to the user with the number") && error.contains("chown"), "{error}");
}

#[tokio::test]
async fn what_no_setting_puts_elsewhere_is_below_the_home_folder() {
    let mut stack = Stack::new().await;
    // Empty is as good as not set.
    stack.set("ODDISH_LOCAL_STORAGE_DIR", "");
    stack.set("ODDISH_HARBOR_JOBS_DIR", "");
    stack.start_api(&[]).await;
    let task_id = stack.submit(&hello(), &["-a", "oracle"]).remove(0);
    let completed = stack.completed(&task_id).await;
    assert_eq!(completed["trials"][0]["status"], "success", "{completed}");
    let home = stack.folder().join("home");
    assert!(home.join(format!("artifacts/tasks/{task_id}/trials/{task_id}-0/attempt-1/result.json")).is_file());
    // Harbor may have to get through to an attempt's folder as another user.
    for (folder, expected) in [("artifacts", 0o700), ("harbor-jobs", 0o711)] {
        assert_eq!(mode(&home.join(folder)), expected, "{folder}");
    }
    assert_eq!(mode(&home) & 0o066, 0, "nobody else may list it");
    assert_eq!(mode(&home.join("secret-key")), 0o600);
}
