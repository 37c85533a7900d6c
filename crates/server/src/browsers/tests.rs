//! Every combination that decides, without a server.

use super::*;

const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn guard(origins: &str, allowed: &str, public_url: Option<&str>, address: &str) -> Guard {
    let allowed = (!allowed.is_empty()).then(|| AllowedHosts::from_text(allowed).unwrap());
    let origins = Origins::from_text(origins).unwrap();
    Guard::new(&origins, allowed.as_ref(), public_url, address.parse().unwrap())
}

fn usual() -> Guard {
    Guard::new(&Origins::usual(AuthMode::None), None, None, LOCAL)
}

fn asked(guard: &Guard, line: &str, headers: &[(&'static str, &str)]) -> Option<String> {
    let (method, url) = line.split_once(' ').unwrap();
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    guard.refusal(&request.body(()).unwrap())
}

#[test]
fn a_server_answers_to_names_that_it_knows() {
    let guard =
        guard("none", "build-server, 10.0.0.7,fd00::7", Some("https://Oddish.Example.com:8443/api"), "192.168.1.5");
    for host in [
        "localhost",
        "localhost:8000",
        "LOCALHOST:1",
        "127.0.0.1:8000",
        "[::1]",
        "[::1]:8000",
        "[0:0:0:0:0:0:0:1]:8000",
        "192.168.1.5:8000",
        "oddish.example.com",
        "oddish.example.com:9000",
        "build-server:8000",
        "Build-Server",
        "10.0.0.7",
        "[fd00::7]:80",
    ] {
        assert_eq!(asked(&guard, "GET /tasks", &[("host", host)]), None, "{host}");
        assert_eq!(asked(&guard, &format!("GET http://{host}/tasks"), &[]), None, "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "evil.localhost",
        "localhost@evil.example",
        "evil@localhost",
        "127.0.0.2",
        "127.0.0.1.nip.io",
        "10.0.0.8",
        "[::2]",
        "0.0.0.0:8000",
        "localhost:",
        "localhost:x",
        "localhost:99999",
        "",
        " ",
        "localhost,evil.example",
        "oddish.example.com.",
        "xoddish.example.com",
        "http://localhost",
        "*",
    ] {
        let refusal = asked(&guard, "GET /tasks", &[("host", host)]).unwrap_or_else(|| panic!("{host:?} is answered"));
        assert!(refusal.contains("ODDISH_ALLOWED_HOSTS") && refusal.contains("ODDISH_AUTH=api-key"), "{refusal}");
    }
    let both = [("host", "localhost"), ("host", "evil.example")];
    assert!(asked(&guard, "GET /tasks", &both).is_some(), "each of the names counts");
    assert!(asked(&guard, "GET http://evil.example/tasks", &[("host", "localhost")]).is_some());
    assert!(asked(&guard, "GET http://localhost/tasks", &[("host", "evil.example")]).is_some());
    assert!(asked(&guard, "GET /tasks", &[]).unwrap().contains("Host header"));
    let long = "x".repeat(10_000);
    assert!(asked(&guard, "GET /tasks", &[("host", &long)]).unwrap().len() < 1000, "no answer repeats all of it");
}

#[test]
fn any_name_will_do_where_that_is_set() {
    let guard = guard("none", "*", None, "0.0.0.0");
    assert_eq!(asked(&guard, "GET /tasks", &[("host", "evil.example")]), None);
    assert_eq!(asked(&guard, "GET /tasks", &[]), None);
    assert!(
        asked(&guard, "GET /tasks", &[("host", "x"), ("origin", "http://y")]).is_some(),
        "pages are another matter"
    );
    assert!(asked(&guard, "GET /tasks", &[("origin", "http://y")]).is_some(), "whom nobody named has no pages");
}

#[test]
fn a_page_must_be_the_servers_own_or_a_known_one() {
    let guard = guard("https://dash.example", "", Some("https://oddish.example/api/"), "127.0.0.1");
    let host = ("host", "localhost:8000");
    for line in
        ["GET /tasks", "OPTIONS /tasks/sweep", "POST /tasks/sweep", "DELETE /tasks/t", "PUT /artifacts/a?signature=x"]
    {
        for origin in [
            "http://localhost:8000",
            "https://localhost:8000",
            "HTTP://localhost:8000",
            "https://dash.example",
            "https://oddish.example",
        ] {
            let refused = asked(&guard, line, &[host, ("origin", origin)]);
            assert_eq!(
                refused.is_some(),
                origin.starts_with("HTTP"),
                "{line} of {origin}: browsers write schemes in lower case"
            );
        }
        for origin in [
            "null",
            "http://localhost",
            "http://localhost:3000",
            "http://127.0.0.1:8000",
            "http://evil.example",
            "http://evil.example:8000",
            "https://dash.example.evil.example",
            "https://dash.example:444",
            "http://dash.example",
            "",
            "file://",
            "localhost:8000",
        ] {
            let refusal = asked(&guard, line, &[host, ("origin", origin)])
                .unwrap_or_else(|| panic!("{line} of {origin:?} is answered"));
            assert!(refusal.contains("ODDISH_CORS_ORIGINS"), "{refusal}");
        }
        let two = [host, ("origin", "https://dash.example"), ("origin", "http://evil.example")];
        assert!(asked(&guard, line, &two).is_some(), "{line}: each of the origins counts");
        assert_eq!(asked(&guard, line, &[host]), None, "{line}: what is no browser sends no origin");
    }
    assert_eq!(
        asked(&guard, "GET /artifacts/a?signature=x", &[host, ("origin", "http://evil.example")]),
        None,
        "its URL is what lets in"
    );
    assert!(asked(&guard, "GET /artifacts/a?signature=x", &[("host", "evil.example")]).is_some());
}

#[test]
fn what_a_browser_says_of_a_request_is_a_second_net() {
    let guard = usual();
    let host = ("host", "localhost:8000");
    for site in ["cross-site", "same-site", "Cross-Site", "anything"] {
        for line in ["POST /tasks/cancel", "DELETE /tasks/t", "PATCH /queues/default", "PUT /artifacts/a"] {
            assert!(asked(&guard, line, &[host, (SEC_FETCH_SITE, site)]).is_some(), "{line} {site}");
            let known = [host, (SEC_FETCH_SITE, site), ("origin", "http://localhost:3000")];
            assert_eq!(asked(&guard, line, &known), None, "{line} {site}: a known page is on another site, too");
        }
        assert_eq!(asked(&guard, "GET /docs", &[host, (SEC_FETCH_SITE, site)]), None, "a link that somebody follows");
    }
    for site in ["same-origin", "none"] {
        assert_eq!(asked(&guard, "POST /tasks/cancel", &[host, (SEC_FETCH_SITE, site)]), None, "{site}");
    }
    let any = self::guard("*", "", None, "127.0.0.1");
    assert_eq!(asked(&any, "POST /tasks/cancel", &[host, (SEC_FETCH_SITE, "cross-site"), ("origin", "null")]), None);
}

#[test]
fn allowed_hosts_are_read_without_scheme_and_port() {
    let listed = |hosts: &[&str]| Ok(AllowedHosts::Listed(hosts.iter().map(|host| (*host).to_owned()).collect()));
    assert_eq!(AllowedHosts::from_text(" * "), Ok(AllowedHosts::Any));
    assert_eq!(AllowedHosts::from_text("api, 10.0.0.7,[::2],::3"), listed(&["api", "10.0.0.7", "[::2]", "::3"]));
    for wrong in ["http://api", "api:8000", "*.example.com", "a,,b", "user@api", "a b", "*,api", "api/"] {
        assert!(AllowedHosts::from_text(wrong).is_err(), "{wrong}");
    }
}
