use std::collections::BTreeSet;

use oddish_domain::client_settings::CLIENT_SETTINGS;
use oddish_domain::settings::Settings;

use super::{Api, KeyUse, masked, no_server};

const KEY: (&str, &str) = ("ODDISH_API_KEY", "ok_00112233445566778899aabbccddeeff");

fn resolve(flag: Option<&str>, insecure: bool, variables: &[(&str, &str)]) -> Result<Api, String> {
    let variables = variables.iter().map(|(name, value)| (String::from(*name), String::from(*value)));
    Api::from_sources(flag, insecure, &Settings::from_map(variables.collect()))
        .and_then(|found| found.ok_or_else(no_server))
        .map_err(|failure| format!("{failure:?}"))
}

#[test]
fn exactly_the_documented_settings_are_read() {
    let settings = Settings::default();
    Api::from_sources(Some("http://x"), false, &settings).unwrap();
    let documented: BTreeSet<&str> = CLIENT_SETTINGS.describe().map(|setting| setting.name).collect();
    assert_eq!(settings.asked(), documented);
}

#[test]
fn the_nearest_source_wins_and_empty_is_unset() {
    let found = |flag, variables: &[(&str, &str)]| {
        let api = resolve(flag, false, variables).unwrap();
        (api.to_string(), api.source())
    };
    let variables = [("ODDISH_API_URL", "http://one"), ("ODDISH_DEFAULT_API_URL", "http://two")];
    assert_eq!(found(Some("http://flag/"), &variables), ("http://flag".to_owned(), "--api"));
    assert_eq!(found(Some(" "), &variables), ("http://one".to_owned(), "ODDISH_API_URL"));
    let empty = [("ODDISH_API_URL", ""), variables[1]];
    assert_eq!(found(None, &empty), ("http://two".to_owned(), "ODDISH_DEFAULT_API_URL"));
    assert_eq!(found(None, &[KEY]), ("https://abundant-ai--api.modal.run".to_owned(), "default"));
}

#[test]
fn without_a_server_and_a_key_there_is_none() {
    for variables in [&[][..], &[("ODDISH_API_KEY", "")], &[("ODDISH_API_URL", "")]] {
        let text = resolve(None, false, variables).unwrap_err();
        for told in ["http://localhost:8000", "https://abundant-ai--api.modal.run", "--api", "ODDISH_API_KEY", "Usage"]
        {
            assert!(text.contains(told), "{told}: {text}");
        }
    }
}

#[test]
fn a_key_goes_to_its_own_host_alone() {
    let own = ("ODDISH_API_URL", "https://own:8443/oddish");
    let usual = ("ODDISH_DEFAULT_API_URL", "https://usual");
    let sent = |flag: Option<&str>, variables: &[(&str, &str)]| {
        let api = resolve(flag, false, variables).unwrap();
        assert_eq!(api.key().is_some(), api.key_use() == KeyUse::Sent);
        assert_eq!(api.withheld().is_some(), api.key_use() == KeyUse::Withheld);
        (api.key_use(), api.withheld())
    };
    assert_eq!(sent(None, &[own, KEY]).0, KeyUse::Sent);
    assert_eq!(sent(Some("https://OWN/"), &[own, usual, KEY]).0, KeyUse::Sent);
    assert_eq!(sent(None, &[usual, KEY]).0, KeyUse::Sent);
    assert_eq!(sent(None, &[KEY]).0, KeyUse::Sent);
    assert_eq!(sent(Some("https://other"), &[own]).0, KeyUse::Absent);
    for (flag, variables, owner) in [
        ("https://other", [own, KEY], "own"),
        // The key is the own server's, whatever is handed out to others.
        ("https://usual", [own, KEY], "own"),
        ("https://other", [usual, KEY], "usual"),
        ("http://localhost:8000", [("ODDISH_API_URL", ""), KEY], "abundant-ai--api.modal.run"),
    ] {
        let (use_of_key, told) = sent(Some(flag), &variables);
        assert_eq!(use_of_key, KeyUse::Withheld, "{flag}");
        assert!(told.unwrap().starts_with(&format!("ODDISH_API_KEY belongs to {owner} and is not sent to ")));
    }
}

