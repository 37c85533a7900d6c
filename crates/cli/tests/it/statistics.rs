//! `oddish results` and `oddish compare`.

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer};

use crate::answers::{error_answer, experiment, experiments, json_answer, on};
use crate::binary::{oddish, oddish_at};

fn estimate(value: f64, tasks: u64) -> Value {
    let interval = json!({"low": value - 0.125, "high": value + 0.125, "method": "bootstrap"});
    json!({"value": value, "interval": interval, "tasks": tasks, "few_tasks": tasks < 10})
}

fn results() -> Value {
    let unknown = json!({"sum": null, "known": 0, "of": 25});
    let usage = json!({
        "cost_usd": {"sum": 1.234, "known": 24, "of": 25}, "input_tokens": {"sum": 1_200_000.0, "known": 25, "of": 25},
        "cache_tokens": unknown, "output_tokens": {"sum": 0.0, "known": 25, "of": 25}, "seconds": {"sum": 3600.4, "known": 25, "of": 25}
    });
    let single = json!({"value": 1.0, "interval": null, "tasks": 1, "few_tasks": true});
    json!({
        "experiment_id": "9f8e7d6c", "experiment_name": "swift-otter-x1y2", "data_version": "5d41402abc4b2a76b9719d911017c592",
        "pass_threshold": 1.0, "coverage_bar": 0.9,
        "agents": [
            {
                "agent": "codex", "model": "gpt-5.2", "graded_tasks": 12, "ungraded_tasks": 0, "headline": estimate(0.625, 12),
                "coverage": {"graded": 24, "trials": 24, "share": 1.0, "ungraded": []}, "headline_refused": null,
                "pass_rates": [
                    {"k": 1, "pass_at_k": estimate(0.5, 12), "pass_all_k": estimate(0.5, 12)},
                    {"k": 2, "pass_at_k": estimate(0.75, 11), "pass_all_k": estimate(0.25, 11)}
                ],
                "mixed": estimate(0.25, 12), "usage": usage
            },
            {
                "agent": "m:A|b", "model": null, "graded_tasks": 1, "ungraded_tasks": 2, "headline": null,
                "coverage": {"graded": 1, "trials": 5, "share": 0.2, "ungraded": [
                    {"reason": "waiting", "error_class": null, "trials": 1}, {"reason": "failed", "error_class": "infrastructure", "trials": 2},
                    {"reason": "cancelled", "error_class": null, "trials": 1}]},
                "headline_refused": {"reason": "1 of 5 trials are graded, and a headline needs 90 %", "ungraded_as_zero": 0.2, "ungraded_as_one": 1.0},
                "pass_rates": [], "mixed": single, "usage": usage
            }
        ]
    })
}

fn compared() -> Value {
    let side = |value: f64, only: u64| {
        json!({"agent": "codex", "model": "gpt-5.2", "value": estimate(value, 12), "graded_here_only": only,
            "coverage": {"graded": 12, "trials": 12, "share": 1.0, "ungraded": []}})
    };
    let flip = |task: &str, direction: &str, left: u64| json!({"task": task, "direction": direction, "left": {"passes": left, "graded": 1}, "right": {"passes": 1 - left, "graded": 1}});
    json!({
        "left": {"experiment_id": "9f8e7d6c", "experiment_name": "before", "data_version": "1", "unpaired": [{"agent": "nop", "model": null}]},
        "right": {"experiment_id": "0a1b2c3d", "experiment_name": "after", "data_version": "2", "unpaired": []}, "pass_threshold": 1.0,
        "comparisons": [{
            "left": side(0.75, 1), "right": side(0.5, 0), "pairs": 12, "losses": 2, "gains": 1,
            "flips": [flip("fix-git", "loss", 1), flip("sort-mail-of-a-very-long-name-that-goes-on-and-on-for-ever-and-ever", "loss", 1), flip("play-chess", "gain", 0)],
            "difference": estimate(-0.25, 12), "test": {"losses": 2, "gains": 1, "p": 1.0}, "smallest_difference": 0.35,
            "halving": {"more_tasks": 36, "times_the_trials": null},
            "differs": [{"aspect": "task_content", "task_count": 1, "tasks": ["fix-git"], "left": ["a".repeat(64)], "right": []}]
        }]
    })
}

