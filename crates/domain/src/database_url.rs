//! URLs of Postgres databases as texts, and hints for URLs that cannot work.

use std::io::ErrorKind;

/// How the characters that would end a user's name or a password are written in a URL.
pub const SPECIAL_CHARACTERS: &str = "`@`, `/`, `?`, `#` and `%` are written %40, %2F, %3F, %23 and %25";

/// The URL with the scheme `postgresql` alone, without the name of a driver that `SQLAlchemy` wants behind it. The error says what a URL must
/// be, and repeats nothing of the text, which has a password in it.
///
/// A `/`, `?` or `#` that stands in a password as it is ends the host for a parser of URLs: the password's beginning becomes a port, and
/// its rest the name of the database, which messages show. So a URL is refused that has a `#`, or an `@` behind its host.
pub fn normalise(text: &str) -> Result<String, String> {
    let form =
        || format!("a URL like postgresql://user:password@host:5432/name, in whose password {SPECIAL_CHARACTERS}");
    let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
    let (scheme, _driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    if !matches!(scheme, "postgres" | "postgresql") {
        return Err("a URL that starts with postgresql://".to_owned());
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, name) = path.split_once('/').unwrap_or((path, ""));
    let port = host.rsplit_once('@').map_or(host, |(_, host)| host).rsplit_once(':').map(|(_, port)| port);
    let port_is_none = port.is_some_and(|port| !port.ends_with(']') && port.parse::<u16>().is_err());
    // A user's name among the parameters may have one: there it comes behind a `=`.
    let behind = name.contains('@') || query.split('=').next().is_some_and(|first| first.contains('@'));
    if rest.contains('#') || behind || port_is_none { Err(form()) } else { Ok(format!("postgresql://{rest}")) }
}

/// `host:port/name`, with brackets around an IPv6 address, as a URL has them.
pub fn place(host: &str, port: u16, name: &str) -> String {
    if host.contains(':') { format!("[{host}]:{port}/{name}") } else { format!("{host}:{port}/{name}") }
}

/// What is wrong where no connection came about, and what to do: by what the operating system said, or by the server's SQLSTATE.
pub fn way_out(io: Option<ErrorKind>, sqlstate: Option<&str>) -> String {
    let (fault, way_out) = match (io, sqlstate) {
        (Some(ErrorKind::ConnectionRefused), _) => ("nothing listens there", "start it"),
        (Some(ErrorKind::TimedOut), _) => ("no answer", "check the network on the way"),
        (_, Some("3D000")) => ("the server has no database of this name", "create it"),
        (_, Some("28P01")) => {
            return format!("the server refuses the user or the password, in which {SPECIAL_CHARACTERS}");
        }
        (_, Some(_)) => ("the server refuses the connection", "do what it says"),
        (_, None) => ("it cannot be reached", "check that it runs"),
    };
    format!("{fault}. Correct DATABASE_URL, or {way_out}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("postgres://u:p@h/d", "postgresql://u:p@h/d")]
    #[case("postgresql+asyncpg://u:p@h:5432/d?sslmode=require", "postgresql://u:p@h:5432/d?sslmode=require")]
    #[case("postgresql://u:p@[::1]:5432/d", "postgresql://u:p@[::1]:5432/d")]
    #[case("postgresql://u:p@[2001:db8::1]/d", "postgresql://u:p@[2001:db8::1]/d")]
    #[case("postgresql://u:p%40%2F%3F%23%25@h/d", "postgresql://u:p%40%2F%3F%23%25@h/d")]
    #[case("postgresql://u:p@ss:w@h/d", "postgresql://u:p@ss:w@h/d")]
    #[case("postgresql://h/d?user=me@tenant&password=x", "postgresql://h/d?user=me@tenant&password=x")]
    #[case("postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql")]
    fn a_url_is_taken(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(normalise(text).as_deref(), Ok(expected));
    }

    #[rstest]
    #[case("postgresql://u:hu/sh@h/d")]
    #[case("postgresql://u:12/sh@h/d")]
    #[case("postgresql://u:hu?sh@h/d")]
    #[case("postgresql://u:12?sh@h/d")]
    #[case("postgresql://u:hu#sh@h/d")]
    #[case("postgresql://u:12#sh@h/d")]
    #[case("postgresql://u:1@2/hush@h/d")]
    #[case("postgresql://u:hush@h/d#")]
    #[case("postgresql://u:p@h/d?password=hu#sh")]
    #[case("postgresql://u:hush@h:port/d")]
    #[case("u:hush@h/d")]
    fn characters_that_end_a_password_are_named_and_the_password_is_not(#[case] text: &str) {
        let fault = normalise(text).unwrap_err();
        assert!(fault.contains("`/`, `?`, `#`") && fault.contains("%2F, %3F, %23") && !fault.contains("sh"), "{fault}");
    }

    #[test]
    fn a_place_is_written_as_in_a_url() {
        assert_eq!(place("h", 5432, "d"), "h:5432/d");
        assert_eq!(place("::1", 5433, "d"), "[::1]:5433/d");
    }

    #[test]
    fn another_kind_of_database_is_a_fault() {
        assert_eq!(normalise("mysql://u:hush@h/d").unwrap_err(), "a URL that starts with postgresql://");
    }
}
