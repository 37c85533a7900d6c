//! `.env` files: variables that a program adds to its environment.
//!
//! A line is `NAME=VALUE`, perhaps after `export`; empty lines and lines that begin with `#` say nothing. A value is taken as it stands: nothing
//! is put in for `$`, whatever follows it. One with blanks in it stands in quotes, within which it may go on over several lines; what follows
//! `#` behind a blank or a closing quote is a comment. Single quotes keep everything but `\'` and `\\`, double quotes also know `\"`, `\$`, `\n`, `\r`
//! and `\t`; any other backslash is a backslash. Of two lines with one name the later counts. A byte order mark at the start is passed over.
//!
//! What is wrong is told by line and name. Files of this kind are full of secrets, so that no text of a fault repeats anything but a name.

use std::collections::BTreeMap;

use thiserror::Error;

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {}{problem}", .name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default())]
pub struct EnvFileFault {
    /// The line, from 1, on which the variable begins.
    pub line: usize,
    /// The variable, where what stands before `=` is surely its name: in upper case. A line may also be the rest of a value that was broken
    /// into several.
    pub name: Option<String>,
    /// What is wrong with it.
    pub problem: EnvFileProblem,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EnvFileProblem {
    /// Bytes that are no text.
    #[error("it is not UTF-8: save the file as UTF-8")]
    NotUtf8,
    /// Neither a variable nor a comment.
    #[error("it has no `=`: a variable is written NAME=VALUE, a comment begins with `#`")]
    NoEquals,
    /// What stands before `=` cannot be a name.
    #[error(
        "what stands before `=` is no name of a variable, which has letters, digits and underscores and begins with no digit"
    )]
    Name,
    /// Blanks outside quotes.
    #[error("its value has blanks in it: put it in single quotes")]
    Blanks,
    /// A quote without its end.
    #[error(
        "the quote before its value is never closed: close it, or put a value that has quotes in it into the other kind"
    )]
    Unclosed,
    /// Text between a closing quote and the end of the line.
    #[error(
        "something follows the closing quote of its value: put the whole value in one pair of quotes, and `#` before a comment"
    )]
    AfterQuote,
    /// A character that no variable can hold.
    #[error("its value has a NUL character, which no variable can hold")]
    Nul,
}

/// The variables of a file, from its bytes; the first fault ends the reading, since a quote that is not closed turns the rest around.
pub fn read_env_file(bytes: &[u8]) -> Result<BTreeMap<String, String>, EnvFileFault> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        EnvFileFault { line, name: None, problem: EnvFileProblem::NotUtf8 }
    })?;
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut variables, mut line) = (BTreeMap::new(), 1);
    while !rest.is_empty() {
        let (found, after) = variable(rest, line)?;
        variables.extend(found);
        line += rest[..rest.len() - after.len()].matches('\n').count();
        rest = after;
    }
    Ok(variables)
}

/// A variable's name and value.
type Variable = (String, String);

/// The variable that begins on the first line of `text`, if that is one of a variable, and what comes after it.
fn variable(text: &str, line: usize) -> Result<(Option<Variable>, &str), EnvFileFault> {
    let fault = |name: Option<&str>, problem| EnvFileFault { line, name: name.map(str::to_owned), problem };
    let (first, after) = text.split_once('\n').unwrap_or((text, ""));
    let content = first.trim();
    if content.is_empty() || content.starts_with('#') {
        return Ok((None, after));
    }
    let (before, value) = first.split_once('=').ok_or_else(|| fault(None, EnvFileProblem::NoEquals))?;
    let name = before.trim();
    let name = name.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).map_or(name, str::trim_start);
    if !is_name(name) {
        return Err(fault(None, EnvFileProblem::Name));
    }
    let shown = Some(name).filter(|name| !name.contains(|letter: char| letter.is_ascii_lowercase()));
    let named = |problem| fault(shown, problem);
    let value = value.trim_start_matches([' ', '\t']);
    let (value, after) = if let Some(quote @ ('\'' | '"')) = value.chars().next() {
        // From here on the value decides where it ends, and no longer the line.
        let from = first.len() - value.len() + 1;
        let (value, behind) = quoted(&text[from..], quote).ok_or_else(|| named(EnvFileProblem::Unclosed))?;
        let (trailing, after) = behind.split_once('\n').unwrap_or((behind, ""));
        if !matches!(trailing.trim_start().chars().next(), None | Some('#')) {
            return Err(named(EnvFileProblem::AfterQuote));
        }
        (value, after)
    } else {
        let value = without_comment(value).trim();
        if value.contains(char::is_whitespace) {
            return Err(named(EnvFileProblem::Blanks));
        }
        (value.to_owned(), after)
    };
    if value.contains('\0') {
        return Err(named(EnvFileProblem::Nul));
    }
    Ok((Some((name.to_owned(), value)), after))
}

fn is_name(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit())
        && !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A value without quotes up to its comment, which a blank sets apart, or which is all there is.
fn without_comment(value: &str) -> &str {
    let begins = |(place, _): &(usize, &str)| value[..*place].chars().next_back().is_none_or(char::is_whitespace);
    value.match_indices('#').find(begins).map_or(value, |(place, _)| &value[..place])
}

/// The value up to the closing quote, and what comes after that.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        if character == quote {
            return Some((value, &text[place + character.len_utf8()..]));
        }
        let next = characters.clone().next().filter(|_| character == '\\').and_then(|(_, next)| escaped(next, quote));
        value.push(next.unwrap_or(character));
        if next.is_some() {
            characters.next();
        }
    }
    None
}

