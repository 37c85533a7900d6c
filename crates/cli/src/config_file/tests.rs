use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Content, Faults, Fields, Node, parse_json, read};
use crate::installed_harbor;

/// What a file of this name and text is, or its faults.
fn file(name: &str, text: impl AsRef<[u8]>) -> Result<Node, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    read(&path)
}

/// The whole of a file as it is sent on, or its faults.
fn sent(name: &str, text: &str) -> Result<Value, Vec<String>> {
    let node = file(name, format!("{{\"kwargs\": {text}}}"))?;
    sent_of(&node)
}

fn sent_of(node: &Node) -> Result<Value, Vec<String>> {
    let faults = Faults::default();
    let object = Fields::of(node, "", &faults).map(|fields| fields.object("kwargs"));
    let lines = faults.into_lines();
    if lines.is_empty() { Ok(Value::Object(object.unwrap())) } else { Err(lines) }
}

/// How `PyYAML` reads words without quotes: the type of each, and its value (a float's to the last bit).
const PLAIN: &str = r#"
import json, sys, yaml
answers = []
for text in json.load(sys.stdin):
    loader = yaml.SafeLoader("")
    tag = loader.resolve(yaml.nodes.ScalarNode, text, (True, False))
    try:
        value = loader.construct_object(yaml.nodes.ScalarNode(tag, text))
    except Exception as error:
        value = error
    kind = type(value).__name__
    answers.append([kind, value.hex() if kind == "float" else str(value)])
json.dump(answers, sys.stdout)
"#;

/// A value as [`PLAIN`] writes it; nothing for what is refused.
fn as_python(content: &Content) -> Option<Value> {
    match content {
        Content::Null => Some(json!(["NoneType", "None"])),
        Content::Bool(flag) => Some(json!(["bool", if *flag { "True" } else { "False" }])),
        Content::Number(number) if number.is_f64() => Some(json!(["float", hex(number.as_f64().unwrap())])),
        Content::Number(number) => Some(json!(["int", number.to_string()])),
        Content::Text(text) => Some(json!(["str", text])),
        Content::Date(_) | Content::Unclear { .. } => None,
        Content::List(_) | Content::Mapping(_) => panic!("{content:?} is no scalar"),
    }
}

/// A float as Python's `float.hex` writes it.
fn hex(value: f64) -> String {
    let bits = value.to_bits();
    let (sign, exponent, mantissa) = (bits >> 63, (bits >> 52) & 0x7ff, bits & 0xf_ffff_ffff_ffff);
    let sign = if sign == 1 { "-" } else { "" };
    match (exponent, mantissa) {
        (0, 0) => format!("{sign}0x0.0p+0"),
        (0, _) => format!("{sign}0x0.{mantissa:013x}p-1022"),
        _ => format!("{sign}0x1.{mantissa:013x}p{:+}", i64::try_from(exponent).unwrap() - 1023),
    }
}

fn read_by_python(texts: &[String]) -> Vec<Value> {
    installed_harbor::ask(PLAIN, &json!(texts)).as_array().unwrap().clone()
}

#[test]
fn what_is_taken_means_what_it_means_to_harbor() {
    let mut runner = TestRunner::deterministic();
    let strategies =
        ["[-+]?[0-9]{1,20}", "[-+]?[0-9_.:eExob+-]{1,10}", "[-+]?[0-9]{0,4}[.][0-9]{0,25}(e[-+][0-9]{1,3})?"];
    let words = [
        "yes",
        "No",
        "oN",
        "TRUE",
        "y",
        "~",
        "Null",
        ".inf",
        "-.INF",
        ".NaN",
        "=",
        "2026-01-02",
        "2026-1-2 3:04:05",
        "x1",
    ];
    let mut texts: Vec<String> = words.map(String::from).to_vec();
    for strategy in strategies {
        let strategy = proptest::string::string_regex(strategy).unwrap();
        texts.extend((0..2000).map(|_| strategy.new_tree(&mut runner).unwrap().current()));
    }
    let mut taken = 0;
    for (text, theirs) in texts.iter().zip(read_by_python(&texts)) {
        if let Some(ours) = as_python(&super::scalar::plain(text)) {
            assert_eq!(ours, theirs, "{text}");
            taken += 1;
        }
    }
    assert!(taken > 2500, "only {taken} of {} are taken", texts.len());
}

