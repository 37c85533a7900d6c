//! What the functions cost: the size of each program, the time until a function asks for its first event, its memory then, and the building.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use super::{Bar, Figure, median};
use crate::build_functions::{self, PROGRAMS, megabytes};
use crate::database::throw_away_folder;
use crate::stack::without_settings;
use crate::{process, workspace};

/// Starts of each function, of which the median counts.
const RUNS: usize = 9;
const PATIENCE: Duration = Duration::from_secs(10);
/// Megabytes (10^6 bytes) that the zip file of `api` may have, and those of the others.
const SIZE_BARS: (f64, f64) = (7.0, 6.0);
/// What a function may take from its start to its first request for an event, in times of running `true`.
const START_BAR: f64 = 15.0;
/// Megabytes (10^6 bytes) that may be resident then.
const MEMORY_BAR: f64 = 15.0;
/// Seconds of CPU that building may take: everything from nothing, `api` after one handler was changed, all programs after that.
const BUILD_BARS: [f64; 3] = [900.0, 150.0, 300.0];
/// The handler that is touched for that.
const HANDLER: &str = "functions/src/trials/get_trial.rs";

/// Measures every program, `api` as one endpoint, as all and as the one with the most capabilities; with `build`, the building too, which takes
/// a quarter of an hour.
pub(super) fn measure(build: bool) -> Result<Vec<Figure>> {
    let mut figures = if build { building()? } else { Vec::new() };
    build_functions::run(&[], None)?;
    let nothing = median((0..RUNS).map(|_| running_nothing()).collect::<Result<_>>()?);
    figures.push(Figure { name: "running a program (true)".into(), value: nothing, unit: "ms".into(), bar: Bar::None });
    for program in PROGRAMS {
        let bytes = build_functions::zip(program).metadata().context("the zip file is missing")?.len();
        let bar = if program == "api" { SIZE_BARS.0 } else { SIZE_BARS.1 };
        figures.push(Figure {
            name: format!("{program}: zipped").into(),
            value: megabytes(bytes),
            unit: "MB".into(),
            bar: Bar::AtMost(bar),
        });
    }
    for (program, handler) in [
        ("api", "get_trial"),
        ("api", "create_sweep"),
        ("api", "bootstrap"),
        ("dispatch", "bootstrap"),
        ("reconcile", "bootstrap"),
        ("migrate", "bootstrap"),
    ] {
        let name = if program == "api" { format!("api as {handler}") } else { program.to_owned() };
        let path = build_functions::program(program);
        let starts = (0..RUNS).map(|_| cold_start(&path, handler)).collect::<Result<Vec<Start>>>();
        let starts = starts.with_context(|| format!("{name} does not start"))?;
        let milliseconds = median(starts.iter().map(|start| start.milliseconds).collect());
        figures.push(Figure {
            name: format!("{name}: start to first event").into(),
            value: milliseconds,
            unit: "ms".into(),
            bar: Bar::None,
        });
        figures.push(Figure {
            name: format!("{name}: start, in programs run").into(),
            value: milliseconds / nothing,
            unit: "x".into(),
            bar: Bar::AtMost(START_BAR),
        });
        figures.push(Figure {
            name: format!("{name}: memory").into(),
            value: median(starts.iter().map(|start| start.resident).collect()),
            unit: "MB".into(),
            bar: Bar::AtMost(MEMORY_BAR),
        });
    }
    Ok(figures)
}

/// Builds into an empty folder, then after a change to one handler: one program, and all.
fn building() -> Result<Vec<Figure>> {
    let target = throw_away_folder("oddish-build-")?;
    let api = ["api".to_owned()];
    let steps: [(&str, &[String], bool); 3] = [
        ("building all programs from nothing", &[], false),
        ("building api after a changed handler", &api, true),
        ("building all programs after a changed handler", &[], true),
    ];
    let mut figures = Vec::new();
    for ((name, programs, changed), bar) in steps.into_iter().zip(BUILD_BARS) {
        if changed {
            touch(&workspace::root().join(HANDLER))?;
        }
        let before = children_cpu()?;
        build_functions::build(programs, None, target.path())?;
        let value = children_cpu()? - before;
        figures.push(Figure { name: name.into(), value, unit: "s of CPU".into(), bar: Bar::AtMost(bar) });
    }
    Ok(figures)
}

/// Makes a file look changed to cargo.
fn touch(path: &Path) -> Result<()> {
    let file =
        std::fs::File::options().append(true).open(path).with_context(|| format!("can't open {}", path.display()))?;
    file.set_modified(std::time::SystemTime::now()).with_context(|| format!("can't touch {}", path.display()))
}

/// Seconds of CPU of all programs that this one waited for.
fn children_cpu() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("can't read what programs used")?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(microseconds.unsigned_abs()).as_secs_f64())
}

/// What one start of a function took.
struct Start {
    milliseconds: f64,
    /// Megabytes.
    resident: f64,
}

/// Starts a function against a runtime API that never has an event for it.
fn cold_start(program: &Path, handler: &str) -> Result<Start> {
    let runtime_api = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("found no free port")?;
    let mut command = Command::new(program);
    without_settings(&mut command)
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api.local_addr()?.to_string())
        .env("_HANDLER", handler)
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
