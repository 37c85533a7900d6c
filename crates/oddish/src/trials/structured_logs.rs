//! What a trial printed, by what it is (docs/compatibility.md, 1.12).

use futures_util::{StreamExt as _, TryStreamExt as _};
use oddish_api_types::{AgentLogs, NamedLog, StructuredLogsResponse, VerifierLogs};
use oddish_artifacts::log_text::log_files;
use oddish_artifacts::{ArtifactStore, ObjectMeta, StoreError, list_most};
use oddish_db::Db;

use super::reading::find;
use crate::Error;
use crate::answer::{Decoded, ROOM, decode, text_cost};
use crate::caller::Caller;
use crate::capabilities::Artifacts;

/// Bytes of one text at the most.
const MOST: u64 = 256 << 10;
/// Files that are looked at.
const FILES: usize = 10_000;
/// Texts that are read at once.
const AT_ONCE: usize = 8;
/// Bytes of an entry in addition to its name and text, and the note that says that it was cut.
const AROUND: usize = 256;

/// What a log file is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Exception,
    Stdout,
    Stderr,
    Oracle,
    Setup,
    Command(u64),
    Other,
}

/// Returns the log files that a trial left, by what they are. Where they are too much for one answer, texts are cut, and say so, and the last files are left out.
pub async fn get(
    db: &Db,
    Artifacts(store): &Artifacts,
    caller: Caller<'_>,
    trial_id: &str,
) -> Result<StructuredLogsResponse, Error> {
    let (store, trial) = (store.as_ref(), find(db, caller, trial_id, None).await?);
    let mut answer = StructuredLogsResponse {
        trial_id: trial.trial_id,
        agent: AgentLogs::default(),
        verifier: VerifierLogs::default(),
        other: Vec::new(),
        exception: None,
        truncated: false,
    };
    let mut room = ROOM;
    if let Some(message) = &trial.error_message {
        let bytes = message.as_bytes();
        answer.exception = Some(answer_text(bytes, bytes.len() as u64, &mut room, &mut answer.truncated));
    }
    let Some(prefix) = &trial.prefix else { return Ok(answer) };
    let files = sorted(list_most(store, prefix, None, FILES).await?, prefix);
    // Those that are said already, or that there could not be room for, are not read.
    let mut unread = ROOM as u64;
    let wanted = files.into_iter().filter(|(kind, _)| *kind != Kind::Exception || answer.exception.is_none());
    let wanted: Vec<_> = wanted
        .map(|(kind, file)| {
            let most = file.size.min(MOST).min(unread);
            unread -= most;
            (kind, file, most)
        })
        .collect();
    let reads = wanted.into_iter().map(|(kind, file, most)| beginning(store, kind, file, most));
    let mut texts = futures_util::stream::iter(reads).buffered(AT_ONCE);
    while let Some((kind, file, bytes)) = texts.try_next().await? {
        let name = match kind {
            Kind::Command(number) => format!("command-{number}"),
            _ => file.key.as_str().get(prefix.len()..).unwrap_or_default().to_owned(),
        };
        let taken = text_cost(&name) + AROUND;
        if taken > room {
            answer.truncated = true;
            break;
        }
        room -= taken;
        let content = answer_text(&bytes, file.size, &mut room, &mut answer.truncated);
        match kind {
            Kind::Exception => answer.exception = Some(content),
            Kind::Stdout => answer.verifier.stdout = Some(content),
            Kind::Stderr => answer.verifier.stderr = Some(content),
            Kind::Oracle => answer.agent.oracle = Some(content),
            Kind::Setup => answer.agent.setup = Some(content),
            Kind::Command(_) => answer.agent.commands.push(NamedLog { name, content }),
            Kind::Other => answer.other.push(NamedLog { name, content }),
        }
    }
    Ok(answer)
}

/// The log files by what they are, commands in the order of their numbers. Of those that there can be only one of, the first counts as that.
fn sorted(objects: Vec<ObjectMeta>, prefix: &str) -> Vec<(Kind, ObjectMeta)> {
    let mut files: Vec<(Kind, ObjectMeta)> = Vec::new();
    for file in log_files(objects, prefix) {
        // With the slash that the prefix ends in.
        let kind = kind(file.key.as_str().get(prefix.len() - 1..).unwrap_or_default());
        let is_second = !matches!(kind, Kind::Command(_)) && files.iter().any(|(other, _)| *other == kind);
        files.push((if is_second { Kind::Other } else { kind }, file));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

fn kind(path: &str) -> Kind {
    let singles = [
        ("/exception.txt", Kind::Exception),
        ("/test-stdout.txt", Kind::Stdout),
        ("/test-stderr.txt", Kind::Stderr),
        ("/oracle.txt", Kind::Oracle),
        ("/setup/stdout.txt", Kind::Setup),
    ];
    let single = singles.into_iter().find(|(ending, _)| path.ends_with(ending)).map(|(_, kind)| kind);
    single.or_else(|| command_number(path).map(Kind::Command)).unwrap_or(Kind::Other)
}

/// The number in `…/agent/command-{n}/stdout.txt`.
fn command_number(path: &str) -> Option<u64> {
    let (_, name) = path.strip_suffix("/stdout.txt")?.rsplit_once("/agent/command-")?;
    if name.bytes().all(|byte| byte.is_ascii_digit()) { name.parse().ok() } else { None }
}

async fn beginning(
    store: &dyn ArtifactStore,
    kind: Kind,
    file: ObjectMeta,
    most: u64,
) -> Result<(Kind, ObjectMeta, Vec<u8>), StoreError> {
    let bytes = if most == 0 {
        Vec::new()
    } else {
        match store.get_range(&file.key, 0..most).await {
            Ok(bytes) => bytes.into(),
            Err(StoreError::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error),
        }
    };
    Ok((kind, file, bytes))
}

/// The beginning of a text of `size` bytes, as far as there is room, with a last line that says what is missing.
fn answer_text(bytes: &[u8], size: u64, room: &mut usize, truncated: &mut bool) -> String {
    let Decoded { mut text, bytes: taken, cost, .. } = decode(bytes, *room, bytes.len() as u64 >= size);
    *room -= cost;
    let missing = size.saturating_sub(taken as u64);
    if missing > 0 {
        *truncated = true;
        let note = format!("\n[Too long to show whole: {missing} more bytes are in the file]\n");
        text.push_str(&note);
    }
    text
}
