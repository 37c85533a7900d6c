use std::path::PathBuf;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    Red,
    Blue,
}

impl Choice for Colour {
    const WORDS: &'static [(&'static str, Self)] = &[("red", Self::Red), ("blue", Self::Blue)];
}

const PORT: Setting<u16> = Setting::new("PORT", 8000).unit("TCP port").doc("Port.");
const HOST: Setting<String> = Setting::new("HOST", "127.0.0.1").doc("Address.");
const FLAG: Setting<bool> = Setting::new("FLAG", true);
const COLOUR: Setting<Colour> = Setting::new("COLOUR", Colour::Blue).doc("`red` or `blue`.\nBlue is calm.");
const SHARE: Setting<f64> = Setting::new("SHARE", 1.0).within(0.0, 1.5);
const COUNT: Setting<u32> = Setting::new("COUNT", 3).within(1, 10).unit("things");
const WORD: Setting<String> =
    Setting::new("WORD", "one").check("must be one word", |word: &String| !word.contains(' '));
const FOLDER: Setting<PathBuf> = Setting::new("FOLDER", "/tmp/it is");
const NAMES: Setting<Vec<String>> = Setting::new("NAMES", "");
const OWN: Setting<Option<Colour>> = Setting::optional("OWN");
const KEY: Setting<Option<String>> = Setting::optional("KEY").secret().doc("For the agents.");
const SEALED: Setting<Option<Colour>> = Setting::optional("SEALED").secret();
const OTHER: Setting<Option<String>> = Setting::optional("OTHER");

