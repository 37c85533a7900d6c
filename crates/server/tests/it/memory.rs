//! What requests may take of the server's memory.

use std::time::Duration;

use nix::unistd::Pid;
use oddish_artifacts::signing::SigningKey;
use oddish_artifacts::{ArtifactStore as _, FolderStore, Key};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::connections::SECRET;
use crate::stack::Stack;

const MIB: u64 = 1 << 20;

/// The most memory that a process ever had.
fn peak(process: Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_of_a_large_file_take_little() {
    let mut stack = Stack::new().await;
    stack.set("ODDISH_SECRET_KEY", SECRET);
    let server = stack.start_api(&["--no-workers"]).await;
    let size = 100 * MIB;
    std::fs::File::create(stack.storage().join("large")).unwrap().set_len(size).unwrap();
    let signing = SigningKey::from_secret(SECRET.as_bytes());
    let store = FolderStore::open(stack.storage()).unwrap().with_signing(signing, stack.url());
    let url = store.presign_get(&Key::parse("large").unwrap(), Duration::from_mins(5)).await.unwrap().url;
    let (path, authority) = (url.strip_prefix(stack.url()).unwrap(), stack.url().trim_start_matches("http://"));

    let answer = reqwest::get(format!("{}/artifacts/large?expires=soon", stack.url())).await.unwrap();
    assert_eq!(answer.status(), 400);
    let refused: serde_json::Value = answer.json().await.unwrap();
    assert!(refused["detail"].is_string(), "{refused}");

    let before = peak(server);
    let mut readers = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(authority).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut beginning = [0; 4096];
        stream.read_exact(&mut beginning).await.unwrap();
        let head = String::from_utf8_lossy(&beginning).to_lowercase();
        assert!(head.starts_with("http/1.1 200") && head.contains(&format!("content-length: {size}\r\n")), "{head}");
        assert!(head.contains("content-disposition: attachment") && head.contains("nosniff"), "{head}");
        readers.push((stream, beginning.len() - (head.find("\r\n\r\n").unwrap() + 4)));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let taken = peak(server) - before;
    assert!(taken < 80 * MIB, "8 readers of a file of 100 MiB took {} MiB", taken / MIB);

    let (mut stream, mut bytes) = readers.pop().unwrap();
    let mut buffer = vec![0; 1 << 20];
    while let read @ 1.. = stream.read(&mut buffer).await.unwrap() {
        bytes += read;
    }
    assert_eq!(bytes as u64, size, "it is all there");
}
