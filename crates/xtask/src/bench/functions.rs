//! What a cold start costs: the size of a function's binary, the time until it asks for its first event, and its memory then.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::{Bar, Figure, median};
use crate::stack::without_settings;
use crate::{build_functions, process};

/// Starts of each function, of which the median counts.
const RUNS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(10);
/// Megabytes (10^6 bytes) that a binary may have.
const SIZE_BAR: f64 = 12.0;
/// Milliseconds that a function may take from its start to its first request for an event.
const START_BAR: f64 = 15.0;
/// Megabytes (10^6 bytes) that may be resident then.
const MEMORY_BAR: f64 = 15.0;

/// What was measured of one function.
struct Measured {
    function: String,
    megabytes: f64,
    milliseconds: f64,
    resident: f64,
}

struct Quantity {
    name: &'static str,
    unit: &'static str,
    bar: f64,
    of: fn(&Measured) -> f64,
}

const QUANTITIES: [Quantity; 3] = [
    Quantity { name: "size", unit: "MB", bar: SIZE_BAR, of: |measured| measured.megabytes },
    Quantity { name: "start to first event", unit: "ms", bar: START_BAR, of: |measured| measured.milliseconds },
    Quantity { name: "memory", unit: "MB", bar: MEMORY_BAR, of: |measured| measured.resident },
];

/// Measures every function, or those that are named, as they are deployed. Of all figures the worst counts, and says whose it is.
pub(super) fn measure(functions: Vec<String>) -> Result<Vec<Figure>> {
    build_functions::run(&functions)?;
    let functions = if functions.is_empty() { build_functions::names()? } else { functions };
    let mut all = Vec::new();
    for function in functions {
        let program = build_functions::program(&function);
        let bytes = program.metadata().with_context(|| format!("can't find {}", program.display()))?.len();
        let starts = (0..RUNS)
            .map(|_| cold_start(&program))
            .collect::<Result<Vec<Start>>>()
            .with_context(|| format!("`{function}` does not start"))?;
        let milliseconds = median(starts.iter().map(|start| start.milliseconds).collect());
        let resident = median(starts.iter().map(|start| start.resident).collect());
        all.push(Measured { function, megabytes: megabytes(bytes), milliseconds, resident });
    }
    let nothing = (0..RUNS).map(|_| running_nothing()).collect::<Result<_>>().map(median)?;
    let mut figures = Vec::new();
    for Quantity { name: quantity, unit, bar, of } in QUANTITIES {
        let worst = all.iter().max_by(|one, other| of(one).total_cmp(&of(other))).context("there are no functions")?;
        figures.push(Figure {
            name: format!("most {quantity} ({})", worst.function).into(),
            value: of(worst),
            unit: unit.into(),
            bar: Bar::AtMost(bar),
        });
        figures.push(Figure {
            name: format!("median {quantity} of {} functions", all.len()).into(),
            value: median(all.iter().map(of).collect()),
            unit: unit.into(),
            bar: Bar::None,
        });
    }
    let slowest = all.iter().map(|measured| measured.milliseconds).fold(0.0, f64::max);
    figures.push(Figure { name: "running a program (true)".into(), value: nothing, unit: "ms".into(), bar: Bar::None });
    figures.push(Figure {
        name: "slowest, in programs run".into(),
        value: slowest / nothing,
        unit: "x".into(),
        bar: Bar::None,
    });
    Ok(figures)
}

/// What one start of a function took.
struct Start {
    milliseconds: f64,
    /// Megabytes.
    resident: f64,
}

/// Starts a function against a runtime API that never has an event for it.
fn cold_start(program: &Path) -> Result<Start> {
    let runtime_api = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("found no free port")?;
    let mut command = Command::new(program);
    without_settings(&mut command)
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api.local_addr()?.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "measured")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        // Nothing listens there: a function that connects before its first request shows here.
        .env("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
        // As on AWS, where the keys are in variables too.
        .env("ODDISH_S3_ENABLED", "true")
        .envs([("ODDISH_LAUNCHER", "ecs"), ("ODDISH_ECS_CLUSTER", "c"), ("ODDISH_ECS_TASK_DEFINITION", "t")])
        .env("ODDISH_ECS_SUBNETS", "s")
        .env("ODDISH_WAKE_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/wake")
        .envs([("AWS_ACCESS_KEY_ID", "measured"), ("AWS_SECRET_ACCESS_KEY", "measured")])
        .stdout(Stdio::null());
    let begun = Instant::now();
    let mut function = Running(process::spawn(&mut command)?);
    let _unanswered = await_first_request(&runtime_api, &mut function.0)?;
    let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
    Ok(Start { milliseconds, resident: resident(function.0.id())? })
}

/// Waits until the function asks for an event, and leaves it without an answer: as long as the connection is there, it waits.
fn await_first_request(runtime_api: &TcpListener, function: &mut Child) -> Result<TcpStream> {
    runtime_api.set_nonblocking(true)?;
    let begun = Instant::now();
    let connection = loop {
        match runtime_api.accept() {
            Ok((connection, _)) => break connection,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return Err(error.into()),
            Err(_) => {}
        }
        if let Some(status) = function.try_wait()? {
            bail!("the function ended with {status} before it asked for an event");
        }
        ensure!(begun.elapsed() < PATIENCE, "the function asked for no event within {} s", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_micros(50));
    };
    connection.set_nonblocking(false)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut request = String::new();
    BufReader::new(&connection).read_line(&mut request).context("the function sent no request")?;
    ensure!(request.starts_with("GET /2018-06-01/runtime/invocation/next "), "the function began with {request:?}");
    Ok(connection)
}

/// Resident memory of a process in megabytes.
fn resident(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).context("memory is read on Linux only")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the function has no memory")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS is no number")?;
    Ok(megabytes(kibibytes * 1024))
}

#[expect(clippy::cast_precision_loss, reason = "sizes of programs are far below 2^52 bytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Milliseconds that a program takes which does nothing.
fn running_nothing() -> Result<f64> {
    let begun = Instant::now();
    let status = Command::new("true").status().context("can't run true")?;
    ensure!(status.success(), "true ended with {status}");
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

/// Ends the process when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