fn settings(vars: &[(&str, &str)]) -> Settings {
    Settings::from_map(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// The lines of the faults.
fn faults(reader: Reader<'_>) -> Vec<String> {
    reader.finish().unwrap_err().to_string().lines().skip(1).map(|line| line.trim_start().to_owned()).collect()
}

#[test]
fn set_values_win_over_defaults() {
    let settings = settings(&[
        ("PORT", " 9000 "),
        ("HOST", "::1"),
        ("FLAG", "No"),
        ("COLOUR", "red"),
        ("SHARE", "0.5"),
        ("COUNT", "10"),
        ("FOLDER", "data"),
        ("NAMES", " a,b ,, c"),
        ("OWN", "red"),
        ("KEY", "s3cret"),
    ]);
    let mut reader = settings.reader();
    assert_eq!((reader.get(&PORT), reader.get(&HOST), reader.get(&FLAG)), (9000, "::1".to_owned(), false));
    assert_eq!((reader.get(&COLOUR), reader.get(&OWN)), (Colour::Red, Some(Colour::Red)));
    assert!((reader.get(&SHARE) - 0.5).abs() < f64::EPSILON && reader.get(&COUNT) == 10);
    assert_eq!((reader.get(&FOLDER), reader.get(&NAMES).join(" ")), (PathBuf::from("data"), "a b c".to_owned()));
    assert_eq!(reader.get(&KEY).as_deref(), Some("s3cret"));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn empty_counts_as_not_set() {
    let names = ["PORT", "HOST", "FLAG", "COLOUR", "COUNT", "FOLDER", "NAMES", "OWN", "KEY"];
    for settings in [settings(&names.map(|name| (name, "  "))), settings(&[])] {
        let mut reader = settings.reader();
        assert_eq!((reader.get(&PORT), reader.get(&HOST), reader.get(&FLAG)), (8000, "127.0.0.1".to_owned(), true));
        assert_eq!((reader.get(&COLOUR), reader.get(&OWN), reader.get(&COUNT)), (Colour::Blue, None, 3));
        assert_eq!((reader.get(&FOLDER), reader.get(&NAMES)), (PathBuf::from("/tmp/it is"), vec![]));
        assert_eq!(reader.get(&KEY), None);
        assert_eq!(reader.finish(), Ok(()));
    }
}

#[test]
fn every_fault_is_listed_and_no_secret_shown() {
    let long = "x".repeat(1000);
    let settings = settings(&[
        ("PORT", "70000"),
        ("FLAG", "maybe"),
        ("COLOUR", "green"),
        ("SHARE", "NaN"),
        ("COUNT", "0"),
        ("WORD", "two words"),
        ("SEALED", "s3cret"),
        ("KEY", "s3cret"),
        ("OWN", &long),
    ]);
    let mut reader = settings.reader();
    assert_eq!((reader.get(&PORT), reader.get(&COUNT)), (8000, 3), "until the end, a faulty setting has its default");
    reader.get(&FLAG);
    reader.get(&COLOUR);
    reader.get(&SHARE);
    assert_eq!(reader.get(&WORD), "one");
    reader.get(&SEALED);
    reader.get(&OWN);
    reader.reject(&KEY, "must be longer");
    reader.reject(&OTHER, "must be set");
    assert_eq!(
        faults(reader),
        [
            "PORT: must be a whole number from 0 to 65535; given \"70000\"",
            "COUNT: must be a number from 1 to 10; given \"0\"",
            "FLAG: must be one of true, false, 1, 0, yes, no, on, off; given \"maybe\"",
            "COLOUR: must be `red` or `blue`; given \"green\"",
            "SHARE: must be a number from 0 to 1.5; given \"NaN\"",
            "WORD: must be one word; given \"two words\"",
            "SEALED: must be `red` or `blue`; its value is secret and not shown",
            &format!("OWN: must be `red` or `blue`; given {:?}...", "x".repeat(SHOWN_CHARS)),
            "KEY: must be longer; its value is secret and not shown",
            "OTHER: must be set; it is not set",
        ]
    );
    assert!(!format!("{settings:?}").contains("s3cret"));
}

#[test]
fn two_settings_are_set_together_or_not_at_all() {
    let read = |vars: &[(&str, &str)]| {
        let read = settings(vars).read(|reader| reader.both(&KEY, &OTHER, |other| format!("must be set with {other}")));
        read.map_err(|faults| faults.0[0].to_string())
    };
    assert_eq!(read(&[]), Ok(None));
    assert_eq!(read(&[("KEY", "a"), ("OTHER", "b")]), Ok(Some(("a".to_owned(), "b".to_owned()))));
    assert_eq!(read(&[("KEY", "a")]), Err("OTHER: must be set with KEY; it is not set".to_owned()));
    assert_eq!(read(&[("OTHER", "b")]), Err("KEY: must be set with OTHER; it is not set".to_owned()));
}

#[test]
fn all_readers_note_what_they_are_asked_for() {
    let settings = settings(&[("PORT", "9000")]);
    settings.reader().get(&PORT);
    settings.clone().reader().get(&HOST);
    assert_eq!(settings.asked(), BTreeSet::from(["PORT", "HOST"]));
}

#[test]
fn a_setting_describes_itself() {
    let described = COUNT.describe();
    assert_eq!((described.name, described.default.as_str(), described.unit), ("COUNT", "3", "things"));
    assert_eq!(described.range, Some(("1".to_owned(), "10".to_owned())));
    assert!(!described.secret && KEY.describe().secret);
    assert_eq!(SHARE.describe().range, Some(("0".to_owned(), "1.5".to_owned())));
    let defaults = [PORT.describe(), FLAG.describe(), COLOUR.describe(), FOLDER.describe(), KEY.describe()];
    assert_eq!(defaults.map(|described| described.default), ["8000", "true", "blue", "/tmp/it is", ""]);
}

#[test]
fn the_example_shows_every_setting() {
    const API: Group = Group { title: "API", read_by: "the server", settings: &[&PORT, &COLOUR] };
    const AGENTS: Group = Group { title: "Agents", read_by: "agents", settings: &[&KEY, &FOLDER] };
    let expected = "\
# Every setting, with the value it has when it is not set. Copy to .env and uncomment what you change.

## API

# Port.
#PORT=8000

# `red` or `blue`.
# Blue is calm.
#COLOUR=blue

## Agents

# For the agents.
# (secret)
#KEY=

#FOLDER='/tmp/it is'
";
    assert_eq!(env_example(&[API, AGENTS]), expected);
}
