//! What an archive must not hold: each with its own error, from reading and from unpacking, with nothing left behind.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use oddish_artifacts::archive::{ArchiveError, UnpackLimits, inspect, unpack};
use rstest::rstest;
use tokio_tar::EntryType;

use crate::fixture::{Tar, gzip};

/// Small enough to be broken by a small fixture.
fn limits() -> UnpackLimits {
    UnpackLimits { bytes: 100_000, entries: 6, component_bytes: 255, path_bytes: 600, depth: 4 }
}

/// The error that both ways of reading give, after looking that unpacking left nothing.
async fn refusal(archive: &[u8]) -> ArchiveError {
    let place = tempfile::tempdir().unwrap();
    let unpacked = unpack(archive, &place.path().join("task"), &limits()).await.unwrap_err();
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    let inspected = inspect(archive, &limits()).await.unwrap_err();
    assert_eq!(inspected.to_string(), unpacked.to_string());
    unpacked
}

fn good() -> Tar {
    Tar::new().file("task.toml", "").file("instruction.md", "hello\n")
}

fn special(entry_type: EntryType) -> Tar {
    good().member(entry_type, "tests/odd", 0o644, "")
}

#[rstest]
#[case::symbolic_link(special(EntryType::Symlink), "links not allowed: `tests/odd` is a symbolic link")]
#[case::hard_link(special(EntryType::Link), "links not allowed: `tests/odd` is a hard link")]
#[case::character_device(special(EntryType::Char), "only files and folders allowed: `tests/odd` is a device")]
#[case::block_device(special(EntryType::Block), "only files and folders allowed: `tests/odd` is a device")]
#[case::pipe(special(EntryType::Fifo), "only files and folders allowed: `tests/odd` is a pipe")]
#[case::sparse(special(EntryType::GNUSparse), "only files and folders allowed: `tests/odd` is a sparse file")]
#[case::pax_sparse(
    good().pax(&[("GNU.sparse.major", "1")]).file("odd", ""),
    "only files and folders allowed: `` is a sparse file"
)]
#[case::unknown_type(
    special(EntryType::new(b'Z')),
    "only files and folders allowed: `tests/odd` is a member of unknown type"
)]
#[case::absolute(good().file("/etc/passwd", ""), "absolute paths not allowed: `/etc/passwd`")]
#[case::absolute_in_pax(good().pax(&[("path", "/etc/passwd")]).file("x", ""), "absolute paths not allowed: `/etc/passwd`")]
#[case::absolute_folder(good().folder("/"), "absolute paths not allowed: `/`")]
#[case::traversal(good().file("a/../../b", ""), "path traversal: `a/../../b`")]
#[case::traversal_that_stays_inside(good().file("a/../b", ""), "path traversal: `a/../b`")]
#[case::traversal_folder(good().folder(".."), "path traversal: `..`")]
#[case::traversal_in_long_name(good().gnu_long_name("../x").file("x", ""), "path traversal: `../x`")]
#[case::traversal_in_pax(good().pax(&[("path", "../x")]).file("x", ""), "path traversal: `../x`")]
#[case::not_utf8(good().file(b"a\xff", ""), "file names must be UTF-8: rename `a\u{fffd}`")]
#[case::line_break(good().file("a\nb", ""), r"control characters not allowed in file names: rename `a\nb`")]
#[case::escape(good().file("a\x1b[2J", ""), r"control characters not allowed in file names: rename `a\u{1b}[2J`")]
#[case::nul(good().gnu_long_name("a\0b").file("a", ""), r"control characters not allowed in file names: rename `a\0b`")]
#[case::same_file_twice(good().file("./task.toml", ""), "duplicate members not allowed: `task.toml`")]
#[case::same_folder_twice(good().folder("a").folder("a/"), "duplicate members not allowed: `a`")]
#[case::file_where_a_folder_is(good().file("a/x", "").file("a", ""), "duplicate members not allowed: `a`")]
#[case::folder_where_a_file_is(good().file("a", "").folder("a"), "duplicate members not allowed: `a`")]
#[case::file_inside_a_file(good().file("a", "").file("a/x", ""), "duplicate members not allowed: `a`")]
#[case::case(good().file("Task.toml", ""), "names too much alike: `Task.toml` and `task.toml` are one file")]
#[case::unicode_form(good().file("\u{e4}", "").file("a\u{308}", ""), "names too much alike: `a\\u{308}` and `ä` are")]
#[case::case_and_form(good().file("\u{c4}", "").file("a\u{308}", ""), "names too much alike: `a\\u{308}` and `Ä` are")]
#[case::case_of_two_letters(good().file("straße", "").file("STRASSE", ""), "names too much alike: `STRASSE` and `straße`")]
#[case::invisible(good().file("x", "").file("x\u{200d}", ""), "names too much alike: `x\\u{200d}` and `x` are")]
#[case::case_of_folders(good().file("Tests/a", "").file("tests/b", ""), "names too much alike: `tests` and `Tests` are")]
#[case::case_of_file_and_folder(good().file("A", "").file("a/b", ""), "names too much alike: `a` and `A` are")]
#[case::long_name(good().gnu_long_name("n".repeat(256)).file("n", ""), "file name too long: a part of `nnn")]
#[case::long_path(
    good().gnu_long_name(["p"; 3].map(|part| part.repeat(210)).join("/")).file("p", ""),
    "path too long: `ppp"
)]
#[case::deep(good().file("a/b/c/d/e", ""), "folders nested too deeply: `a/b/c/d/e` has more than 4 levels")]
#[case::many(
    good().file("1", "").file("2", "").file("3", "").file("4", "").file("5", ""),
    "too many files: more than 6 files and folders"
)]
#[case::many_implied_folders(good().file("a/b/x", "").file("c/d/x", ""), "too many files: more than 6 files and folders")]
#[case::many_global_records(
    (0..8).fold(Tar::new(), |tar, _| tar.member(EntryType::XGlobalHeader, "pax", 0o644, "")),
    "too many files: more than 6 files and folders"
)]
#[case::many_top_folders(
    (0..8).fold(Tar::new(), |tar, _| tar.folder("./")),
    "too many files: more than 6 files and folders"
)]
#[case::large(good().file("big", vec![0; 100_001]), "too large: more than 100000 bytes when unpacked")]
#[case::large_together(good().file("a", vec![0; 60_000]).file("b", vec![0; 60_000]), "too large: more than 100000 bytes")]
#[case::large_only_by_its_header(good().header(EntryType::Regular, "big", 0o644, (1 << 33) - 1), "too large: more than 100000 bytes")]
#[case::large_global_record(
    good().header(EntryType::XGlobalHeader, "pax", 0o644, 200_000).data(&vec![b' '; 200_000]),
    "too large: more than 100000 bytes"
)]
#[tokio::test]
async fn is_refused_with_its_own_error(#[case] tar: Tar, #[case] message: &str) {
    let error = refusal(&tar.gzipped().await).await.to_string();
    assert!(error.starts_with(message), "{error}");
}

