//! Rules of Harbor's models beyond the types of their fields. Problems read on from the place of the value.

use std::net::{IpAddr, Ipv4Addr};

use super::checking::Checking;
use super::value::{Node, Table, Value};

pub(super) fn filled(text: &str) -> Result<(), String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(()) }
}

/// Harbor refuses a `[task]` without a name of the form `org/name`.
pub(super) fn package_name(name: &str) -> Result<(), String> {
    let part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let shown = name;
    // Harbor's pattern lets a line break at the end pass.
    let name = name.strip_suffix('\n').unwrap_or(name);
    if name.split_once('/').is_some_and(|(org, name)| part(org) && part(name)) && !name.contains("..") {
        return Ok(());
    }
    Err(format!(
        "must have the form \"org/name\" in letters, digits, dots, dashes and underscores, unlike {shown:?}: correct it or leave the whole section out"
    ))
}

/// Chips along each axis, such as `2x4`.
pub(super) fn topology(text: &str) -> Result<(), String> {
    let axes: Vec<&str> = text.trim().split('x').collect();
    let is_axis = |axis: &&str| !axis.starts_with('0') && !axis.is_empty() && axis.chars().all(char::is_numeric);
    if axes.len() > 1
        && axes.iter().all(is_axis)
        && axes.iter().all(|axis| axis.starts_with(|c: char| c.is_ascii_digit()))
    {
        Ok(())
    } else {
        Err("must be numbers with `x` between them, such as \"2x4\"".to_owned())
    }
}

/// The name of a Compose service.
pub(super) fn service(name: &str) -> Result<(), String> {
    let trimmed = name.trim();
    let sound = trimmed.starts_with(|first: char| first.is_ascii_alphanumeric())
        && trimmed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if sound { Ok(()) } else { Err("must be the name of a Compose service".to_owned()) }
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !matches!(*part, "" | "."))
}

pub(super) fn artifact_source(source: &str) -> Result<(), String> {
    if parts(source).any(|part| part == "..") { Err("must not have `..` in it".to_owned()) } else { Ok(()) }
}

pub(super) fn artifact_destination(destination: &str) -> Result<(), String> {
    let refused = |problem: &str| Err(problem.to_owned());
    if destination.is_empty() {
        Ok(())
    } else if destination.contains('\\') {
        refused("must have `/` between the parts of the path")
    } else if destination.starts_with('/') {
        refused("must be a relative path")
    } else if parts(destination).next().is_none() {
        refused("must name a file or folder")
    } else if parts(destination).any(|part| part == "..") {
        refused("must not have `..` in it")
    } else if destination.trim_end_matches('/') == "manifest.json" {
        refused("must not be manifest.json, which lists what was collected")
    } else {
        Ok(())
    }
}

