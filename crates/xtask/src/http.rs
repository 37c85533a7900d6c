//! Requests to our own servers on this machine: enough HTTP to ask them as a client does, or as none should.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

const PATIENCE: Duration = Duration::from_secs(30);

/// A request, down to its last header.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Beside `Content-Length`; a `Host` among them takes the place of the true one.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// What was answered to it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The status line and the headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields
            .map(|(field, value)| (field, value.trim()))
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// The body of a 200 to a GET.
pub(crate) fn get(port: u16, path: &str) -> Result<String> {
    ask(port, "GET", path, "")
}

/// The body of a 200 to a POST of some JSON.
pub(crate) fn post(port: u16, path: &str, json: &str) -> Result<String> {
    ask(port, "POST", path, json)
}

fn ask(port: u16, method: &str, path: &str, json: &str) -> Result<String> {
    let headers = [("Content-Type", "application/json")];
    let answer = send(port, &Request { method, path, headers: &headers, body: json.as_bytes() }, PATIENCE)?;
    match answer.status {
        200 => Ok(answer.text()),
        status => bail!("{method} {path} answered {status}: {}", answer.text()),
    }
}

/// The answer to a request, whatever its status. Each wait for the server is `patience` at most.
pub(crate) fn send(port: u16, request: &Request<'_>, patience: Duration) -> Result<Answer> {
    let Request { method, path, .. } = request;
    let answer = exchange(port, request, patience).with_context(|| format!("{method} {path} on port {port}"))?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("the answer has no end of its head")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("{method} {path} on port {port} answered without a status"))?;
    Ok(Answer { status, head, body: answer[end + 4..].to_vec() })
}

fn exchange(port: u16, request: &Request<'_>, patience: Duration) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    // In HTTP/1.0 the body comes in one piece and ends with the connection.
    let mut head = format!("{} {} HTTP/1.0\r\n", request.method, request.path);
    let own_host = request.headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case("host"));
    let host = format!("127.0.0.1:{port}");
    let fields = own_host.then_some(("Host", host.as_str())).into_iter().chain(request.headers.iter().copied());
    for (name, value) in fields {
        head.extend([name, ": ", value, "\r\n"]);
    }
    write!(stream, "{head}Content-Length: {}\r\n\r\n", request.body.len())?;
    // Who is refused for its headers may be answered before its body was read.
    let sent = stream.write_all(request.body);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    if answer.is_empty() {
        sent?;
        read?;
    }
    Ok(answer)
}