#[rstest]
#[case::task_toml_too_large("task.toml", vec![b'#'; 1024 * 1024 + 1], "task.toml is too large: more than 1048576 bytes")]
#[case::task_toml_not_text("task.toml", vec![0xff], "task.toml is not valid UTF-8")]
#[tokio::test]
async fn task_toml_is_refused_by_inspect(#[case] name: &str, #[case] content: Vec<u8>, #[case] message: &str) {
    let archive = Tar::new().file(name, &content).gzipped().await;
    let error = inspect(&archive[..], &UnpackLimits::default()).await.unwrap_err().to_string();
    assert!(error.starts_with(message), "{error}");
}

async fn assert_unreadable(archive: &[u8], reason: &str) {
    let error = refusal(archive).await;
    let ArchiveError::Unreadable { source } = &error else { panic!("{error:?}") };
    assert!(error.to_string().starts_with("unreadable: "), "{error}");
    assert!(source.to_string().contains(reason), "{source}");
}

#[rstest]
#[case::size_lie_in_pax(good().pax(&[("size", "1")]).file("x", "12"), "two sizes")]
#[case::pax_size_no_number(good().pax(&[("size", "1e3")]).file("x", ""), "pax size is not a number")]
#[case::pax_path_twice(good().pax(&[("path", "a"), ("path", "b")]).file("x", ""), "a field twice")]
#[case::two_pax_records(good().pax(&[("path", "a")]).pax(&[("path", "b")]).file("x", ""), "two pax records")]
#[case::two_long_names(good().gnu_long_name("a").gnu_long_name("b").file("x", ""), "two long names")]
#[case::long_name_and_pax_path(good().gnu_long_name("a").pax(&[("path", "b")]).file("x", ""), "two long names")]
#[case::long_name_of_nothing(good().gnu_long_name("a"), "describes no member")]
#[case::pax_of_nothing(good().pax(&[("path", "a")]), "describes no member")]
#[case::broken_pax(good().member(EntryType::XHeader, "pax", 0o644, "no record at all").file("x", ""), "pax")]
#[case::vast_pax(good().pax(&[("comment", &"c".repeat(70_000))]).file("x", ""), "extension record is too long")]
#[case::vast_long_name(good().gnu_long_name("c".repeat(70_000)).file("x", ""), "extension record is too long")]
#[case::overflowing_size(good().header(EntryType::Regular, "big", 0o644, u64::MAX), "overflow")]
#[case::size_for_all(good().member(EntryType::XGlobalHeader, "pax", 0o644, "10 size=1\n"), "for all members")]
#[case::path_for_all(good().member(EntryType::XGlobalHeader, "pax", 0o644, "10 path=x\n"), "for all members")]
#[case::folder_with_content(good().header(EntryType::Directory, "a", 0o755, 512).data(&[b'x'; 512]), "folder has content")]
#[case::file_named_as_a_folder(good().file("a/", ""), "ends as a folder's")]
#[case::nameless_file(good().file("./", "x"), "no name")]
#[tokio::test]
async fn ambiguous_records_are_unreadable(#[case] tar: Tar, #[case] reason: &str) {
    assert_unreadable(&tar.gzipped().await, reason).await;
}