#[rstest]
#[case("0")]
#[case("-7")]
#[case("+7")]
#[case("9223372036854775808")]
#[case("18446744073709551615")]
#[case("-9223372036854775808")]
#[case("0x1F")]
#[case("1.")]
#[case(".5")]
#[case("0.1000000000000000055511151231257827021181583404541015625")]
#[case("0.12345678901234567890")]
#[case("1.5e+3")]
#[case("-1.0e-300")]
#[case("4.9406564584124654e-324")]
#[case("9007199254740993.0")]
#[case("yes")]
#[case("1.2.3")]
#[case("v1")]
#[case("12a")]
fn plain_words_arrive_as_harbor_reads_them(#[case] text: &str) {
    let ours = as_python(&super::scalar::plain(text)).unwrap_or_else(|| panic!("{text} is refused"));
    assert_eq!(ours, read_by_python(&[text.to_owned()])[0]);
    // What is sent is read again by the server, the database's driver and the runner.
    let value = sent_of(&file("x.yaml", format!("kwargs: {{a: {text}}}")).unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&value.to_string()).unwrap(), value);
}

#[rstest]
#[case("010", "is read in different ways")]
#[case("0o10", "is read in different ways")]
#[case("08", "is read in different ways")]
#[case("1_000", "is read in different ways")]
#[case("1e5", "is read in different ways")]
#[case("1.5e5", "is read in different ways")]
#[case("1e400", "is read in different ways")]
#[case("-.5", "is read in different ways")]
#[case("0b11", "is read in different ways")]
#[case("1:30", "is read in different ways")]
#[case("190:20:30.15", "is read in different ways")]
#[case("12345678901234567890123", "is a whole number outside")]
#[case("18446744073709551616", "is a whole number outside")]
#[case("-9223372036854775809", "is a whole number outside")]
#[case("1.0e+400", "is beyond the numbers")]
#[case("1.0e-400", "is so small")]
#[case(".inf", "is no number that can be sent")]
#[case("-.Inf", "is no number that can be sent")]
#[case(".nan", "is no number that can be sent")]
#[case("1.0e+16", "would reach Harbor without its fraction or sign")]
#[case("-0.0", "would reach Harbor without its fraction or sign")]
#[case("2026-12-01", "is a date")]
fn what_would_become_something_else_is_refused_with_its_place(#[case] text: &str, #[case] reason: &str) {
    let yaml = format!("kwargs:\n  list:\n    - fine\n    - {text}\n");
    let faults = sent_of(&file("x.yaml", &yaml).unwrap()).unwrap_err();
    assert!(faults[0].starts_with("line 4, column 7: kwargs.list[1]: ") && faults[0].contains(reason), "{faults:?}");
    assert_eq!(faults.len(), 1);
    // In quotes it is a text.
    assert_eq!(sent_of(&file("x.yaml", format!("kwargs: {{a: '{text}'}}")).unwrap()).unwrap(), json!({ "a": text }));
}

#[rstest]
#[case("1e400", "is beyond the numbers")]
#[case("1E-400", "is so small")]
#[case("123456789012345678901234567890", "is a whole number outside")]
#[case("1e16", "would reach Harbor without its fraction")]
fn numbers_of_json_too(#[case] text: &str, #[case] reason: &str) {
    let faults = sent("x.json", &format!("{{\"a\": [1,\n {text}]}}")).unwrap_err();
    assert!(faults[0].starts_with("line 2, column 2: kwargs.a[1]: ") && faults[0].contains(reason), "{faults:?}");
}

#[test]
fn json_keeps_its_values() {
    let text =
        r#"{"a": [0, -1, 18446744073709551615, 0.1, 1e5, 1E+2, true, null, "\u00e9\ud83e\udd80"], "b": {}, "c d": []}"#;
    let theirs: Value = installed_harbor::ask(
        "import json, sys; json.dump(json.loads(json.load(sys.stdin)), sys.stdout)",
        &json!(text),
    );
    assert_eq!(sent("x.json", text).unwrap(), theirs);
    assert_eq!(theirs["a"][4], json!(1e5));
}

