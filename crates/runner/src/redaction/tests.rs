use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// Both ends look alike, and it stays apart from everything else in these tests.
const SECRET: &str = "sk-one-4711-sk-one";

fn pieces(redactor: &Redactor, replacement: Replacement, pieces: &[&[u8]]) -> (Vec<u8>, u64) {
    let mut scrubber = redactor.scrubber(replacement);
    let mut clean: Vec<u8> = pieces.iter().flat_map(|piece| scrubber.push(piece)).collect();
    clean.extend(scrubber.finish());
    (clean, scrubber.replaced())
}

#[test]
fn a_secret_is_found_wherever_the_text_is_cut() {
    let text = format!("a {SECRET} b {SECRET}{SECRET} sk-one-4711");
    let redactor = Redactor::new([SECRET]);
    let expected = "a [redacted] b [redacted][redacted] sk-one-4711";
    for cut in 0..=text.len() {
        for other in cut..=text.len() {
            let bytes = text.as_bytes();
            let cuts = [&bytes[..cut], &bytes[cut..other], &bytes[other..]];
            let (clean, replaced) = pieces(&redactor, Replacement::Mask, &cuts);
            assert_eq!(String::from_utf8(clean).unwrap(), expected, "cut at {cut} and {other}");
            assert_eq!(replaced, 3);
        }
    }
}

#[test]
fn what_is_no_secret_does_not_wait() {
    let mut scrubber = Redactor::new([SECRET]).scrubber(Replacement::Mask);
    assert_eq!(scrubber.push(b"plain text\n"), b"plain text\n");
    assert_eq!(scrubber.push(b"plain sk-o"), b"plain ");
    assert_eq!(scrubber.push(b"ther\n"), b"sk-other\n");
    assert_eq!(scrubber.finish(), b"");
}

/// The longer one must not leave its end, nor two that overlap the middle of either.
#[test]
fn secrets_in_secrets_leave_nothing() {
    let redactor = Redactor::new(["abcdefgh", "abcdefghijkl", "ghijklmnop"]);
    for (text, clean) in [
        ("abcdefghijkl", "[redacted]"),
        ("abcdefghijklmnop!", "[redacted]!"),
        ("abcdefghi", "[redacted]i"),
        ("abcdefghijklabcdefgh", "[redacted][redacted]"),
    ] {
        assert_eq!(redactor.text(text), clean);
        let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(pieces(&redactor, Replacement::Mask, &single).0, clean.as_bytes(), "{text} byte by byte");
    }
}

#[test]
fn a_secret_that_repeats_itself_takes_no_more_memory_than_one() {
    let mut scrubber = Redactor::new(["aaaaaaaa"]).scrubber(Replacement::Mask);
    let mut clean = Vec::new();
    for _ in 0..10_000 {
        clean.extend(scrubber.push(b"aaaa"));
        assert!(scrubber.pending.len() < 16, "{}", scrubber.pending.len());
    }
    clean.extend(scrubber.finish());
    assert_eq!((clean.as_slice(), scrubber.replaced()), (b"[redacted]".as_slice(), 1));
}

#[rstest]
#[case("pass\"wo\\rd\n4711", r#"{"log": "pass\"wo\\rd\n4711"}"#, r#"{"log": "[redacted]"}"#)]
#[case("pass\"wo\\rd\n4711", r#""{\"log\": \"pass\\\"wo\\\\rd\\n4711\"}""#, r#""{\"log\": \"[redacted]\"}""#)]
#[case("passw\u{f6}rd \u{1f511}", r#""passw\u00f6rd \ud83d\udd11""#, r#""[redacted]""#)]
#[case("passw\u{f6}rd \u{1f511}", "\"passw\u{f6}rd \u{1f511}\"", r#""[redacted]""#)]
#[case("sk-ant-4711-0815", "KEY=sk-a****815", "KEY=[redacted]")]
#[case("p\u{e4}ssw\u{f6}rd!", "KEY=p\u{e4}ss****rd!", "KEY=[redacted]")]
fn every_form_is_found(#[case] secret: &str, #[case] text: &str, #[case] clean: &str) {
    assert_eq!(Redactor::new([secret]).text(text), clean);
}