#[tokio::test]
async fn an_archive_cut_anywhere_is_unreadable() {
    let whole = good().file("noise", noise(3000)).gzipped().await;
    for length in (0..whole.len()).step_by(97).chain([whole.len() - 1]) {
        assert_unreadable(&whole[..length], "").await;
    }
}

#[tokio::test]
async fn a_tar_cut_inside_a_whole_gzip_stream_is_unreadable() {
    let tar = good().file("noise", noise(3000)).without_end();
    for length in [100, 512 + 256, tar.len() - 512, tar.len() - 1] {
        assert_unreadable(&gzip(&tar[..length]).await, "").await;
    }
}

#[tokio::test]
async fn damaged_or_foreign_bytes_are_unreadable() {
    assert_unreadable(b"not an archive", "").await;
    assert_unreadable(&good().ended(), "").await;
    assert_unreadable(&gzip(b"not a tar, but longer than one of its blocks. ".repeat(20).as_slice()).await, "").await;

    assert_unreadable(&gzip(&good().gzipped().await).await, "").await;

    let mut wrong_sum = good().ended();
    wrong_sum[0] ^= 1;
    assert_unreadable(&gzip(&wrong_sum).await, "checksum").await;

    let mut wrong_crc = good().gzipped().await;
    let crc = wrong_crc.len() - 8;
    wrong_crc[crc] ^= 1;
    assert_unreadable(&wrong_crc, "").await;
}

#[tokio::test]
async fn data_after_the_end_is_unreadable() {
    let mut after_gzip = good().gzipped().await;
    after_gzip.extend_from_slice(b"more");
    assert_unreadable(&after_gzip, "").await;

    let mut second_stream = good().gzipped().await;
    second_stream.extend(Tar::new().file("hidden", "").gzipped().await);
    assert_unreadable(&second_stream, "follows the end").await;

    let mut after_tar = good().ended();
    after_tar.extend(Tar::new().file("hidden", "").ended());
    assert_unreadable(&gzip(&after_tar).await, "follows the end").await;

    let mut vast_padding = good().ended();
    vast_padding.resize(2 * 1024 * 1024, 0);
    assert_unreadable(&gzip(&vast_padding).await, "follows the end").await;
}

#[tokio::test]
async fn a_failing_reader_is_named_as_the_source() {
    let broken = tokio_util::io::StreamReader::new(futures_util::stream::iter([Err::<&[u8], _>(
        std::io::Error::other("connection reset"),
    )]));
    let error = inspect(broken, &limits()).await.unwrap_err();
    assert!(error.source().unwrap().to_string().contains("connection reset"));
    assert!(!error.to_string().contains("connection reset"));
}

#[tokio::test]
async fn a_taken_place_is_an_error_and_stays_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let task = place.path().join("task");
    std::fs::create_dir(&task).unwrap();
    std::fs::write(task.join("mine"), "kept").unwrap();
    let error = unpack(&good().gzipped().await[..], &task, &limits()).await.unwrap_err();
    assert!(matches!(error, ArchiveError::Io { .. }), "{error:?}");
    assert_eq!(names_in(place.path()), ["task"]);
    assert_eq!(names_in(&task), ["mine"]);
}

#[tokio::test]
async fn an_unpacking_that_is_given_up_leaves_nothing() {
    let archive = good().file("noise", noise(200_000)).gzipped().await;
    let place = tempfile::tempdir().unwrap();
    let wide = UnpackLimits::default();
    let (mut sender, receiver) = tokio::io::duplex(1024);
    let task = place.path().join("task");
    let half = async {
        // The pipe holds 1 KiB: when all of this is in it, the members before it were written.
        tokio::io::AsyncWriteExt::write_all(&mut sender, &archive[..archive.len() / 2]).await.unwrap();
        names_in(place.path())
    };
    let while_it_runs = tokio::select! {
        biased;
        done = unpack(receiver, &task, &wide) => panic!("{done:?}"),
        names = half => names,
    };
    assert!(while_it_runs[0].starts_with(".unpack-"), "{while_it_runs:?}");
    // Work on a file that was under way ends first.
    let emptied = async {
        while !names_in(place.path()).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), emptied).await.unwrap();
}

fn names_in(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Bytes that gzip can't make much shorter.
fn noise(length: u64) -> Vec<u8> {
    (0..length).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40).to_le_bytes()[0]).collect()
}
