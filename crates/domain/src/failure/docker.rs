//! What Docker says when a sandbox cannot be built or started: the words of `docker compose`, `BuildKit`, the registry and
//! the daemon.
//!
//! Three questions, in this order: did the host or the network fail, was a step of the build killed, is what the task
//! asks for impossible? Each is answered by one line of what was printed. Where a step of the build failed, only what that
//! step printed counts: those before it may have met a fault that they got over.

use super::FailureClass;

/// How Harbor's messages about a failed command begin, and what stands before the output of the command in them.
const COMMANDS: &[(&str, &str)] =
    &[("docker compose command failed", "stdout: "), ("failed to build docker image", "output: ")];

/// What Harbor writes behind the output.
const NO_STDERR: &str = ". stderr: none.";

/// Words that stand together on one line.
type Words = &'static [&'static str];

/// The host, the daemon, the registry or the network failed, and may do better next time. A step of a Dockerfile that
/// could not reach the network is among them, whatever it wanted there.
const HOST_TROUBLE: &[Words] = &[
    // The daemon.
    &["cannot connect to the docker daemon"],
    &["error during connect"],
    &["dial unix"],
    // What it has.
    &["no space left on device"],
    &["disk quota exceeded"],
    &["cannot allocate memory"],
    &["too many open files"],
    &["resource temporarily unavailable"],
    &["input/output error"],
    &["non-overlapping ipv4 address pool"],
    &["address pools have been fully subnetted"],
    // The registry.
    &["toomanyrequests"],
    &["too many requests"],
    &["unexpected status", " 500 "],
    &["unexpected http status: 5"],
    &["502 bad gateway"],
    &["503 service"],
    &["504 gateway"],
    &["failed to do request", "connection refused"],
    &["failed to do request", ": eof"],
    &["get \"http", "connection refused"],
    &["get \"http", ": eof"],
    &["head \"http", "connection refused"],
    &["head \"http", ": eof"],
    &["unexpected eof"],
    &["client.timeout exceeded"],
    &["context deadline exceeded"],
    &["request canceled while waiting for connection"],
    // The network, as the libraries of C, Go, Python and JavaScript, and as curl, apt, apk and cargo put it.
    &["could not resolve"],
    &["couldn't resolve host"],
    &["unable to resolve host"],
    &["temporary failure in name resolution"],
    &["temporary failure resolving"],
    &["name or service not known"],
    &["no such host"],
    &["server misbehaving"],
    &["getaddrinfo"],
    &["dns lookup error"],
    &["network is unreachable"],
    &["no route to host"],
    &["connection timed out"],
    &["connection reset by peer"],
    &["operation timed out"],
    &["read timed out"],
    &["i/o timeout"],
    &["tls handshake timeout"],
    &["newconnectionerror"],
    &["connecttimeouterror"],
    &["enotfound"],
    &["eai_again"],
    &["econnreset"],
    &["etimedout"],
    &["temporary error (try again later)"],
    &["spurious network error"],
    &["hash sum mismatch"],
    &["failed to fetch", "could not connect"],
    &["failed to fetch", "unable to connect"],
    &["failed to fetch", "connection failed"],
];

/// A process was killed, as the kernel does when memory runs out: the step's own, or the host's.
const KILLED: &[Words] = &[&["exit code: 137"], &["non-zero code: 137"], &["signal: killed"]];

/// What the task asks for is wrong, or cannot be had here: the next try would end the same way.
const IMPOSSIBLE: &[Words] = &[
    // A Dockerfile and its steps.
    &["did not complete successfully: exit code"],
    &["executor failed running", "exit code"],
    &["returned a non-zero code"],
    &["dockerfile parse error"],
    &["failed to read dockerfile"],
    &["unable to find dockerfile"],
    &["dockerfile", "cannot be empty"],
    &["unknown instruction"],
    &["failed to compute cache key"],
    &["failed to calculate checksum"],
    &["failed to load cache key"],
    &["failed to parse stage name"],
    &["base name (", "should not be blank"],
    &["target stage"],
    &["circular dependency detected"],
    &["copy failed"],
    &["add failed"],
    &["unable to prepare context"],
    &["exec format error"],
    &["no match for platform"],
    &["no matching manifest"],
    &["does not match the specified platform"],
    // An image that does not exist, or is not for us.
    &["pull access denied"],
    &["repository does not exist"],
    &["requested access to the resource is denied"],
    &["manifest unknown"],
    &["name unknown"],
    &["manifest for", "not found"],
    &["failed to resolve", ": not found"],
    &["no such image"],
    &["insufficient_scope"],
    &["unauthorized"],
    &["403 forbidden"],
    &["failed to authorize"],
    &["no basic auth credentials"],
    &["from registry: denied"],
    &["from daemon: denied"],
    &["/manifests/", ": denied"],
    &["invalid reference format"],
    &["must be lowercase"],
    &["invalid tag"],
    // A compose file.
    &["validating /"],
    &["additional propert"],
    &["invalid compose project"],
    &["yaml: "],
    &["cannot unmarshal"],
    &["error decoding"],
    &["decoding failed"],
    &["refers to undefined"],
    &["undefined service"],
    &["depends on undefined"],
    &["neither an image nor a build context"],
    &["dependency cycle detected"],
    &["invalid interpolation format"],
    &["error while interpolating"],
    &["required variable"],
    &["is missing a value"],
    &["env file", "not found"],
    &["couldn't find env file"],
    &["failed to load /"],
    &["no such service"],
    &["no service selected"],
    &["empty compose file"],
    &["top-level object must be a mapping"],
    &["cannot extend service"],
    &["services.", " must be "],
    &["services.", "invalid"],
    &["declared as external, but could not be found"],
    &["external volume", "not found"],
    &["open /", ".y", "no such file or directory"],
    &["open /", ".env", "no such file or directory"],
    &["strconv."],
    &["invalid duration"],
    &["invalid size"],
    &["invalid proto"],
    &["invalid hostport"],
    &["invalid containerport"],
    &["invalid ip address"],
    &["invalid volume specification"],
    &["invalid spec"],
    &["invalid mount"],
    &["bind source path does not exist"],
    // What the container is to be given.
    &["range of cpus is from"],
    &["minimum memory"],
    &["memory limit too low"],
    &["memory limit should be"],
    &["invalid cpu"],
    &["invalid memory"],
    &["conflicting options"],
    &["could not select device driver"],
    &["error gathering device information"],
    &["unknown runtime"],
    &["unknown or invalid runtime"],
    &["unknown capability"],
    &["invalid capability"],
    &["invalid restart policy"],
    &["invalid hostname"],
    &["invalid environment variable"],
    &["invalid user"],
    &["unable to find user"],
    &["no matching entries in passwd file"],
    &["no matching entries in group file"],
    &["no command specified"],
    &["executable file not found"],
    &["unable to start container process: exec"],
    &["starting container process caused: exec"],
    &["are you trying to mount a directory onto a file"],
    &["not in a separate", "sysctl"],
];

