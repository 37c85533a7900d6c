//! Small archives that would take much: what they do to the memory of a process of its own.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

use oddish_artifacts::archive::{UnpackLimits, inspect, unpack};
use rstest::rstest;
use tokio_tar::EntryType;

use crate::fixture::{Tar, gzip};

const MIB: u64 = 1024 * 1024;
/// What reading an archive may add to the memory of a process that does nothing.
const MEMORY: u64 = 64 * MIB;
/// Content that is far above what may be held in memory.
const CONTENT: u64 = 96 * MIB;
/// Tells the measured process where the archive lies.
const ARCHIVE: &str = "ODDISH_TEST_ARCHIVE";

fn limits() -> UnpackLimits {
    UnpackLimits { bytes: CONTENT, ..UnpackLimits::default() }
}

/// A file of zeros as it is announced, and how many of them really come. Zeros shrink to a thousandth.
async fn zeros(announced: u64, real: u64) -> Vec<u8> {
    let mut archive = gzip(&Tar::new().header(EntryType::Regular, "zeros", 0o644, announced).without_end()).await;
    let one_mebibyte = gzip(&vec![0; usize::try_from(MIB).unwrap()]).await;
    for _ in 0..real / MIB {
        archive.extend_from_slice(&one_mebibyte);
    }
    archive.extend(gzip(&[0; 1024]).await);
    archive
}

/// Long names, of a character that takes three times its room when names are compared.
async fn long_names(entries: usize) -> Vec<u8> {
    let folder = "\u{1d160}".repeat(63);
    let name = |number: usize| format!("{folder}/{folder}/{folder}/{number:05}{}", "\u{1d160}".repeat(62));
    (0..entries).fold(Tar::new(), |tar, number| tar.gnu_long_name(name(number)).file("cut off", "")).gzipped().await
}

/// Records that describe no file, each as long as it may be.
async fn long_comments(records: usize) -> Vec<u8> {
    let comment = format!("65000 comment={}\n", "c".repeat(65_000 - 15));
    let archive = Tar::new().member(EntryType::XGlobalHeader, "pax", 0o644, comment).without_end();
    gzip(&archive).await.repeat(records)
}

/// Compressed data that never becomes any content.
async fn empty_streams(count: usize) -> Vec<u8> {
    gzip(b"").await.repeat(count)
}

#[rstest]
#[case::full_of_zeros(zeros(CONTENT, CONTENT).await, "read")]
#[case::more_than_announced(zeros(0, CONTENT).await, "unreadable")]
#[case::less_than_announced(zeros(CONTENT, MIB).await, "unreadable")]
#[case::announced_too_large(zeros(CONTENT + 1, CONTENT + MIB).await, "too large")]
#[case::long_names(long_names(9_900).await, "read")]
#[case::too_many_names(long_names(11_000).await, "too many files")]
#[case::long_comments(long_comments(2_000).await, "too large")]
#[case::empty_streams(empty_streams(50_000).await, "read")]
#[tokio::test]
async fn takes_little_memory(#[case] archive: Vec<u8>, #[case] outcome: &str) {
    let place = tempfile::tempdir().unwrap();
    let bomb = place.path().join("bomb.tar.gz");
    fs::write(&bomb, archive).unwrap();
    let measured = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "archive_bombs::the_measured_process", "--ignored", "--nocapture"])
        .env(ARCHIVE, &bomb)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&measured.stdout).into_owned() + &String::from_utf8_lossy(&measured.stderr);
    assert!(measured.status.success(), "{said}");
    let results: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("measured ")).collect();
    assert_eq!(results.len(), 2, "{said}");
    for result in results {
        let (bytes, said) = result.split_once(' ').unwrap();
        assert!(said.starts_with(outcome), "{said}");
        assert!(bytes.parse::<u64>().unwrap() < MEMORY, "{bytes} bytes");
    }
}

#[tokio::test]
#[ignore = "started by the tests above, with an archive"]
async fn the_measured_process() {
    let bomb = std::env::var(ARCHIVE).unwrap();
    let beside = Path::new(&bomb).with_file_name("unpacked");
    let open = async || tokio::fs::File::open(&bomb).await.unwrap();
    let idle = peak_memory();
    let listed = inspect(open().await, &limits()).await.map(drop);
    let after_listing = peak_memory();
    let unpacked = unpack(open().await, &beside.join("task"), &limits()).await.map(drop);
    let after_unpacking = peak_memory();
    for (peak, result) in [(after_listing, listed), (after_unpacking, unpacked)] {
        println!("measured {} {}", peak - idle, result.map_or_else(|error| error.to_string(), |()| "read".to_owned()));
    }
    let left = fs::read_dir(&beside).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| name == "task"), "only what was unpacked stays");
}

/// The most memory that this process ever had, in bytes.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}
