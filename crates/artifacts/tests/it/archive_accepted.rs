//! What archives of honest senders look like, and what becomes of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use oddish_artifacts::archive::{UnpackLimits, inspect, unpack};
use tokio_tar::EntryType;

use crate::fixture::{Tar, gzip};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn files_folders_and_modes_are_restored() {
    let place = tempfile::tempdir().unwrap();
    let task = place.path().join("made/on/the/way/task");
    let archive = Tar::new()
        .folder("./")
        .file("./task.toml", "[agent]\n")
        .folder("environment/")
        .member(EntryType::Regular, "tests/test.sh", 0o4775, "exit 0\n")
        .member(EntryType::Regular, "tests//.hidden", 0o666, "")
        .gzipped()
        .await;
    let summary = unpack(&archive[..], &task, &UnpackLimits::default()).await.unwrap();
    assert_eq!(summary.paths, ["task.toml", "tests/.hidden", "tests/test.sh"]);
    assert_eq!((summary.files, summary.bytes), (3, 15));
    assert_eq!(fs::read(task.join("tests/test.sh")).unwrap(), b"exit 0\n");
    assert_eq!(mode(&task.join("tests/test.sh")), 0o775, "as it was, but never setuid");
    assert_eq!(mode(&task.join("tests/.hidden")), 0o666);
    assert_eq!(mode(&task), 0o700, "whatever is open below it is so for its owner only");
    assert!(task.join("environment").is_dir());
    assert_eq!(fs::read_dir(task.parent().unwrap()).unwrap().count(), 1);
}

#[tokio::test]
async fn what_nobody_may_read_stays_readable_for_whoever_unpacks_it() {
    let place = tempfile::tempdir().unwrap();
    let task = place.path().join("task");
    let archive = Tar::new()
        .member(EntryType::Directory, "closed/", 0o000, "")
        .member(EntryType::Regular, "closed/secret", 0o000, "1")
        .member(EntryType::Directory, "read-only/", 0o555, "")
        .member(EntryType::Regular, "read-only/file", 0o222, "2")
        .gzipped()
        .await;
    unpack(&archive[..], &task, &UnpackLimits::default()).await.unwrap();
    let modes = ["closed", "closed/secret", "read-only", "read-only/file"].map(|name| mode(&task.join(name)));
    assert_eq!(modes, [0o700, 0o400, 0o755, 0o622]);
    assert_eq!(fs::read(task.join("read-only/file")).unwrap(), b"2");
    fs::remove_dir_all(&task).unwrap();
}

#[tokio::test]
async fn an_empty_folder_may_be_unpacked_into() {
    let place = tempfile::tempdir().unwrap();
    let archive = Tar::new().file("task.toml", "").gzipped().await;
    let dest = place.path().to_path_buf();
    // Spawned, since handlers need futures that may move between threads.
    let unpacking = tokio::spawn(async move { unpack(&archive[..], &dest, &UnpackLimits::default()).await });
    unpacking.await.unwrap().unwrap();
    assert!(place.path().join("task.toml").is_file());
}

#[tokio::test]
async fn inspect_lists_without_writing() {
    let archive = Tar::new()
        .file("tests/test.sh", "exit 0\n")
        .file("task.toml", "x = 'ü'\n")
        .folder("environment")
        .gzipped()
        .await;
    let listing = inspect(&archive[..], &UnpackLimits::default()).await.unwrap();
    assert_eq!(listing.paths, ["task.toml", "tests/test.sh"]);
    assert_eq!(listing.folders, ["environment", "tests"]);
    assert_eq!(listing.task_toml.as_deref(), Some("x = 'ü'\n"));
    assert_eq!((listing.files, listing.bytes), (2, 16));
}

#[tokio::test]
async fn only_the_top_task_toml_is_read() {
    let archive = Tar::new().file("solution/task.toml", "inner").gzipped().await;
    assert_eq!(inspect(&archive[..], &UnpackLimits::default()).await.unwrap().task_toml, None);
}

#[tokio::test]
async fn long_names_of_both_formats_are_read() {
    let gnu = format!("{}/gnu", "g".repeat(200));
    let pax = format!("{}/päx", "p".repeat(200));
    let archive = Tar::new()
        .member(
            EntryType::XGlobalHeader,
            "pax_global_header",
            0o644,
            "52 comment=0123456789012345678901234567890123456789\n",
        )
        .gnu_long_name(&gnu)
        .file("cut off", "1")
        .pax(&[("mtime", "1700000000.5"), ("path", &pax), ("size", "2")])
        .file("cut off", "22")
        .file("plain", "333")
        .gzipped()
        .await;
    let listing = inspect(&archive[..], &UnpackLimits::default()).await.unwrap();
    assert_eq!(listing.paths, [gnu.as_str(), "plain", pax.as_str()]);
    assert_eq!(listing.bytes, 6);
}

#[tokio::test]
async fn padding_and_split_gzip_streams_are_read() {
    let mut tar = Tar::new().file("task.toml", "").ended();
    tar.resize(20 * 512, 0);
    let mut archive = gzip(&tar[..700]).await;
    archive.extend(gzip(&tar[700..]).await);
    assert_eq!(inspect(&archive[..], &UnpackLimits::default()).await.unwrap().paths, ["task.toml"]);
}

#[tokio::test]
async fn exactly_the_limits_is_not_too_much() {
    let limits = UnpackLimits { bytes: 4, entries: 3, component_bytes: 4, path_bytes: 6, depth: 2 };
    let archive = Tar::new().folder("./").file("task", "1234").file("d/file", "").gzipped().await;
    assert_eq!(inspect(&archive[..], &limits).await.unwrap().paths, ["d/file", "task"]);
}

#[tokio::test]
async fn names_that_no_file_system_takes_for_one_stand_side_by_side() {
    let names = ["a", "i", "\u{e4}", "\u{131}", "\u{430}", "a.b", "a b"];
    let archive = names.iter().fold(Tar::new(), |tar, name| tar.file(name, "")).gzipped().await;
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!(inspect(&archive[..], &UnpackLimits::default()).await.unwrap().paths, sorted);
}

#[tokio::test]
async fn files_larger_than_the_buffers_arrive_whole() {
    let content: Vec<u8> = (0..1_000_003_u32).map(|i| i.to_le_bytes()[1]).collect();
    let place = tempfile::tempdir().unwrap();
    let archive = Tar::new().file("big", &content).gzipped().await;
    unpack(&archive[..], &place.path().join("t"), &UnpackLimits::default()).await.unwrap();
    assert!(fs::read(place.path().join("t/big")).unwrap() == content);
}
