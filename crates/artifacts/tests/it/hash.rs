//! The content hash and the hash of a file.

use std::fs;
use std::os::unix::fs::symlink;

use oddish_artifacts::hash::{HashError, content_hash, sha256_file};

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const VECTOR: &str = "8de7759a990dea8618ba1a05184540d00d3c95a2dd7d7431331769b6f1600b3c";

fn vector() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [
        (".hidden", "h"),
        ("a/x", "x"),
        ("a-b/x", "y"),
        ("environment/Dockerfile", "FROM scratch\n"),
        ("instruction.md", "hello\n"),
        ("task.toml", "[agent]\ntimeout_sec = 60\n"),
        ("tests/test.sh", "exit 0\n"),
    ] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

#[tokio::test]
async fn matches_the_published_vectors() {
    assert_eq!(content_hash(vector().path()).await.unwrap(), VECTOR);
    assert_eq!(content_hash(tempfile::tempdir().unwrap().path()).await.unwrap(), EMPTY);
}

#[tokio::test]
async fn links_count_as_what_they_name() {
    let dir = vector();
    fs::create_dir(dir.path().join("empty")).unwrap();
    symlink("../a", dir.path().join("a/circle")).unwrap();
    symlink("nowhere", dir.path().join("broken-link")).unwrap();
    symlink("loop", dir.path().join("loop")).unwrap();
    assert_eq!(content_hash(dir.path()).await.unwrap(), VECTOR);

    let target = tempfile::NamedTempFile::new().unwrap();
    fs::write(&target, "h").unwrap();
    fs::remove_file(dir.path().join(".hidden")).unwrap();
    symlink(target.path(), dir.path().join(".hidden")).unwrap();
    assert_eq!(content_hash(dir.path()).await.unwrap(), VECTOR);

    let copied = vector();
    fs::create_dir(copied.path().join("b")).unwrap();
    fs::write(copied.path().join("b/x"), "x").unwrap();
    symlink("a", dir.path().join("b")).unwrap();
    assert_eq!(content_hash(dir.path()).await.unwrap(), content_hash(copied.path()).await.unwrap());
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let error = content_hash("/nowhere/at/all".as_ref()).await.unwrap_err();
    assert!(matches!(&error, HashError::Read { path, .. } if path.ends_with("nowhere/at/all")), "{error:?}");
}

#[tokio::test]
async fn a_file_is_hashed_by_its_bytes() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(sha256_file(file.path()).await.unwrap(), EMPTY);
    fs::write(&file, "abc").unwrap();
    assert_eq!(
        sha256_file(file.path()).await.unwrap(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}