#[test]
fn keys_are_found_line_by_line() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASC\n-----END PRIVATE KEY-----";
    let redactor = Redactor::new([key]);
    assert_eq!(redactor.text(&format!("<{key}>")), "<[redacted]>");
    let indented = key.replace('\n', "\n  ");
    assert_eq!(redactor.text(&indented), indented.replace("MIIEvQIBADANBgkqhkiG9w0B", MASK));
}

proptest! {
    #[test]
    fn base64_is_found_at_every_offset(before in "[ -~]{0,8}", secret in "[!-~]{8,40}", after in "[ -~]{0,8}") {
        let whole = format!("{before}{secret}{after}");
        let redactor = Redactor::new([secret.as_str()]);
        for encoded in [STANDARD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)] {
            let clean = redactor.text(&encoded);
            let left: usize = clean.split(MASK).map(str::len).sum();
            prop_assert!(clean.contains(MASK), "{encoded}");
            // Of the secret, only what shares a character with its neighbours.
            prop_assert!(left <= (before.len() + after.len()) * 4 / 3 + 8, "{encoded} became {clean}");
        }
    }

    #[test]
    fn nothing_else_changes_and_no_secret_stays(
        secrets in prop::collection::vec("[ab]{8,10}", 1..4),
        text in "[abc]{0,80}",
        cuts in prop::collection::vec(0_usize..80, 0..6),
    ) {
        let redactor = Redactor::new(secrets.iter().map(String::as_str));
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
        cuts.sort_unstable();
        let cut: Vec<&[u8]> = cuts.windows(2).map(|cut| &text.as_bytes()[cut[0]..cut[1]]).collect();
        let mut expected = text.clone().into_bytes();
        for secret in &secrets {
            for (start, _) in (0..text.len()).map(|start| (start, &text[start..])).filter(|(_, rest)| rest.starts_with(secret.as_str())) {
                expected[start..start + secret.len()].fill(b'*');
            }
        }
        let (clean, _) = pieces(&redactor, Replacement::SameLength, &cut);
        prop_assert_eq!(String::from_utf8(clean).unwrap(), String::from_utf8(expected).unwrap());
        let (masked, replaced) = pieces(&redactor, Replacement::Mask, &cut);
        let masked = String::from_utf8(masked).unwrap();
        prop_assert_eq!(masked.matches(MASK).count() as u64, replaced);
        prop_assert_eq!(&redactor.text(&text), &masked);
    }
}

#[rstest]
#[case("sk-one-4711-sk", "[redacted]")]
#[case("sk-one-4711-sk [cut]", "[redacted] [cut]")]
#[case("s", "[redacted]")]
#[case(SECRET, "[redacted]")]
#[case("another word [cut]", "another word [cut]")]
fn the_beginning_of_a_secret_where_a_message_was_cut_goes_too(#[case] end: &str, #[case] clean: &str) {
    let before = "x".repeat(MAY_BE_CUT);
    assert_eq!(Redactor::new([SECRET]).message(&format!("{before}{end}")), format!("{before}{clean}"));
}

#[test]
fn short_messages_are_whole() {
    assert_eq!(Redactor::new([SECRET]).message(&format!("{SECRET} sk-one-4711")), "[redacted] sk-one-4711");
}

#[test]
fn without_secrets_everything_stays() {
    let none = Redactor::new([]);
    assert_eq!((none.text("a"), none.message(&"a".repeat(MAY_BE_CUT)).len()), ("a".to_owned(), MAY_BE_CUT));
    assert!(!none.finds_any(b"a".as_slice()).unwrap());
    assert_eq!(pieces(&none, Replacement::Mask, &[b"a", b"b"]), (b"ab".to_vec(), 0));
    assert_eq!(format!("{:?}", Redactor::new([SECRET])), "Redactor(..)");
}