/// What a backslash and this character mean within such quotes, if they mean anything but themselves.
fn escaped(character: char, quote: char) -> Option<char> {
    match (character, quote) {
        ('\\', _) => Some('\\'),
        (same, _) if same == quote => Some(quote),
        ('$', '"') => Some('$'),
        ('n', '"') => Some('\n'),
        ('r', '"') => Some('\r'),
        ('t', '"') => Some('\t'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn read(text: &str) -> BTreeMap<String, String> {
        read_env_file(text.as_bytes()).unwrap_or_else(|fault| panic!("{text:?}: {fault}"))
    }

    fn value(line: &str) -> String {
        read(line).remove("A").unwrap_or_else(|| panic!("{line:?} sets no A"))
    }

    #[rstest]
    #[case("A=b", "b")]
    #[case("A=", "")]
    #[case("  export  A = b  ", "b")]
    #[case("export\tA=b\r", "b")]
    #[case("A=abc$def${A}$(x)`y`", "abc$def${A}$(x)`y`")]
    #[case("A=\"abc$def${A} \\$x\"", "abc$def${A} $x")]
    #[case("A='abc$def \\$x \\n'", "abc$def \\$x \\n")]
    #[case("A=b#c", "b#c")]
    #[case("A=b # c d", "b")]
    #[case("A= # c d", "")]
    #[case("A=#c", "")]
    #[case("A='b c' # d", "b c")]
    #[case("A=\"b c\"#d", "b c")]
    #[case("A=\"b'#=c\"", "b'#=c")]
    #[case("A='it\\'s \\\\ \"'", "it's \\ \"")]
    #[case("A=\"\\\"q\\\" \\n\\t\\r\\x\"", "\"q\" \n\t\r\\x")]
    #[case("A='b\nB=c\n'", "b\nB=c\n")]
    #[case("A=b==", "b==")]
    #[case("A=b\\n'c\"d", "b\\n'c\"d")]
    #[case("A=x\nA=y", "y")]
    #[case("\u{feff}A=b", "b")]
    #[case("# A=x\n\n \t\nA=größe🦦", "größe🦦")]
    fn values_are_taken_as_they_stand(#[case] line: &str, #[case] expected: &str) {
        assert_eq!(value(line), expected);
    }

    #[rstest]
    #[case("KEY=sk-s3cret trailing words", "line 1: KEY: its value has blanks in it: put it in single quotes")]
    #[case("A=b\n\nKEY='s3cret\n\nB=c\n", "line 3: KEY: the quote before its value is never closed")]
    #[case("KEY=\"s3cret\\\"", "line 1: KEY: the quote before its value is never closed")]
    #[case("A='b\nc'\nKEY='s3'cret", "line 3: KEY: something follows the closing quote")]
    #[case("KEY=s3cret\0", "line 1: KEY: its value has a NUL character")]
    #[case("A=b\r\nsk-s3cret\r\n", "line 2: it has no `=`")]
    #[case("sk-s3cret=x", "line 1: what stands before `=` is no name")]
    #[case("=s3cret", "line 1: what stands before `=` is no name")]
    #[case("KEY=MIIEv\ns3cretAQEFAASC=q r\n", "line 2: its value has blanks in it")]
    #[case("export=s3cret", "")]
    fn faults_name_line_and_variable(#[case] text: &str, #[case] expected: &str) {
        match read_env_file(text.as_bytes()) {
            Ok(variables) => assert!(expected.is_empty(), "{text:?} was read: {:?}", variables.keys()),
            Err(fault) => {
                assert!(!expected.is_empty() && fault.to_string().starts_with(expected), "{text:?}: {fault}");
                assert!(!format!("{fault} {fault:?}").contains("s3"), "{fault:?}");
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told_by_their_line() {
        let fault = read_env_file(b"A=b\nKEY=s3cret\xff\n").unwrap_err();
        assert_eq!(fault.to_string(), "line 2: it is not UTF-8: save the file as UTF-8");
        let utf16: Vec<u8> = "\u{feff}A=b\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read_env_file(&utf16).unwrap_err().problem, EnvFileProblem::NotUtf8);
    }

    /// What `env.example` shows in quotes is read back as it was.
    #[test]
    fn what_is_written_is_read() {
        for default in ["/tmp/it is", "{\"a\": 1}", "a,b", "$x", "plain"] {
            assert_eq!(value(&format!("A={}", crate::settings::env_example::quoted(default))), default);
        }
    }

    proptest! {
        /// Whatever a file holds, it is read or refused, and a refusal has nothing of a value in it.
        #[test]
        fn no_fault_shows_a_value(
            before in "[ \t\r]{0,2}(export )?[A-Z_]{0,8}[ =:'\"#$]{0,4}",
            after in "[ \t'\"#=\\\\$\n]{0,6}[a-z \n='\"]{0,12}",
            lines in prop::collection::vec("[A-Z]{1,4}=[a-z]{0,4}", 0..3),
        ) {
            let secret = "s3cr3t0123";
            let text = format!("{}\n{before}{secret}{after}\nLAST=1\n", lines.join("\n"));
            if let Err(fault) = read_env_file(text.as_bytes()) {
                let shown = format!("{fault} {fault:?}");
                prop_assert!(!shown.contains("s3cr3t"), "{text:?}: {shown}");
                prop_assert!((1..=text.lines().count()).contains(&fault.line), "{text:?}: {shown}");
            }
        }

        /// A value in single quotes, with its quotes and backslashes escaped, is any text.
        #[test]
        fn single_quotes_hold_any_text(expected in "[^\\x00]{0,40}") {
            let line = format!("A='{}' # comment", expected.replace('\\', "\\\\").replace('\'', "\\'"));
            prop_assert_eq!(value(&line), expected);
        }
    }
}
