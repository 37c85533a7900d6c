//! `docs/configuration.md`: every variable of every program, from the constants that the programs read by.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use oddish_dispatcher::{EcsSettings, LauncherKind};
use oddish_domain::attempt_settings::ATTEMPT_SETTINGS;
use oddish_domain::client_settings::CLIENT_SETTINGS;
use oddish_domain::harbor_keys::HARBOR_KEYS;
use oddish_domain::settings::{Description, Group, Setting, Settings};
use oddish_functions::lambda::migrate::MigrateSettings;
use oddish_runner::settings::{read_attempt, read_token};
use oddish_telemetry::TelemetrySettings;
use oddish_test_support::derived;
use oddish_wake::WakeSettings;

use crate::settings::{GROUPS, ServerSettings};

/// Settings that the one-machine server does not read; they come after [`GROUPS`].
const ELSEWHERE: &[Group] =
    &[EcsSettings::GROUP, WakeSettings::GROUP, MigrateSettings::GROUP, ATTEMPT_SETTINGS, CLIENT_SETTINGS, AWS, SYSTEM];

/// Read by libraries of AWS, in whose documentation they are.
const AWS: Group = Group {
    title: "The AWS SDK",
    read_by: "every program that speaks to AWS: `oddish-server` and `oddish-runner` with S3, all functions",
    settings: &[
        &other("AWS_REGION", "Region of SQS and ECS; S3 has ODDISH_S3_REGION. Lambda and ECS set it."),
        &other("AWS_PROFILE", "Profile of `~/.aws/config` to take credentials from."),
        &other(
            "AWS_ACCESS_KEY_ID",
            "Access key id. On Lambda and ECS the role is used, and none of these is set by hand.",
        )
        .secret(),
        &other("AWS_SECRET_ACCESS_KEY", "See AWS_ACCESS_KEY_ID.").secret(),
        &other("AWS_SESSION_TOKEN", "See AWS_ACCESS_KEY_ID.").secret(),
        &other(
            "AWS_LAMBDA_RUNTIME_API",
            "Where a function gets its events. Lambda sets it, as the others that begin with `AWS_LAMBDA_`.",
        ),
    ],
};

/// What every program on the system may be told.
const SYSTEM: Group = Group {
    title: "The system",
    read_by: "as each says",
    settings: &[
        &other(
            "PATH",
            "Where `oddish-server` looks for Postgres and oddish-runner, and `oddish-runner` for Harbor and Docker.",
        ),
        &other("HOME", "Where ODDISH_HOME is, if neither that nor XDG_DATA_HOME is set."),
        &other("XDG_DATA_HOME", "See HOME."),
        &other("LOGNAME", "`oddish`: who submits, unless `--user` says; USER and USERNAME after it."),
        &other("USER", "See LOGNAME."),
        &other("USERNAME", "See LOGNAME."),
        &other("TERM", "`oddish`: with `dumb` nothing is drawn anew on the terminal."),
        &other("NO_COLOR", "`oddish`, `oddish-server`: set to anything, output has no colours."),
    ],
};

/// Groups of which no setting has to be asked for by the programs here: libraries and Harbor read them, and the client, whose own test holds
/// it to its group.
const READ_ELSEWHERE: [Group; 4] = [HARBOR_KEYS, CLIENT_SETTINGS, AWS, SYSTEM];

const fn other(name: &'static str, doc: &'static str) -> Setting<Option<String>> {
    Setting::optional(name).doc(doc)
}

fn groups() -> impl Iterator<Item = &'static Group> {
    GROUPS.iter().chain(ELSEWHERE)
}

/// The whole page.
fn page() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         Every environment variable of every program, from the code that reads them: `cargo xtask generate` writes this page.\n\n\
         A variable that is empty counts as not set. A program that finds a value it cannot use says which and does not start; it never shows\n\
         a secret one. `oddish-server` reads `.env` in its working directory too (no other folder's), below the environment; `oddish-server settings` prints\n\
         its part of this page in that form, which is [env.example](../env.example). Functions and runners read their environment only.\n\n\
         Secret values (marked so) belong into a secret store; on AWS they come from Secrets Manager.\n",
    );
    for group in groups() {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n## {}\n\nRead by: {}.\n\n", group.title, group.read_by);
        text.push_str("| variable | default | range | unit | what it is |\n|---|---|---|---|---|\n");
        for Description { name, default, range, unit, secret, doc } in group.describe() {
            let default = if default.is_empty() { default } else { format!("`{default}`") };
            let range = range.map_or_else(String::new, |(least, most)| format!("{least} to {most}"));
            let doc = doc.replace('\n', " ").replace('|', "\\|");
            let mark = if secret { "**Secret.** " } else { "" };
            let _ = writeln!(text, "| `{name}` | {default} | {range} | {unit} | {mark}{doc} |");
        }
    }
    text
}

#[test]
fn the_configuration_page_is_current() {
    derived::check("docs/configuration.md", &page());
}

#[test]
fn every_setting_is_there_once_with_what_it_is_and_what_its_number_counts() {
    let mut names = BTreeSet::new();
    for Description { name, default, range, unit, doc, .. } in groups().flat_map(Group::describe) {
        assert!(names.insert(name), "{name} is there twice");
        assert!(!doc.is_empty(), "{name} says nothing of itself");
        let is_number = range.is_some() || default.parse::<f64>().is_ok();
        assert!(!is_number || !unit.is_empty(), "{name} does not say what it counts");
    }
}

/// A setting that is read and in no group is found here, and one that is in a group and not read.
#[test]
fn exactly_the_documented_settings_are_read() {
    // With S3 on, its other settings are read too.
    let settings = Settings::from_map(BTreeMap::from([("ODDISH_S3_ENABLED".to_owned(), "true".to_owned())]));
    let mut reader = settings.reader();
    ServerSettings::read(&mut reader, BTreeMap::new());
    read_attempt(&mut reader);
    read_token(&mut reader);
    TelemetrySettings::read(&mut reader);
    LauncherKind::read(&mut reader);
    EcsSettings::read(&mut reader);
    WakeSettings::read(&mut reader);
    MigrateSettings::read(&mut reader);
    let names = |groups: &mut dyn Iterator<Item = &Group>| -> BTreeSet<&str> {
        groups.flat_map(Group::describe).map(|setting| setting.name).collect()
    };
    let (read, elsewhere) = (settings.asked(), names(&mut READ_ELSEWHERE.iter()));
    let all = names(&mut groups());
    let documented: BTreeSet<&str> = all.difference(&elsewhere).copied().collect();
    assert_eq!(read.difference(&all).collect::<Vec<_>>(), [&""; 0], "read, and in no group");
    assert_eq!(documented.difference(&read).collect::<Vec<_>>(), [&""; 0], "in a group, and not read");
}
