//! Packing a folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use oddish_artifacts::archive::{LinkProblem, PackError, UnpackLimits, pack, unpack};
use oddish_artifacts::hash::{content_hash, sha256_file};

async fn packed(dir: &Path) -> Result<Vec<u8>, PackError> {
    let mut out = Vec::new();
    pack(dir, &mut out).await.map(|_| out)
}

fn task() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [("task.toml", "x = 1\n"), ("a-b/x", "y"), ("a/.hidden", "h"), ("tests/test.sh", "exit 0\n")]
    {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::create_dir(dir.path().join("environment")).unwrap();
    fs::set_permissions(dir.path().join("tests/test.sh"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(dir.path().join("n".repeat(180)), vec![7; 600_000]).unwrap();
    dir
}

#[tokio::test]
async fn what_was_packed_comes_out_again() {
    let dir = task();
    let mut archive = Vec::new();
    let summary = pack(dir.path(), &mut archive).await.unwrap();
    assert_eq!((summary.files, summary.bytes), (5, 600_015));
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("copy");
    unpack(&archive[..], &copy, &UnpackLimits::default()).await.unwrap();
    assert_eq!(content_hash(&copy).await.unwrap(), content_hash(dir.path()).await.unwrap());
    assert!(copy.join("environment").is_dir(), "empty folders are kept");
    let stored = tempfile::NamedTempFile::new().unwrap();
    fs::write(&stored, &archive).unwrap();
    assert_eq!(summary.sha256, sha256_file(stored.path()).await.unwrap());
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn permissions_survive_as_they_are() {
    let dir = task();
    let modes = [
        ("task.toml", 0o600),
        ("a/.hidden", 0o444),
        ("a-b/x", 0o666),
        ("tests/test.sh", 0o711),
        ("environment", 0o700),
        ("a-b", 0o777),
    ];
    for (name, mode) in modes {
        set_mode(&dir.path().join(name), mode);
    }
    // What is about owners stays behind.
    let special = [("instruction.md", 0o6755), ("solution", 0o3775)];
    fs::write(dir.path().join("instruction.md"), "Do it.").unwrap();
    fs::create_dir(dir.path().join("solution")).unwrap();
    for (name, mode) in special {
        set_mode(&dir.path().join(name), mode);
    }
    let archive = packed(dir.path()).await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("copy");
    unpack(&archive[..], &copy, &UnpackLimits::default()).await.unwrap();
    let mode = |name: &str| fs::metadata(copy.join(name)).unwrap().permissions().mode() & 0o7777;
    for (name, expected) in modes {
        assert_eq!(mode(name), expected, "{name}");
    }
    for (name, original) in special {
        assert_eq!(mode(name), original & 0o777, "{name}");
    }
    assert_eq!(packed(&copy).await.unwrap(), archive, "what came out is packed as what went in");
}

/// What is done to a folder, and in words.
type Change = (&'static str, fn(&Path));

/// The published content hash is blind to all of these; the archive's is not.
#[tokio::test]
async fn what_the_content_hash_does_not_see_makes_another_archive() {
    let changes: [Change; 5] = [
        ("a file may be executed", |dir| set_mode(&dir.join("task.toml"), 0o755)),
        ("a file is for its owner only", |dir| set_mode(&dir.join("task.toml"), 0o600)),
        ("a folder is for its owner only", |dir| set_mode(&dir.join("a"), 0o700)),
        ("an empty folder more", |dir| fs::create_dir(dir.join("tests/empty")).unwrap()),
        ("the bytes of two files in one", |dir| {
            let second = fs::read_to_string(dir.join("tests/test.sh")).unwrap();
            fs::remove_file(dir.join("tests/test.sh")).unwrap();
            let first = fs::read_to_string(dir.join("task.toml")).unwrap();
            fs::write(dir.join("task.toml"), format!("{first}tests/test.sh{second}")).unwrap();
        }),
    ];
    let sha256 = async |dir: &Path| pack(dir, &mut Vec::new()).await.unwrap().sha256;
    for (what, change) in changes {
        let (one, other) = (task(), task());
        set_mode(&one.path().join("tests/test.sh"), 0o644);
        set_mode(&other.path().join("tests/test.sh"), 0o644);
        assert_eq!(sha256(one.path()).await, sha256(other.path()).await);
        change(other.path());
        let hashes = [content_hash(one.path()).await.unwrap(), content_hash(other.path()).await.unwrap()];
        assert_eq!(hashes[0], hashes[1], "{what}: it is to be told from the archive");
        assert_ne!(sha256(one.path()).await, sha256(other.path()).await, "{what}");
    }
}

#[tokio::test]
async fn the_same_contents_give_the_same_bytes() {
    let (one, other) = (task(), task());
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    fs::File::open(other.path().join("task.toml")).unwrap().set_modified(long_ago).unwrap();
    assert_eq!(packed(one.path()).await.unwrap(), packed(other.path()).await.unwrap());
}

#[tokio::test]
async fn links_become_what_they_name() {
    let dir = task();
    symlink("../task.toml", dir.path().join("a/link")).unwrap();
    symlink("link", dir.path().join("a/again")).unwrap();
    symlink("../a", dir.path().join("tests/data")).unwrap();
    symlink(dir.path().join("tests"), dir.path().join("shared")).unwrap();
    let archive = packed(dir.path()).await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("copy");
    unpack(&archive[..], &copy, &UnpackLimits::default()).await.unwrap();
    assert_eq!(fs::read_to_string(copy.join("a/link")).unwrap(), "x = 1\n");
    assert!(fs::symlink_metadata(copy.join("a/link")).unwrap().is_file());
    for name in ["a/again", "tests/data/link", "tests/data/again", "shared/data/again"] {
        assert_eq!(fs::read_to_string(copy.join(name)).unwrap(), "x = 1\n", "{name}");
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        mode(&copy.join("shared/test.sh")),
        mode(&dir.path().join("tests/test.sh")),
        "a copy has the modes of what it is one of"
    );
    assert_eq!(content_hash(&copy).await.unwrap(), content_hash(dir.path()).await.unwrap());
}

#[rstest::rstest]
#[case::outside("/etc/hostname", LinkProblem::Outside)]
#[case::a_folder_outside("/etc", LinkProblem::Outside)]
#[case::above("../..", LinkProblem::Outside)]
#[case::through_another("zchain", LinkProblem::Outside)]
#[case::below_another("zchain/nowhere-at-all", LinkProblem::Nowhere)]
#[case::broken("nowhere", LinkProblem::Nowhere)]
#[case::itself("odd", LinkProblem::Circle)]
#[case::each_other("../tests/back", LinkProblem::Circle)]
#[case::its_folder(".", LinkProblem::Circle)]
#[case::the_task("..", LinkProblem::Circle)]
#[tokio::test]
async fn other_links_are_named_with_what_is_wrong(#[case] target: &str, #[case] problem: LinkProblem) {
    let dir = task();
    // These come after it.
    symlink("/", dir.path().join("a/zchain")).unwrap();
    symlink("../a/odd", dir.path().join("tests/back")).unwrap();
    symlink(target, dir.path().join("a/odd")).unwrap();
    let error = packed(dir.path()).await.unwrap_err();
    let PackError::Link { path, problem: found } = &error else { panic!("{error:?}") };
    assert_eq!((path.as_path(), *found), (Path::new("a/odd"), problem), "{error}");
}

/// Twenty links can name a million files.
#[tokio::test]
async fn links_do_not_multiply_a_folder_without_end() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("f0")).unwrap();
    fs::write(dir.path().join("f0/x"), "").unwrap();
    for level in 1..20 {
        let folder = dir.path().join(format!("f{level}"));
        fs::create_dir(&folder).unwrap();
        for name in ["one", "two"] {
            symlink(format!("../f{}", level - 1), folder.join(name)).unwrap();
        }
    }
    assert!(matches!(packed(dir.path()).await.unwrap_err(), PackError::TooManyEntries { limit: 10_000 }));
}

#[tokio::test]
async fn pipes_are_named_and_not_waited_for() {
    let dir = task();
    nix::unistd::mkfifo(&dir.path().join("a/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let error = packed(dir.path()).await.unwrap_err();
    assert!(matches!(&error, PackError::UnsupportedType { path } if path == Path::new("a/pipe")), "{error:?}");
}

#[tokio::test]
async fn names_that_are_not_utf8_are_named() {
    use std::os::unix::ffi::OsStrExt;
    let dir = task();
    fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"a\xff")), "").unwrap();
    assert!(matches!(packed(dir.path()).await.unwrap_err(), PackError::NonUtf8Name { .. }));
}

/// On Linux, where the two can lie side by side.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn names_that_are_one_file_elsewhere_are_named() {
    let dir = task();
    fs::write(dir.path().join("Task.toml"), "").unwrap();
    let PackError::Collision { path, other } = packed(dir.path()).await.unwrap_err() else { panic!("another error") };
    assert_eq!((path.as_path(), other.as_path()), (Path::new("task.toml"), Path::new("Task.toml")));
}

#[tokio::test]
async fn a_file_is_no_folder() {
    let dir = task();
    assert!(matches!(packed(&dir.path().join("task.toml")).await.unwrap_err(), PackError::Io { .. }));
    assert!(matches!(packed(&dir.path().join("nowhere")).await.unwrap_err(), PackError::Io { .. }));
}

/// The kernel reports these files as empty, and then there is something to read: as if they grew meanwhile.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_grows_meanwhile_is_named() {
    let error = packed(Path::new("/proc/sys/kernel/random")).await.unwrap_err();
    assert!(matches!(&error, PackError::Changed { .. }), "{error:?}");
}