/// Whole files, read by `PyYAML` and here.
#[rstest]
#[case("kwargs: {a: &x [1, two], b: *x, c: {d: *x}}")]
#[case("base: &base {a: 1, b: 2}\nkwargs:\n  <<: *base\n  b: 3\n  c: 4\n")]
#[case("one: &one {a: 1}\ntwo: &two {a: 2, b: 2}\nkwargs:\n  c: 3\n  <<: [*one, *two]\n")]
#[case(
    "kwargs:\n  a: |\n    two\n      lines\n  b: >-\n    folded\n    line\n  c: 'it''s'\n  d: \"\\u00e9\\x41\\n\"\n"
)]
#[case("%YAML 1.1\n---\nkwargs: {a: ~, b: , c: !!str 010, d: !!int '3', e: ! 5, f: !!float 1.5}\n...\n")]
#[case("\u{feff}kwargs:\n- 1\n")]
#[case("# nothing else\nkwargs: {on the side: yes, 'on': no}  # a word\n")]
#[case("kwargs:\n  a: no line end |\n  b: |\n    text")]
fn files_mean_what_they_mean_to_harbor(#[case] text: &str) {
    let theirs = installed_harbor::ask(
        "import json, sys, yaml; json.dump(yaml.safe_load(json.load(sys.stdin)), sys.stdout)",
        &json!(text),
    );
    let node = file("x.yaml", text).unwrap();
    let faults = Faults::default();
    let fields = Fields::of(&node, "", &faults).unwrap();
    let ours = if theirs["kwargs"].is_array() {
        Value::Array(fields.values("kwargs"))
    } else {
        fields.object("kwargs").into()
    };
    assert_eq!(faults.into_lines(), [""; 0]);
    assert_eq!(ours, theirs["kwargs"]);
}

#[rstest]
#[case("x.yaml", "agents: [\n", "line 1, column 9: not valid YAML: unclosed bracket")]
#[case("x.yaml", "a: 1\n b: 2\n", "line 2, column 3: not valid YAML: ")]
#[case("x.yaml", "a: 'x\n", "line 1, column 4: not valid YAML: ")]
#[case("x.yaml", "a: 1\nb: 2\na: 3\n", "line 3, column 1: the key `a` stands in line 1, column 1 already")]
#[case("x.yaml", "a: 1\n---\nb: 2\n", "line 3, column 1: a second document begins here")]
#[case("x.yaml", "1: a\n", "line 1, column 1: a key must be a text: put it in quotes")]
#[case(
    "x.yaml",
    "a: !!python/name:os.system 1\n",
    "line 1, column 28: the tag !!python/name:os.system has no meaning here"
)]
#[case("x.yaml", "a: !!int x\n", "this is no !!int")]
#[case("x.yaml", "a: &a [*a]\n", "line 1, column 8: an alias names the list or mapping that it stands in")]
#[case("x.yaml", "a: *b\n", "line 1, column 4: not valid YAML: ")]
#[case("x.yaml", "a: {<<: 3}\n", "line 1, column 9: `<<` takes a mapping")]
#[case("x.json", "{\"a\": ", "line 1, column 6: the JSON ends too early: ")]
#[case("x.json", "{\"a\": 1,\n \"b\": NaN}", "line 2, column 7: not valid JSON: ")]
#[case("x.json", "{\"a\": 1,\n \"a\": 2}", "line 2, column 2: the key `a` stands in line 1, column 2 already")]
#[case("x.json", "{\"a\": 010}", "line 1, column 8: not valid JSON: ")]
fn what_is_wrong_with_a_file_is_told_with_its_place(#[case] name: &str, #[case] text: &str, #[case] told: &str) {
    let faults = file(name, text).map(|_| ()).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains(told), "{faults:?}");
}

#[test]
fn a_file_cannot_exhaust_the_process() {
    let line = |n: u32| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(","));
    let laughs = (1..30).map(line).collect::<Vec<_>>().concat();
    for (name, text) in [
        ("x.yaml", format!("a0: &a0 ha\n{laughs}")),
        ("x.yaml", "[".repeat(100_000)),
        ("x.yaml", "- ".repeat(5_000)),
        ("x.json", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))),
        ("x.json", " ".repeat(5 << 20)),
    ] {
        assert!(file(name, &text).is_err(), "{}", &text[..20]);
    }
    let faults = file("x.yaml", b"a: 1\nb: \xe9\n").map(|_| ()).unwrap_err();
    assert_eq!(faults, ["line 2: not UTF-8: save it as UTF-8"]);
}

#[test]
fn values_of_the_command_line_too() {
    let fault = |text: &str| parse_json(text).map(|_| ()).unwrap_err().to_string();
    assert!(fault("{").starts_with("line 1, column 1: the JSON ends too early"), "{}", fault("{"));
    assert!(fault("{a: 1}").starts_with("line 1, column 2: not valid JSON: "), "{}", fault("{a: 1}"));
}
