//! Requests to our own servers on this machine: enough HTTP for a JSON answer.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

const PATIENCE: Duration = Duration::from_secs(30);

/// The body of a 200 to a GET.
pub(crate) fn get(port: u16, path: &str) -> Result<String> {
    ask(port, "GET", path, "")
}

/// The body of a 200 to a POST of some JSON.
pub(crate) fn post(port: u16, path: &str, json: &str) -> Result<String> {
    ask(port, "POST", path, json)
}

fn ask(port: u16, method: &str, path: &str, json: &str) -> Result<String> {
    let answer = exchange(port, method, path, json).with_context(|| format!("{method} {path} on port {port}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    match head.split_whitespace().nth(1) {
        Some("200") => Ok(body.to_owned()),
        status => bail!("{method} {path} answered {}: {body}", status.unwrap_or("nothing")),
    }
}

fn exchange(port: u16, method: &str, path: &str, json: &str) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // In HTTP/1.0 the body comes in one piece and ends with the connection.
    let length = json.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{json}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
