//! Connections that cost an attacker nothing and a server its descriptors, its memory or its work.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::definition::Attack;
use super::machine::Machine;
use super::process_table::{resident, sockets};
use super::target::{Submission, Target};
use super::task::HostileTask;
use super::verdict::Verdict;
use crate::interrupt;

const CONNECTIONS: usize = 1000;
/// How long a connection may be held that brings no request to its end.
const CLOSED_WITHIN: Duration = Duration::from_secs(90);
/// How often each sends something.
const TRICKLE: Duration = Duration::from_secs(5);
/// Connections that may be left then: a server has some to its database.
const LEFT: usize = 50;
/// How many connections are tried that the server does not take.
const GIVEN_UP: usize = 3;
/// How long an honest client may wait for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// What each connection sends.
struct Stream {
    name: &'static str,
    tried: &'static str,
    quick: bool,
    begin: &'static [u8],
    /// Again and again.
    more: &'static [u8],
}

static STREAMS: [Stream; 4] = [
    Stream {
        name: "slow-headers",
        tried: "1,000 connections send a header line every five seconds and never the last",
        quick: false,
        begin: b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        more: b"X-More: x\r\n",
    },
    Stream {
        name: "slow-bodies",
        tried: "1,000 connections send a body of a million bytes, one every five seconds",
        quick: false,
        begin: b"POST /tasks/sweep HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{",
        more: b" ",
    },
    Stream {
        name: "endless-chunks",
        tried: "1,000 connections send a chunk of their body every five seconds and never the last",
        quick: false,
        begin: b"POST /tasks/sweep HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        more: b"1\r\n \r\n",
    },
    Stream {
        name: "idle-connections",
        tried: "1,000 connections send nothing at all",
        quick: false,
        begin: b"",
        more: b"",
    },
];

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    let streams = STREAMS
        .iter()
        .map(|stream| Attack::own(stream.name, stream.tried, move |machine| hold(machine, stream)).quick(stream.quick));
    let descriptors = Attack::own(
        "descriptors-used-up",
        "1,000 idle connections take all 256 descriptors of a server that still has trials to launch",
        use_up_descriptors,
    );
    streams.chain([descriptors.quick(true)]).collect()
}

/// Connections to a server; those that it refuses or closes are given up.
struct Held(Vec<TcpStream>);

impl Held {
    fn open(target: &Target, begin: &[u8]) -> Self {
        let address = (Ipv4Addr::LOCALHOST, target.stack.port()).into();
        let connect = || {
            let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
            stream.set_write_timeout(Some(Duration::from_millis(100))).ok()?;
            stream.write_all(begin).ok()?;
            Some(stream)
        };
        let mut held = Vec::new();
        let mut failed = 0;
        // A server that takes no more lets new clients wait, which would take an hour for all.
        while held.len() + failed < CONNECTIONS && failed < GIVEN_UP {
            match connect() {
                Some(stream) => held.push(stream),
                None => failed += 1,
            }
        }
        Self(held)
    }

    fn send(&mut self, more: &[u8]) {
        if !more.is_empty() {
            self.0.retain_mut(|stream| stream.write_all(more).is_ok());
        }
    }
}

/// What counts is what the server holds: a client can't tell a connection that is not accepted yet from one that is.
fn hold(machine: &Machine, stream: &Stream) -> Result<Verdict> {
    let target = machine.start(stream.name)?;
    let server = target.stack.server();
    let before = sockets(server)?;
    let mut held = Held::open(&target, stream.begin);
    ensure!(!held.0.is_empty(), "no connection could be opened");
    let begun = Instant::now();
    let mut most = 0;
    loop {
        interrupt::check()?;
        std::thread::sleep(TRICKLE);
        held.send(stream.more);
        let now = sockets(server)?.saturating_sub(before);
        most = most.max(now);
        if now <= LEFT || begun.elapsed() > CLOSED_WITHIN {
            break;
        }
    }
    let seconds = begun.elapsed().as_secs();
    let left = sockets(server)?.saturating_sub(before);
    let memory = resident(server).unwrap_or(0) >> 20;
    let slow = target.health(ANSWER_WITHIN).err();
    drop(held);
    target.stack.stop()?;
    Ok(if left > LEFT {
        Verdict::Succeeded(format!(
            "the server holds {left} of {CONNECTIONS} connections after {seconds} s, with {memory} MB"
        ))
    } else if let Some(error) = slow {
        Verdict::Succeeded(format!("{error:#} after {seconds} s"))
    } else {
        Verdict::Held(format!("the server held {most} at the most, and {left} after {seconds} s"))
    })
}

/// Trials run one after the other, so that some are still to be launched when the descriptors are gone. The server is not asked how they go:
/// it may not answer.
fn use_up_descriptors(machine: &Machine) -> Result<Verdict> {
    let mut server = machine.server_program_with_descriptors(256)?;
    server.env("ODDISH_DEFAULT_MODEL_CONCURRENCY", "1");
    let target = machine.launch("descriptors", server)?;
    let task = HostileTask::new("launch").solution("sleep 3");
    let first = target.run(&task, &Submission { trials: 3, ..Submission::of("oracle") })?;
    let jobs = target.folder.join("harbor-jobs");
    let launched = |index: usize| jobs.join(format!("{}-{index}.1", first.task_id)).exists();
    wait(Duration::from_secs(30), || launched(0)).context("the first trial did not begin")?;
    let held = Held::open(&target, b"");
    let begun = Instant::now();
    let waited = wait(Duration::from_mins(1), || launched(1) || launched(2));
    let health = target.health(ANSWER_WITHIN);
    let opened = held.0.len();
    drop(held);
    target.stack.stop()?;
    let health = match health {
        Ok(time) => format!("/health answers in {:.1} s", time.as_secs_f64()),
        Err(_) => format!("/health does not answer within {} s", ANSWER_WITHIN.as_secs()),
    };
    Ok(match waited {
        Ok(()) => Verdict::Held(format!("the next trial began {:.0} s later; {health}", begun.elapsed().as_secs_f64())),
        Err(_) => Verdict::Succeeded(format!("no trial began in 60 s while {opened} connections were held; {health}")),
    })
}

fn wait(patience: Duration, there: impl Fn() -> bool) -> Result<()> {
    let deadline = Instant::now() + patience;
    while !there() {
        interrupt::check()?;
        if Instant::now() > deadline {
            bail!("it did not come in {} s", patience.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