#[test]
fn a_key_goes_over_http_to_this_machine_alone() {
    let key_use = |url: &str, insecure| resolve(None, insecure, &[("ODDISH_API_URL", url), KEY]).unwrap().key_use();
    for url in ["http://localhost:8000", "http://127.0.0.1:1", "http://[::1]:9", "http://0.0.0.0:8000", "https://x"] {
        assert_eq!(key_use(url, false), KeyUse::Sent, "{url}");
    }
    for url in ["http://x", "http://10.0.0.7:8000", "http://localhost.example.org"] {
        assert_eq!(key_use(url, false), KeyUse::Withheld, "{url}");
        assert_eq!(key_use(url, true), KeyUse::Sent, "{url}");
    }
    let names = resolve(Some("http://127.0.0.1:9"), false, &[("ODDISH_API_URL", "http://localhost:8000"), KEY]);
    assert_eq!(names.unwrap().key_use(), KeyUse::Sent, "names of one machine");
    let other = resolve(Some("http://other"), true, &[("ODDISH_API_URL", "http://own"), KEY]);
    assert_eq!(other.unwrap().key_use(), KeyUse::Withheld, "--insecure makes it no other host's");
}

#[test]
fn trials_run_in_docker_here_and_in_modal_there() {
    let environment = |url: &str| resolve(Some(url), false, &[]).unwrap().usual_environment();
    assert_eq!(environment("http://localhost:9000"), Some("docker"));
    assert_eq!(environment("http://127.0.0.1"), Some("docker"));
    assert_eq!(environment("https://some--api.modal.run"), Some("modal"));
    assert_eq!(environment("https://modal.run.example.org"), None);
    assert_eq!(environment("https://x"), None);
}

#[test]
fn pages_are_where_a_variable_says() {
    let own = ("ODDISH_DASHBOARD_URL", "https://pages.example.org/oddish/");
    let usual = ("ODDISH_DEFAULT_DASHBOARD_URL", "https://usual");
    let page = |url: &str, variables: &[(&str, &str)]| {
        resolve(Some(url), false, variables).unwrap().page(&["tasks", "a b"]).map(String::from)
    };
    assert_eq!(page("http://x", &[own, usual]).as_deref(), Some("https://pages.example.org/oddish/tasks/a%20b"));
    assert_eq!(page("http://x", &[usual]).as_deref(), Some("https://usual/tasks/a%20b"));
    assert_eq!(page("http://x", &[]), None);
    let hosted = "https://abundant-ai--api.modal.run";
    assert_eq!(page(hosted, &[]).as_deref(), Some("https://www.oddish.app/tasks/a%20b"));
    assert!(resolve(Some("http://x"), false, &[("ODDISH_DASHBOARD_URL", "x")]).unwrap_err().contains("DASHBOARD"));
}

#[test]
fn a_bad_url_names_its_source() {
    for bad in ["localhost:8000", "ftp://x", "http://", "http://x/?a=b"] {
        let text = resolve(None, false, &[("ODDISH_API_URL", bad)]).unwrap_err();
        assert!(text.contains("ODDISH_API_URL") && text.contains("Usage"), "{bad}: {text}");
    }
}

#[test]
fn paths_are_joined_below_the_base_and_encoded() {
    let api = resolve(Some("https://x/oddish//"), false, &[]).unwrap();
    assert_eq!(api.url(&["tasks", "a/b #1"]).as_str(), "https://x/oddish/tasks/a%2Fb%20%231");
}

#[test]
fn credentials_are_not_shown() {
    let api = resolve(Some("https://me:secret@x/"), false, &[]).unwrap();
    assert_eq!(api.to_string(), "https://x");
    assert_eq!(masked(KEY.1), "ok_00112233...");
    for password in
        ["ok_short", "hunter2", "a-much-longer-text-that-is-no-key-of-ours", "ok_0011223é3445566778899aabbccddee"]
    {
        let shown = masked(password);
        assert!(shown == "set, not shown" || password.starts_with("ok_0011"), "{shown}");
    }
}