/// What a failed command of Docker's tells.
pub(super) struct Told<'a> {
    /// Who is to blame. `Unknown` where no line says so: something that Docker has no better word for, or that the
    /// next try may find otherwise, such as a port that is taken.
    pub(super) class: FailureClass,
    /// The line that says so, without what a build writes before each. `None` when nothing was printed.
    pub(super) line: Option<&'a str>,
}

/// What the message of a failed Docker command tells; none of any other message.
pub(super) fn told(message: &str) -> Option<Told<'_>> {
    let (before, output) = output_of(message)?;
    // A message that was stored begins with the line that told it; the rest of it may be cut.
    let before: Vec<&str> = before.lines().map(str::trim).collect();
    let lines = lines_that_count(output);
    let (class, line) = decided_by(&before)
        .or_else(|| decided_by(&lines))
        .map_or((FailureClass::Unknown, lines.last().copied()), |(class, line)| (class, Some(line)));
    Some(Told { class, line: line.map(bare) })
}

/// The class, and the line that tells it.
fn decided_by<'a>(lines: &[&'a str]) -> Option<(FailureClass, &'a str)> {
    let last_of = |phrases: &[Words], counts: fn(&str) -> bool| {
        lines.iter().rev().copied().find(|line| counts(line) && says(line, phrases))
    };
    let host = || last_of(HOST_TROUBLE, |line| !quotes_command(line)).map(|line| (FailureClass::Infrastructure, line));
    let killed = || last_of(KILLED, |_| true).map(|line| (FailureClass::Unknown, line));
    let impossible = || last_of(IMPOSSIBLE, |_| true).map(|line| (FailureClass::Task, line));
    host().or_else(killed).or_else(impossible)
}

/// What stands before the message of the command, and what the command printed.
fn output_of(message: &str) -> Option<(&str, &str)> {
    let text = message.to_ascii_lowercase();
    let (begin, marker) = COMMANDS.iter().find_map(|(begin, marker)| Some((text.find(begin)?, marker)))?;
    let start = text[begin..].find(marker).map_or(begin, |at| begin + at + marker.len());
    let end = text[start..].rfind(NO_STDERR).map_or(message.len(), |at| start + at);
    Some((&message[..begin], &message[start..end]))
}

/// The lines that tell of the fault: from the beginning of what the failed step of a build printed, or else all. Without the
/// excerpt of the Dockerfile, which may say anything.
fn lines_that_count(output: &str) -> Vec<&str> {
    let lines: Vec<&str> = output.lines().map(str::trim).collect();
    let step = lines.iter().rposition(|line| line.starts_with("> [")).map_or(0, |at| at + 1);
    let says_something = |line: &&str| !line.is_empty() && !line.starts_with("----") && !is_excerpt(line);
    lines.into_iter().skip(step).filter(says_something).collect()
}

/// A line of a Dockerfile with its number: `3 | >>> RUN make`.
fn is_excerpt(line: &str) -> bool {
    line.split_once('|').is_some_and(|(number, _)| number.trim().parse::<u32>().is_ok())
}

/// Whether the line repeats the command of a step, which may speak of any fault.
fn quotes_command(line: &str) -> bool {
    line.contains("process \"") || line.contains("executor failed running")
}

fn says(line: &str, phrases: &[Words]) -> bool {
    let line = line.to_ascii_lowercase();
    phrases.iter().any(|words| words.iter().all(|word| line.contains(word)))
}

/// Without the number of the step and the seconds since it began: `#5 0.234 text` and `0.234 text` are `text`.
fn bare(line: &str) -> &str {
    let line = without(line, |word| word.strip_prefix('#').is_some_and(|step| step.parse::<u32>().is_ok()));
    without(line, |word| word.contains('.') && word.parse::<f64>().is_ok())
}

/// Without the first word, if it is such a one.
fn without(line: &str, is_such: impl Fn(&str) -> bool) -> &str {
    line.split_once(' ').filter(|(word, _)| is_such(word)).map_or(line, |(_, rest)| rest)
}
