use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::settings::{Settings, SettingsFaults};

const SECOND: Duration = Duration::from_secs(1);

const FAILURE: Failure =
    Failure { class: FailureClass::Unknown, lasting: false, agent_began: false, retry_after: None };

fn failed(class: FailureClass) -> Ending {
    Ending::Failed(Failure { class, ..FAILURE })
}

fn failed_since_the_agent_began(class: FailureClass) -> Ending {
    Ending::Failed(Failure { class, agent_began: true, ..FAILURE })
}

/// Failures before the agent began.
fn counted(counts: &[(FailureClass, u32)]) -> Failures {
    counts.iter().map(|(class, count)| Counted { class: *class, agent_began: false, count: *count }).collect()
}

fn asked_to_wait(seconds: u64) -> Ending {
    let class = FailureClass::ProviderRateLimit;
    Ending::Failed(Failure { class, retry_after: Some(Duration::from_secs(seconds)), ..FAILURE })
}

/// The wait in seconds until the next try, with the default settings.
fn wait(ending: Ending, before: &[(FailureClass, u32)], random: f64) -> Option<f64> {
    match decide(ending, &counted(before), MAX_ATTEMPTS_DEFAULT, &RetrySettings::default(), random) {
        Decision::Retry { after } => Some(after.as_secs_f64()),
        Decision::Fail => None,
    }
}

#[rstest]
#[case::first(0, 0.0, 30.0)]
#[case::first_at_most(0, 1.0, 60.0)]
#[case::second(1, 0.0, 60.0)]
#[case::third_between(2, 0.5, 180.0)]
#[case::capped(7, 1.0, 3600.0)]
#[case::capped_at_least(8, 0.0, 1800.0)]
fn waits_double_and_spread(#[case] earlier: u32, #[case] random: f64, #[case] seconds: f64) {
    let class = FailureClass::Provider;
    assert_eq!(wait(failed(class), &[(class, earlier)], random), Some(seconds));
}

#[rstest]
#[case::longer_than_the_backoff(asked_to_wait(100), 0, 0.0, 100.0)]
#[case::longer_and_spread(asked_to_wait(100), 0, 1.0, 130.0)]
#[case::shorter_than_the_backoff(asked_to_wait(20), 0, 0.0, 30.0)]
#[case::shorter_than_a_later_backoff(asked_to_wait(20), 3, 1.0, 480.0)]
#[case::over_the_cap(asked_to_wait(7200), 0, 0.0, 7200.0)]
fn a_provider_is_never_asked_again_too_early(
    #[case] ending: Ending,
    #[case] earlier: u32,
    #[case] random: f64,
    #[case] seconds: f64,
) {
    assert_eq!(wait(ending, &[(FailureClass::ProviderRateLimit, earlier)], random), Some(seconds));
}

#[rstest]
#[case::first(0, Some(0.0))]
#[case::second(1, Some(60.0))]
#[case::third(2, Some(120.0))]
#[case::last(7, None)]
fn a_lost_runner_costs_no_time_once(#[case] earlier: u32, #[case] seconds: Option<f64>) {
    assert_eq!(wait(Ending::Lost, &[(FailureClass::Infrastructure, earlier)], 1.0), seconds);
}

#[test]
fn an_interruption_costs_nothing() {
    let everything: Vec<_> = FailureClass::ALL.iter().map(|class| (*class, u32::MAX)).collect();
    assert_eq!(wait(Ending::Interrupted, &everything, 1.0), Some(0.0));
    assert_eq!(Ending::Interrupted.class(), None);
    assert_eq!(Ending::Lost.class(), Some(FailureClass::Infrastructure));
}

/// How often a trial is tried when it fails like this every time.
fn tries(class: FailureClass, lasting: bool, max_attempts: u32) -> u32 {
    let ending = Ending::Failed(Failure { class, lasting, ..FAILURE });
    let tries_on = |earlier: &u32| {
        let before = counted(&[(class, *earlier)]);
        decide(ending, &before, max_attempts, &RetrySettings::default(), 0.5) != Decision::Fail
    };
    (0..1000).find(|earlier| !tries_on(earlier)).map_or(u32::MAX, |earlier| earlier + 1)
}

#[rstest]
#[case(FailureClass::Infrastructure, 8)]
#[case(FailureClass::ProviderRateLimit, 20)]
#[case(FailureClass::ProviderQuota, 20)]
#[case(FailureClass::ProviderAuth, 5)]
#[case(FailureClass::Provider, 10)]
#[case(FailureClass::Agent, 6)]
#[case(FailureClass::Verifier, 6)]
#[case(FailureClass::Unknown, 6)]
#[case(FailureClass::Task, 1)]
#[case(FailureClass::Cancelled, 1)]
fn each_class_has_its_number_of_tries(#[case] class: FailureClass, #[case] expected: u32) {
    assert_eq!(tries(class, false, MAX_ATTEMPTS_DEFAULT), expected);
    assert_eq!(tries(class, true, MAX_ATTEMPTS_DEFAULT), 1, "what would fail again is not tried again");
    let by_attempts = class.budget() == Budget::Attempts;
    assert_eq!(tries(class, false, 2), if by_attempts { 2 } else { expected });
}

