//! Listing and unpacking archives of a hostile sender.
//!
//! The first byte of the input says what the rest is: the gzip stream itself, a tar, or a tar whose header checksums are
//! put right first. Random bytes would hardly ever pass those sums, and the code behind them would stay untried.

#![no_main]

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use async_compression::Level;
use async_compression::tokio::write::GzipEncoder;
use libfuzzer_sys::{Corpus, fuzz_target};
use oddish_artifacts::archive::{ArchiveError, Listing, UnpackLimits, inspect, pack, unpack};
use oddish_artifacts::hash::content_hash;
use tokio::io::AsyncWriteExt;
use tokio::runtime::{Builder, Runtime};
use walkdir::WalkDir;

const BLOCK: usize = 512;

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(Builder::new_current_thread().build().unwrap());
}

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((form, rest)) = input.split_first() else { return Corpus::Reject };
    RUNTIME.with_borrow(|runtime| {
        runtime.block_on(async {
            match form % 3 {
                0 => check(rest).await,
                1 => check(&gzip(rest).await).await,
                _ => check(&gzip(&with_checksums(rest)).await).await,
            }
        });
    });
    Corpus::Keep
});

/// Small, so that random input reaches them.
fn limits() -> UnpackLimits {
    UnpackLimits { bytes: 64 * 1024, entries: 24, component_bytes: 64, path_bytes: 160, depth: 6 }
}

async fn check(archive: &[u8]) {
    let place = tempfile::tempdir().unwrap();
    let task = place.path().join("task");
    let listed = inspect(archive, &limits()).await;
    let unpacked = unpack(archive, &task, &limits()).await;
    match (listed, unpacked) {
        (Ok(listing), Ok(summary)) => {
            assert_eq!((&listing.paths, listing.files, listing.bytes), (&summary.paths, summary.files, summary.bytes));
            check_listing(&listing);
            assert_eq!(names_in(place.path()), ["task"], "beside the task");
            check_tree(&task, &listing);
            check_again(place.path(), &task, &listing).await;
        }
        // Only the listing reads task.toml, and then sees nothing of what is wrong behind it.
        (Err(ArchiveError::TaskTomlTooLarge { .. } | ArchiveError::TaskTomlNotText), Ok(_)) => {}
        (Err(ArchiveError::TaskTomlTooLarge { .. } | ArchiveError::TaskTomlNotText), Err(unpacked)) => {
            check_refusal(place.path(), &unpacked);
        }
        (Err(listed), Err(unpacked)) => {
            assert_eq!(listed.to_string(), unpacked.to_string());
            check_refusal(place.path(), &unpacked);
        }
        (listed, unpacked) => panic!("listed: {listed:?}\nunpacked: {unpacked:?}"),
    }
}

fn check_refusal(place: &Path, error: &ArchiveError) {
    assert!(!matches!(error, ArchiveError::Io { .. }), "the sender's fault is shown as the machine's: {error:?}");
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control) && text.len() < 2000, "{text:?}");
    assert!(names_in(place).is_empty(), "left behind after: {text}");
}

fn check_listing(listing: &Listing) {
    let limits = limits();
    assert!(listing.bytes <= limits.bytes);
    assert!(listing.paths.len() + listing.folders.len() <= limits.entries);
    assert!(listing.paths.is_sorted() && listing.folders.is_sorted());
    for path in listing.paths.iter().chain(&listing.folders) {
        assert!(path.len() <= limits.path_bytes && path.split('/').count() <= limits.depth, "{path:?}");
        for part in path.split('/') {
            assert!(!matches!(part, "" | "." | "..") && part.len() <= limits.component_bytes, "{path:?}");
            assert!(!part.chars().any(char::is_control), "{path:?}");
        }
    }
}

/// What lies on the disk is what was listed, and nothing but files and folders.
fn check_tree(task: &Path, listing: &Listing) {
    let (mut files, mut folders, mut bytes) = (Vec::new(), Vec::new(), 0);
    for entry in WalkDir::new(task).min_depth(1) {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(task).unwrap().to_str().unwrap().to_owned();
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            folders.push(path);
        } else {
            assert!(metadata.is_file(), "{path:?}");
            bytes += metadata.len();
            files.push(path);
        }
    }
    files.sort_unstable();
    folders.sort_unstable();
    assert_eq!((&files, &folders, bytes), (&listing.paths, &listing.folders, listing.bytes));
}

/// What was accepted can be packed and sent on, and stays what it is.
async fn check_again(place: &Path, task: &Path, listing: &Listing) {
    let mut archive = Vec::new();
    pack(task, &mut archive).await.unwrap();
    assert_eq!(&inspect(&archive[..], &limits()).await.unwrap(), listing);
    let copy = place.join("copy");
    unpack(&archive[..], &copy, &limits()).await.unwrap();
    assert_eq!(content_hash(&copy).await.unwrap(), content_hash(task).await.unwrap());
}

fn names_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

async fn gzip(tar: &[u8]) -> Vec<u8> {
    let mut encoder = GzipEncoder::with_quality(Vec::new(), Level::Precise(0));
    encoder.write_all(tar).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

/// Puts the sum right in each block where a header should be, going by the sizes that the headers give.
fn with_checksums(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + BLOCK) {
        at += BLOCK;
        if header.iter().all(|byte| *byte == 0) {
            continue;
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let digits = str::from_utf8(&header[124..136]).unwrap_or_default();
        let size = usize::from_str_radix(digits.trim_matches(['\0', ' ']), 8).unwrap_or(0);
        at = at.saturating_add(size.div_ceil(BLOCK).saturating_mul(BLOCK));
    }
    tar
}