async fn server() -> MockServer {
    let server = MockServer::start().await;
    let known = [
        experiment("9f8e7d6c", "before", json!({})),
        experiment("0a1b2c3d", "after", json!({})),
        experiment("00000001", "before", json!({})),
    ];
    on(&server, "GET", "/experiments", json_answer(&experiments(&json!(known)))).await;
    on(&server, "GET", "/experiments/9f8e7d6c/results", json_answer(&results())).await;
    on(&server, "GET", "/experiments/9f8e7d6c/compare", json_answer(&compared())).await;
    server
}

#[tokio::test]
async fn results_fail_under_a_bar_that_a_headline_does_not_reach() {
    let outcome = oddish_at(&server().await, &["results", "9f8e7d6c", "--fail-under", "0.625"]).await;
    // One headline reaches it exactly, the other was refused.
    assert_eq!(outcome.code, 4, "{outcome:#?}");
    let said = "error: m:A|b has no headline reward to compare with 0.625: too few trials are graded\n";
    assert_eq!(outcome.stderr, said, "{outcome:#?}");
    assert!(outcome.stdout.contains("0.625"), "the results are shown all the same: {outcome:#?}");

    let none = MockServer::start().await;
    on(&none, "GET", "/experiments", json_answer(&experiments(&json!([experiment("9f8e7d6c", "before", json!({}))]))))
        .await;
    let mut empty = results();
    empty["agents"] = json!([]);
    on(&none, "GET", "/experiments/9f8e7d6c/results", json_answer(&empty)).await;
    assert_eq!(oddish_at(&none, &["results", "9f8e7d6c", "--fail-under", "0"]).await.code, 4);
    assert_eq!(oddish_at(&none, &["results", "9f8e7d6c", "--fail-under", "NaN"]).await.code, 2);
}

