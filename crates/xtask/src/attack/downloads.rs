//! Downloads by signed URL, which need no key, of clients that read slowly.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::definition::Attack;
use super::machine::Machine;
use super::process_table::resident;
use super::target::Submission;
use super::task::HostileTask;
use super::verdict::Verdict;
use crate::http;

const READERS: usize = 8;
const FILE: u64 = 300 << 20;
/// Bytes of memory that the server may take for all readers together: less than one file.
const MOST: u64 = 200 << 20;

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack::own("slow-downloads", "8 clients read a file of 300 MB slowly by its signed URL", download_slowly)
            .quick(true),
    ]
}

#[derive(Deserialize)]
struct Listing {
    files: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    path: String,
    url: Option<String>,
}

fn download_slowly(machine: &Machine) -> Result<Verdict> {
    let target = machine.start("downloads")?;
    let server = target.stack.server();
    let trial = target.run(&HostileTask::new("honest"), &Submission::of("nop"))?;
    let state = trial.ended(Duration::from_mins(1))?;
    ensure!(state.status == "success", "the trial did not end as it should: {}", state.told());
    let file =
        std::fs::File::create(trial.stored().join("attempt-1/large.bin")).context("can't put a file into the store")?;
    file.set_len(FILE)?;
    let listing = http::get(target.stack.port(), &format!("/trials/{}/files", trial.id))?;
    let listing: Listing = serde_json::from_str(&listing).context("the listing of files is none")?;
    let large = listing.files.into_iter().find(|file| file.path == "large.bin");
    let url = large.and_then(|file| file.url).context("the file has no signed URL")?;
    let path =
        url.find("/artifacts/").and_then(|start| url.get(start..)).context("the signed URL is another server's")?;
    let before = resident(server).context("the server is gone")?;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut reader = TcpStream::connect((Ipv4Addr::LOCALHOST, target.stack.port()))?;
        reader.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(reader, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", target.stack.port())?;
        readers.push(reader);
    }
    let mut peak = before;
    let mut begun = 0;
    for _ in 0..100 {
        let mut piece = [0; 4096];
        for reader in &mut readers {
            let read = reader.read(&mut piece).unwrap_or(0);
            begun += usize::from(read > 0 && (piece.starts_with(b"HTTP/1.1 200")));
        }
        peak = peak.max(resident(server).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(50));
    }
    ensure!(begun == READERS, "of {READERS} downloads {begun} began with a 200");
    drop(readers);
    target.stack.stop()?;
    let told = format!("the server's memory went from {} to {} MB", before >> 20, peak >> 20);
    Ok(if peak.saturating_sub(before) > MOST { Verdict::Succeeded(told) } else { Verdict::Held(told) })
}
