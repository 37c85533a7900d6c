use super::{Build, Collection, Key, MOST_LEVELS, MOST_VALUES, Place, Refusal, ScalarStyle, Tag, documents};

/// Writes every value as text with its place.
#[derive(Default)]
struct Written;

impl Build for Written {
    type Value = String;
    type Mapping = Vec<String>;
    type Fault = String;

    fn document(&mut self, number: usize, place: Place) -> Result<(), String> {
        if number < 2 { Ok(()) } else { Err(format!("{place}: document {number}")) }
    }

    fn scalar(&mut self, text: &str, _: ScalarStyle, tag: Option<&Tag>, place: Place) -> Result<String, String> {
        let tag = tag.map(|tag| format!("{} ", tag.original())).unwrap_or_default();
        Ok(format!("{tag}{text}@{}:{}", place.line, place.column))
    }

    fn begin(&mut self, collection: Collection, tag: Option<&Tag>, place: Place) -> Result<(), String> {
        match tag {
            Some(tag) => Err(format!("{place}: {collection:?} {}", tag.original())),
            None => Ok(()),
        }
    }

    fn list(&mut self, items: Vec<String>, place: Place) -> String {
        format!("[{}]@{}:{}", items.join(" "), place.line, place.column)
    }

    fn entry(&mut self, mapping: &mut Vec<String>, key: Key<String>, value: String) -> Result<(), String> {
        let merge = if key.is_merge { "merge " } else { "" };
        mapping.push(format!("{merge}{}={value}", key.value));
        Ok(())
    }

    fn mapping(&mut self, mapping: Vec<String>, place: Place) -> String {
        format!("{{{}}}@{}:{}", mapping.join(" "), place.line, place.column)
    }

    fn alias(&mut self, named: &String, place: Place) -> String {
        format!("*{named}@{}:{}", place.line, place.column)
    }

    fn refuse(&mut self, refusal: Refusal, place: Place) -> String {
        format!("{place}: {refusal:?}")
    }
}

fn written(text: &str) -> Result<Vec<String>, String> {
    documents(text, Written)
}

#[test]
fn every_value_has_its_place() {
    assert_eq!(
        written("é: [1, !x two]\nb: &b\n  c: |\n    text").unwrap(),
        ["{é@1:1=[1@1:5 !x two@1:11]@1:4 b@2:1={c@3:3=text@4:5}@3:3}@1:1"]
    );
    assert_eq!(written("a\n---\nb\n").unwrap(), ["a@1:1", "b@3:1"]);
    assert_eq!(written("# nothing\n").unwrap(), [""; 0]);
}

#[test]
fn aliases_and_merges_are_told_apart_from_what_looks_like_them() {
    assert_eq!(written("[&a x, *a, '*a']").unwrap(), ["[x@1:5 *x@1:5@1:8 *a@1:12]@1:1"]);
    assert_eq!(
        written("{<<: x, '<<': y, !t <<: z}").unwrap(),
        ["{merge <<@1:2=x@1:6 <<@1:9=y@1:15 !t <<@1:21=z@1:25}@1:1"]
    );
}

#[test]
fn what_the_reader_refuses_ends_the_walk() {
    assert_eq!(written("a\n---\nb\n---\n[!t [c]]\n").unwrap_err(), "line 5, column 1: document 2");
    assert_eq!(written("a: !t [b\n").unwrap_err(), "line 1, column 7: List !t");
    assert_eq!(written("a: &a [*a]\n").unwrap_err(), "line 1, column 8: AliasOfItsOwn");
    assert!(written("a: [").unwrap_err().contains("Syntax"), "{:?}", written("a: ["));
}

#[test]
fn no_text_can_exhaust_the_process() {
    let nested = |levels: usize| format!("{}x{}", "[".repeat(levels), "]".repeat(levels));
    assert!(written(&nested(MOST_LEVELS - 1)).is_ok());
    assert_eq!(written(&nested(MOST_LEVELS)).unwrap_err(), format!("line 1, column {}: TooDeep", MOST_LEVELS + 1));
    // The list is a value too.
    let flat = |values: usize| format!("[{}]", vec!["x"; values].join(","));
    assert!(written(&flat(MOST_VALUES - 1)).is_ok());
    assert!(written(&flat(MOST_VALUES)).unwrap_err().ends_with("TooMany"));
    let repeated = format!("[&a {}, {}]", flat(999), vec!["*a"; 99].join(","));
    assert!(written(&repeated).unwrap_err().ends_with("TooMany"), "an alias counts as all that it repeats");
}