#[tokio::test]
async fn results_are_shown_with_their_uncertainty() {
    let server = server().await;
    let outcome = oddish_at(&server, &["results", "9f8e7d6c"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert!(outcome.stdout.lines().all(|line| line.chars().count() <= 80 || line.contains("graded")), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
Experiment  9f8e7d6c (swift-otter-x1y2)

codex, gpt-5.2
Figure          Value    95 % interval   Of                     
reward            0.625  0.500 to 0.750  12 tasks
pass@1            0.500  0.375 to 0.625  12 tasks
pass@2            0.750  0.625 to 0.875  11 tasks
pass^2            0.250  0.125 to 0.375  11 tasks
mixed tasks       0.250  0.125 to 0.375  12 tasks
cost in USD        1.23               -  24 of 25 attempts known
tokens read     1200000               -  25 of 25 attempts known
from cache      unknown               -  0 of 25 attempts known
tokens written        0               -  25 of 25 attempts known
seconds            3600               -  25 of 25 attempts known

24 of 24 trials are graded (100.0 %)

m:A|b
Figure          Value    95 % interval  Of                     
mixed tasks       1.000              -  1 task (few tasks)
cost in USD        1.23              -  24 of 25 attempts known
tokens read     1200000              -  25 of 25 attempts known
from cache      unknown              -  0 of 25 attempts known
tokens written        0              -  25 of 25 attempts known
seconds            3600              -  25 of 25 attempts known

1 of 5 trials are graded (20.0 %); not graded: 1 waiting, 2 failed (infrastructure), 1 cancelled
no headline: 1 of 5 trials are graded, and a headline needs 90 %
it would be 0.200 with a reward of 0 for the others, 1.000 with 1
2 of 3 tasks have no graded trial and are in no figure

"#]]
    );
}

#[tokio::test]
async fn results_are_a_page_or_a_sheet() {
    let server = server().await;
    // By its name: the newest of two.
    let outcome = oddish_at(&server, &["results", "before", "--format", "markdown"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
## Results of 9f8e7d6c (swift-otter-x1y2)

### codex, gpt-5.2

| Figure | Value | 95 % interval | Of |
|---|---:|---:|---|
| reward | 0.625 | 0.500 to 0.750 | 12 tasks |
| pass@1 | 0.500 | 0.375 to 0.625 | 12 tasks |
| pass@2 | 0.750 | 0.625 to 0.875 | 11 tasks |
| pass^2 | 0.250 | 0.125 to 0.375 | 11 tasks |
| mixed tasks | 0.250 | 0.125 to 0.375 | 12 tasks |
| cost in USD | 1.23 | - | 24 of 25 attempts known |
| tokens read | 1200000 | - | 25 of 25 attempts known |
| from cache | unknown | - | 0 of 25 attempts known |
| tokens written | 0 | - | 25 of 25 attempts known |
| seconds | 3600 | - | 25 of 25 attempts known |

- 24 of 24 trials are graded (100.0 %)

### m:A/|b

| Figure | Value | 95 % interval | Of |
|---|---:|---:|---|
| mixed tasks | 1.000 | - | 1 task (few tasks) |
| cost in USD | 1.23 | - | 24 of 25 attempts known |
| tokens read | 1200000 | - | 25 of 25 attempts known |
| from cache | unknown | - | 0 of 25 attempts known |
| tokens written | 0 | - | 25 of 25 attempts known |
| seconds | 3600 | - | 25 of 25 attempts known |

- 1 of 5 trials are graded (20.0 %); not graded: 1 waiting, 2 failed (infrastructure), 1 cancelled
- no headline: 1 of 5 trials are graded, and a headline needs 90 %
- it would be 0.200 with a reward of 0 for the others, 1.000 with 1
- 2 of 3 tasks have no graded trial and are in no figure

"#]]
    );
    let outcome = oddish_at(&server, &["results", "9f8e7d6c", "--format", "csv"]).await;
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
experiment_id,agent,model,figure,value,low,high,method,of
9f8e7d6c,codex,gpt-5.2,reward,0.625,0.5,0.75,bootstrap,12 tasks
9f8e7d6c,codex,gpt-5.2,pass@1,0.5,0.375,0.625,bootstrap,12 tasks
9f8e7d6c,codex,gpt-5.2,pass@2,0.75,0.625,0.875,bootstrap,11 tasks
9f8e7d6c,codex,gpt-5.2,pass^2,0.25,0.125,0.375,bootstrap,11 tasks
9f8e7d6c,codex,gpt-5.2,mixed tasks,0.25,0.125,0.375,bootstrap,12 tasks
9f8e7d6c,codex,gpt-5.2,cost in USD,1.234,,,,24 of 25 attempts known
9f8e7d6c,codex,gpt-5.2,tokens read,1200000,,,,25 of 25 attempts known
9f8e7d6c,codex,gpt-5.2,from cache,,,,,0 of 25 attempts known
9f8e7d6c,codex,gpt-5.2,tokens written,0,,,,25 of 25 attempts known
9f8e7d6c,codex,gpt-5.2,seconds,3600.4,,,,25 of 25 attempts known
9f8e7d6c,m:A|b,,mixed tasks,1,,,,1 task (few tasks)
9f8e7d6c,m:A|b,,cost in USD,1.234,,,,24 of 25 attempts known
9f8e7d6c,m:A|b,,tokens read,1200000,,,,25 of 25 attempts known
9f8e7d6c,m:A|b,,from cache,,,,,0 of 25 attempts known
9f8e7d6c,m:A|b,,tokens written,0,,,,25 of 25 attempts known
9f8e7d6c,m:A|b,,seconds,3600.4,,,,25 of 25 attempts known

"#]]
    );
}

#[tokio::test]
async fn json_is_what_the_server_says() {
    let server = server().await;
    for arguments in [&["results", "9f8e7d6c", "--json"][..], &["results", "9f8e7d6c", "--format", "json"]] {
        assert_eq!(oddish_at(&server, arguments).await.json(), results());
    }
    assert_eq!(oddish_at(&server, &["compare", "before", "after", "--json"]).await.json(), compared());
}

#[tokio::test]
async fn a_comparison_shows_flips_first() {
    let server = server().await;
    let outcome = oddish_at(&server, &["compare", "9f8e7d6c", "0a1b2c3d"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
    assert_data_eq!(
        outcome.stdout,
        str![[r#"
A  9f8e7d6c (before)
B  0a1b2c3d (after)

A  codex, gpt-5.2
   12 of 12 trials are graded (100.0 %)
B  codex, gpt-5.2
   12 of 12 trials are graded (100.0 %)

Flips: 2 from pass to fail, 1 from fail to pass
Task                                                                 Flip  A passes  B passes
fix-git                                                              loss       1/1       0/1
sort-mail-of-a-very-long-name-that-goes-on-and-on-for-ever-and-ever  loss       1/1       0/1
play-chess                                                           gain       0/1       1/1

Figure  Value   95 % interval     Of      
A        0.750    0.625 to 0.875  12 tasks
B        0.500    0.375 to 0.625  12 tasks
B - A   -0.250  -0.375 to -0.125  12 tasks

p = 1.000 (exact McNemar test: 2 tasks pass in A only, 1 in B only)
Smallest difference that could have been shown: 0.350
To halve the interval: 36 more tasks; no number of trials does
Not used: 1 task graded in A only, 0 in B only

What else differs:
  task content in 1 task: fix-git
    A aaaaaaaaaaaaaaaaaaaaaaa…
    B unknown

Only in A: nop

"#]]
    );
}

#[tokio::test]
async fn what_is_asked_for_is_what_the_command_line_says() {
    let server = MockServer::start().await;
    on(&server, "GET", "/experiments", json_answer(&experiments(&json!([])))).await;
    Mock::given(method("GET"))
        .and(path("/experiments/x/results"))
        .and(query_param("pass_threshold", "0.5"))
        .and(query_param("coverage_bar", "0.8"))
        .respond_with(json_answer(&results()))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/experiments/x/compare"))
        .and(query_param("with", "x"))
        .and(query_param("agent", "codex"))
        .and(query_param("model", "m1"))
        .and(query_param("with_model", "m2"))
        .respond_with(json_answer(&compared()))
        .mount(&server)
        .await;
    let rules = ["--pass-threshold", "0.5", "--coverage-bar", "0.8"];
    assert_eq!(oddish_at(&server, &[&["results", "x"][..], &rules].concat()).await.code, 0);
    assert_eq!(oddish_at(&server, &["compare", "x", "--agent", "codex", "--between", "m1", "m2"]).await.code, 0);
    for wrong in [
        &["compare", "x"][..],
        &["compare"],
        &["results"],
        &["results", "x", "--format", "pdf"],
        &["results", "x", "--json", "--format", "csv"],
    ] {
        assert_eq!(oddish(wrong).code, 2, "{wrong:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let server = MockServer::start().await;
    on(&server, "GET", "/experiments", json_answer(&experiments(&json!([])))).await;
    on(&server, "GET", "/experiments/x/results", error_answer(404, &json!("Experiment x not found"))).await;
    let outcome = oddish_at(&server, &["results", "x"]).await;
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, "error: cannot get the results: Experiment x not found\n"));

    let mut nothing = compared();
    nothing["comparisons"] = json!([]);
    on(&server, "GET", "/experiments/y/compare", json_answer(&nothing)).await;
    let outcome = oddish_at(&server, &["compare", "y", "z"]).await;
    assert_eq!(outcome.code, 1);
    assert!(outcome.stdout.contains("Only in A: nop") && outcome.stderr.contains("nothing to compare"), "{outcome:#?}");

    let mut empty = results();
    empty["agents"] = json!([]);
    on(&server, "GET", "/experiments/z/results", json_answer(&empty)).await;
    assert!(oddish_at(&server, &["results", "z"]).await.stdout.ends_with("No trials yet.\n"));
}

/// Whatever the server calls things, none of it steers the terminal or makes a heading of the page.
#[tokio::test]
async fn names_of_others_stay_text() {
    const HOSTILE: &str = "evil\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\r\n\u{8}\u{7f}<b>|na,me\"";
    let hostile = |value: &Value| -> Value {
        let names = ["codex", "m:A|b", "gpt-5.2", "fix-git", "swift-otter-x1y2", "before", "task_content"];
        let text = names
            .iter()
            .fold(value.to_string(), |text, name| text.replace(&format!("{name:?}"), &json!(HOSTILE).to_string()));
        serde_json::from_str(&text).unwrap()
    };
    let server = MockServer::start().await;
    on(&server, "GET", "/experiments", json_answer(&experiments(&json!([])))).await;
    on(&server, "GET", "/experiments/x/results", json_answer(&hostile(&results()))).await;
    on(&server, "GET", "/experiments/x/compare", json_answer(&hostile(&compared()))).await;
    for arguments in [
        &["results", "x"][..],
        &["results", "x", "--format", "markdown"],
        &["results", "x", "--format", "csv"],
        &["results", "x", "--json"],
        &["compare", "x", "y"],
        &["compare", "x", "y", "--json"],
    ] {
        let outcome = oddish_at(&server, arguments).await;
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        assert!(outcome.stdout.contains("evil"), "{outcome:#?}");
        let steers = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
        assert!(!outcome.stdout.contains(steers), "{arguments:?}: {outcome:#?}");
        if arguments.contains(&"markdown") {
            assert!(outcome.stdout.contains("\\<b\\>\\|na") && !outcome.stdout.contains("<b>"), "{outcome:#?}");
        }
        if arguments.contains(&"csv") {
            assert!(outcome.stdout.contains(",\"evil31m <b>|na,me\"\"\","), "{outcome:#?}");
        }
    }
}