#[test]
fn budgets_are_apart_but_for_those_that_share_max_attempts() {
    let before = [(FailureClass::Infrastructure, 7), (FailureClass::Provider, 9), (FailureClass::ProviderQuota, 19)];
    assert!(wait(failed(FailureClass::Agent), &before, 0.0).is_some());
    let before = [(FailureClass::Verifier, 3), (FailureClass::Unknown, 2), (FailureClass::Agent, 0)];
    assert!(wait(failed(FailureClass::Agent), &before, 0.0).is_none(), "three, two and this one");
    assert!(wait(failed(FailureClass::Infrastructure), &before, 0.0).is_some());
}

#[test]
fn counts_of_a_class_add_up() {
    let failures = counted(&[(FailureClass::Agent, 2), (FailureClass::Agent, 3)]);
    assert_eq!((failures.of(FailureClass::Agent), failures.of(FailureClass::Task)), (5, 0));
}

proptest! {
    #[test]
    fn waits_stay_within_bounds(
        class in prop::sample::select(FailureClass::ALL),
        earlier in 0..30_u32,
        asked in prop::option::of(0..=86_400_u64),
        base in 0..=BACKOFF_HIGHEST,
        max in 0..=BACKOFF_HIGHEST,
        random in prop::num::f64::ANY,
    ) {
        let asked = asked.map(Duration::from_secs);
        let settings = RetrySettings {
            backoff_base: Duration::from_secs(base),
            backoff_max: Duration::from_secs(max),
            ..RetrySettings::default()
        };
        let ending = Ending::Failed(Failure { class, retry_after: asked, ..FAILURE });
        let before = counted(&[(class, earlier)]);
        if let Decision::Retry { after } = decide(ending, &before, 100, &settings, random) {
            let asked = asked.unwrap_or_default();
            prop_assert!(after >= asked.max(settings.longest_wait(earlier + 1) / 2));
            prop_assert!(after <= asked + settings.backoff_max.min(settings.backoff_base * 2_u32.saturating_pow(earlier)));
        }
    }

    /// Promise 1: whatever fails in whatever order and however far it came, the trial comes to an end.
    #[test]
    fn every_run_of_failures_ends(
        run in prop::collection::vec((prop::sample::select(FailureClass::ALL), any::<bool>()), 400),
    ) {
        let budget: u32 = FailureClass::ALL.iter().map(|class| tries(*class, false, 1)).sum();
        let mut before = Vec::new();
        let mut begun = 0;
        for (class, agent_began) in run {
            let ending = if agent_began { failed_since_the_agent_began(class) } else { failed(class) };
            begun += u32::from(agent_began);
            let failures = before.iter().copied().collect();
            before.push(Counted { class, agent_began, count: 1 });
            if decide(ending, &failures, MAX_ATTEMPTS_DEFAULT, &RetrySettings::default(), 0.5) == Decision::Fail {
                break;
            }
        }
        prop_assert!(before.len() <= (budget + MAX_ATTEMPTS_DEFAULT) as usize, "{} tries", before.len());
        prop_assert!(begun <= MAX_ATTEMPTS_DEFAULT, "the agent began {begun} times");
    }
}

#[rstest]
fn an_attempt_whose_agent_began_counts_whatever_its_class(
    #[values(
        FailureClass::Infrastructure,
        FailureClass::Provider,
        FailureClass::ProviderRateLimit,
        FailureClass::ProviderQuota,
        FailureClass::ProviderAuth,
        FailureClass::Agent,
        FailureClass::Verifier,
        FailureClass::Unknown
    )]
    class: FailureClass,
) {
    let retried = |ending, before: &[Counted]| {
        let before = before.iter().copied().collect();
        decide(ending, &before, 3, &RetrySettings::default(), 0.5) != Decision::Fail
    };
    let begun = |count| Counted { class, agent_began: true, count };
    let ending = failed_since_the_agent_began(class);
    assert!(retried(ending, &[begun(1)]), "the second of three");
    assert!(!retried(ending, &[begun(2)]), "the third of three");
    // Together with those of other classes, and not with what failed before the agent began.
    let others = [begun(1), Counted { class: FailureClass::Verifier, agent_began: false, count: 1 }];
    assert!(!retried(ending, &others));
    if class.budget() != Budget::Attempts {
        assert!(retried(ending, &[Counted { class, agent_began: false, count: 2 }]));
        assert!(retried(failed(class), &[begun(2)]), "this one's agent had not begun");
    }
    // A runner that is lost has a budget of its own, whatever its attempt had come to.
    assert!(retried(Ending::Lost, &[begun(3)]));
}

fn read(vars: &[(&str, &str)]) -> Result<RetrySettings, SettingsFaults> {
    Settings::from_map(vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()).read(RetrySettings::read)
}

#[test]
fn nothing_set_gives_the_published_defaults() {
    assert_eq!(read(&[]), Ok(RetrySettings::default()));
}

#[test]
fn settings_are_read_and_bounded() {
    let set = [("ODDISH_MAX_ATTEMPTS", "2"), ("ODDISH_RETRY_BACKOFF_BASE", "5"), ("ODDISH_RETRY_BACKOFF_MAX", "0")];
    let expected = RetrySettings { max_attempts: 2, backoff_base: 5 * SECOND, backoff_max: Duration::ZERO };
    assert_eq!(read(&set), Ok(expected));
    for (name, value) in [("ODDISH_MAX_ATTEMPTS", "0"), ("ODDISH_RETRY_BACKOFF_BASE", "86401")] {
        let faults = read(&[(name, value)]).unwrap_err().to_string();
        assert!(faults.contains(name) && faults.contains("must be a number from"), "{faults}");
    }
}
