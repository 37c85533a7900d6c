//! Files one after the other.

use std::fs;

use oddish_artifacts::file_pack::{PackedFile, pack_files};

#[tokio::test]
async fn each_file_lies_where_the_index_says_and_is_moved() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tests")).unwrap();
    for (path, content) in [("task.toml", "[agent]\n"), ("tests/empty", ""), ("tests/test.sh", "exit 0\n")] {
        fs::write(folder.path().join(path), content).unwrap();
    }
    let paths = ["task.toml", "tests/empty", "tests/test.sh"].map(str::to_owned).to_vec();
    let pack = pack_files(folder.path(), paths).await.unwrap();
    let place = |path: &str, start, size| PackedFile { path: path.to_owned(), start, size };
    assert_eq!(pack.files, [place("task.toml", 0, 8), place("tests/empty", 8, 0), place("tests/test.sh", 8, 7)]);
    assert_eq!(fs::read(pack.content.path()).unwrap(), b"[agent]\nexit 0\n");
    assert!(!folder.path().join("task.toml").exists(), "the disk never holds everything twice");
}

#[tokio::test]
async fn a_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
    pack_files(folder.path(), vec!["link".to_owned()]).await.unwrap_err();
}