/// What another service keeps has to be named from its root.
pub(super) fn artifact(table: &Table, checking: &mut Checking<'_>) {
    let Some(source) = table.get("source") else { return };
    let service = table.get("service").and_then(Node::text).map_or("main", str::trim);
    let text = source.text().unwrap_or_default();
    let drive = text.as_bytes();
    let has_drive = matches!(drive, [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
    if service != "main" && !text.starts_with('/') && !has_drive {
        checking.rule(
            "source",
            source,
            format!("must be an absolute path, since it is collected from the service {service:?}"),
        );
    }
}

/// A host that may be reached, an address or a range of them.
pub(super) fn host(host: &str) -> Result<(), String> {
    const EXPECTED: &str = "must be a host's name, an IP address or a range of them, without scheme, port or path";
    let refused = || Err(EXPECTED.to_owned());
    let host = host.trim().to_lowercase();
    let host = host.trim_end_matches('.');
    if host.is_empty() {
        return refused();
    }
    if host.contains('/') {
        return if is_network(host) { Ok(()) } else { refused() };
    }
    if host.contains(':') {
        return if matches!(host.parse(), Ok(IpAddr::V6(_))) { Ok(()) } else { refused() };
    }
    let name = match host.strip_prefix("*.") {
        Some(name) if name.parse::<IpAddr>().is_ok() => return refused(),
        Some(name) => name,
        None => host,
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if name.split('.').all(is_label) { Ok(()) } else { refused() }
}

/// A range of addresses whose address has no bits beyond the range's: `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `fd00::/8`.
fn is_network(text: &str) -> bool {
    let Some((address, mask)) = text.split_once('/') else { return false };
    let digits = !mask.is_empty() && mask.bytes().all(|digit| digit.is_ascii_digit());
    match address.parse() {
        Ok(IpAddr::V4(address)) => {
            let bits = if digits { mask.parse().ok().filter(|bits| *bits <= 32) } else { ipv4_mask(mask) };
            bits.is_some_and(|bits: u32| u32::from(address).checked_shl(bits).unwrap_or(0) == 0)
        }
        Ok(IpAddr::V6(address)) => {
            let bits: Option<u32> = mask.parse().ok().filter(|bits| digits && *bits <= 128);
            bits.is_some_and(|bits| u128::from(address).checked_shl(bits).unwrap_or(0) == 0)
        }
        Err(_) => false,
    }
}

/// The bits of a mask such as `255.0.0.0`, or of its complement.
fn ipv4_mask(mask: &str) -> Option<u32> {
    let mask = u32::from(mask.parse::<Ipv4Addr>().ok()?);
    [mask, !mask].into_iter().find(|mask| mask.leading_ones() + mask.trailing_zeros() == 32).map(u32::leading_ones)
}

/// Hosts may be listed only where a list decides.
pub(super) fn phase_network(table: &Table, checking: &mut Checking<'_>) {
    network(table, checking, "");
}

fn network(table: &Table, checking: &mut Checking<'_>, default: &str) {
    let Some(hosts) = table.get("allowed_hosts") else { return };
    let mode = table.get("network_mode").and_then(Node::text).unwrap_or(default);
    let listed = hosts.list().is_some_and(|list| !list.is_empty());
    // Of a phase without a mode of its own, not even an empty list.
    if mode != "allowlist" && (listed || mode.is_empty()) {
        checking.rule("allowed_hosts", hosts, "goes with network_mode = \"allowlist\" only");
    }
}

pub(super) fn verifier(table: &Table, checking: &mut Checking<'_>) {
    phase_network(table, checking);
    let shared = table.get("environment_mode").and_then(Node::text) == Some("shared");
    if let Some(environment) = table.get("environment").filter(|_| shared) {
        checking.rule(
            "environment",
            environment,
            "does not go with environment_mode = \"shared\": leave one of them out",
        );
    }
}

pub(super) fn environment(table: &Table, checking: &mut Checking<'_>) {
    network(table, checking, "public");
    for (old, new) in [("memory", "memory_mb"), ("storage", "storage_mb")] {
        // Of another type, the old key is ignored.
        let Some((node, text)) = table.get(old).and_then(|node| Some((node, node.text()?))) else { continue };
        let Some(megabytes) = megabytes(text) else {
            checking.wrong(old, node, "a size such as \"512M\" or \"2G\"");
            continue;
        };
        let differs = match table.get(new).map(|node| &node.value) {
            None => false,
            Some(Value::Whole(whole)) => !is_same(whole.near, megabytes),
            Some(Value::Number(number)) => !is_same(*number, megabytes),
            Some(Value::Flag(flag)) => !is_same(f64::from(u8::from(*flag)), megabytes),
            Some(_) => true,
        };
        if differs {
            checking.rule(old, node, format!("says something else than {new}: leave one of them out"));
        }
    }
}

fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.5
}

/// The megabytes in a size as old tasks give it.
fn megabytes(size: &str) -> Option<f64> {
    let size = size.trim().to_uppercase();
    let factor = match size.chars().last()? {
        'G' => 1024.0,
        'M' => 1.0,
        'K' => 1.0 / 1024.0,
        _ => return None,
    };
    let node = Node { value: Value::Text(size[..size.len() - 1].to_owned()), at: 0 };
    node.number().map(|number| (number * factor).trunc()).filter(|megabytes| megabytes.is_finite())
}

pub(super) fn mcp_server(table: &Table, checking: &mut Checking<'_>) {
    let text = |key: &str| table.get(key).and_then(Node::text).filter(|text| !text.is_empty());
    let transport = text("transport").unwrap_or("sse");
    let headers = table.get("headers").and_then(Node::table);
    for (name, node) in headers.into_iter().flatten() {
        if let Err(problem) = header(name, node.text().unwrap_or_default()) {
            checking.rule(&format!("headers.{name}"), node, problem);
        }
    }
    let name = table.get("name");
    let missing = if transport == "stdio" { "command" } else { "url" };
    if let (None, Some(name)) = (text(missing), name) {
        checking.rule(
            "name",
            name,
            format!("is of a server with transport {transport:?}, which needs {missing}: add it"),
        );
    }
    let has_headers = headers.is_some_and(|headers| !headers.is_empty());
    if let (Some(headers), true, "stdio") = (table.get("headers"), has_headers, transport) {
        checking.rule("headers", headers, "are for HTTP transports only");
    }
}

/// A header may refer to variables as `${NAME}` or `${NAME:-default}`, and must not hold a credential in clear.
fn header(name: &str, value: &str) -> Result<(), String> {
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+.^_`|~-".contains(&byte));
    if !is_name {
        return Err("is no name of a header".to_owned());
    }
    if value.contains(['\r', '\n']) {
        return Err("must not have line breaks in it".to_owned());
    }
    let (rest, references) = references(value);
    if rest.contains("${")
        || references.iter().any(|(_, default)| default.is_some_and(|default| default.contains("${")))
    {
        return Err(
            "refers to a variable in a way that Harbor does not read: write ${NAME} or ${NAME:-default}".to_owned()
        );
    }
    let lower = name.to_ascii_lowercase();
    let is_credential = is_sensitive(name) || lower == "cookie" || lower == "set-cookie";
    let literal = references.iter().any(|(variable, default)| {
        default.is_some_and(|default| !default.is_empty()) && (is_credential || is_sensitive(variable))
    });
    if literal || (is_credential && !value.trim().is_empty() && !is_templated(value)) {
        return Err("must refer to its credential as ${NAME} without a default, such as \"Bearer ${TOKEN}\"".to_owned());
    }
    Ok(())
}

/// What Harbor takes for a name of something secret.
fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words = ["KEY", "SECRET", "PASSWORD", "CREDENTIAL", "AUTH"];
    words.iter().any(|word| name.contains(word)) || name.replace("TOKENS", "").contains("TOKEN")
}

type Reference<'a> = (&'a str, Option<&'a str>);

/// The text with a blank for each reference, and the references.
fn references(value: &str) -> (String, Vec<Reference<'_>>) {
    let (mut rest, mut found, mut left) = (String::new(), Vec::new(), value);
    while let Some(start) = left.find("${") {
        let (before, from) = left.split_at(start);
        rest.push_str(before);
        if let Some((reference, after)) = reference(from) {
            found.push(reference);
            rest.push(' ');
            left = after;
        } else {
            rest.push_str("${");
            left = &from[2..];
        }
    }
    rest.push_str(left);
    (rest, found)
}

/// The reference that a text begins with, and what comes after it.
fn reference(text: &str) -> Option<(Reference<'_>, &str)> {
    let inner = text.strip_prefix("${")?;
    let name_end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, after) = inner.split_at(name_end);
    if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        return None;
    }
    if let Some(after) = after.strip_prefix('}') {
        return Some(((name, None), after));
    }
    let (default, after) = after.strip_prefix(":-")?.split_once('}')?;
    Some(((name, Some(default)), after))
}

/// Whether a value is nothing but references without defaults, after a scheme perhaps.
fn is_templated(value: &str) -> bool {
    let value = value.trim();
    let scheme_end = value.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(value.len());
    let (scheme, after) = value.split_at(scheme_end);
    let mut rest = if scheme.is_empty() {
        value
    } else if after.starts_with(char::is_whitespace) {
        after.trim_start()
    } else {
        return false;
    };
    let mut any = false;
    while let Some(((_, default), after)) = reference(rest) {
        if default.is_some_and(|default| !default.is_empty()) {
            return false;
        }
        any = true;
        if after.is_empty() {
            return true;
        }
        rest = after.trim_start_matches(|c: char| c.is_whitespace() || c == ':' || c == '-');
    }
    any && rest.is_empty()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("example.com", true)]
    #[case("Example.com.", true)]
    #[case("*.example.com", true)]
    #[case("256.1.1.1", true)]
    #[case("10.0.0.0/8", true)]
    #[case("10.0.0.0/255.0.0.0", true)]
    #[case("10.0.0.0/0.255.255.255", true)]
    #[case("10.0.0.1/8", false)]
    #[case("0.0.0.0/0", true)]
    #[case("1.2.3.4/32", true)]
    #[case("1.2.3.4/33", false)]
    #[case("fd00::/8", true)]
    #[case("fd00::1/8", false)]
    #[case("2001:db8::1", true)]
    #[case("fe80::1%eth0", false)]
    #[case("https://example.com", false)]
    #[case("example.com:443", false)]
    #[case("*.1.2.3.4", false)]
    #[case("*.", false)]
    #[case("a*b.com", false)]
    #[case("-a.com", false)]
    #[case("a_b.com", false)]
    #[case("", false)]
    fn hosts(#[case] text: &str, #[case] sound: bool) {
        assert_eq!(host(text).is_ok(), sound, "{text}");
    }

    #[rstest]
    #[case("X-Team", "evals", true)]
    #[case("Authorization", "Bearer ${TOKEN}", true)]
    #[case("Authorization", "${KEY_ID}:${SECRET}", true)]
    #[case("Authorization", "Bearer ${TOKEN:-}", true)]
    #[case("Authorization", "Bearer abc", false)]
    #[case("Authorization", "Bearer ${TOKEN:-abc}", false)]
    #[case("X-Team", "${MY_KEY:-abc}", false)]
    #[case("X-Team", "${TEAM:-abc}", true)]
    #[case("X-Team", "${TEAM", false)]
    #[case("X-Team", "${1TEAM}", false)]
    #[case("Cookie", "a=b", false)]
    #[case("Authorization", " ", true)]
    #[case("a b", "c", false)]
    #[case("a", "b\nc", false)]
    fn headers(#[case] name: &str, #[case] value: &str, #[case] sound: bool) {
        assert_eq!(header(name, value).is_ok(), sound, "{name}: {value}");
    }

    #[rstest]
    #[case("2G", Some(2048.0))]
    #[case(" 1.5g ", Some(1536.0))]
    #[case("512M", Some(512.0))]
    #[case("2048K", Some(2.0))]
    #[case("10GB", None)]
    #[case("512", None)]
    #[case("infG", None)]
    #[case("", None)]
    fn sizes(#[case] text: &str, #[case] size: Option<f64>) {
        assert_eq!(megabytes(text), size);
    }
}
