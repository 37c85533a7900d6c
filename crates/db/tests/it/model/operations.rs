//! What can be done, in random order.

use proptest::prelude::*;

use super::KEYS;

/// Numbers choose among what there is at the time, so that an operation still makes sense when others before it are left out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Submit {
        trials: u32,
        key: usize,
        high: bool,
    },
    Append {
        task: usize,
        trials: u32,
        key: usize,
    },
    Limit {
        key: usize,
        limit: u8,
    },
    Pause {
        key: usize,
    },
    Resume {
        key: usize,
    },
    Claim {
        most: u32,
    },
    /// Written with the token of a claim, counted from the newest, which may be old by now.
    Write {
        claim: usize,
        write: Write,
    },
    CancelTrial {
        trial: usize,
    },
    CancelTask {
        task: usize,
    },
    Retry {
        trial: usize,
    },
    Advance {
        seconds: i64,
    },
    /// What a dispatcher does about runners that are late.
    Tidy,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Write {
    Launched,
    Begin,
    Renew,
    Stage,
    Succeed,
    Fail { error_type: &'static str, agent_began: bool },
    Lose,
    Interrupt,
    GiveBack,
    LaunchFailed,
    Cancelled,
}

pub(super) fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let key = || 0..KEYS.len();
    let write = || {
        prop_oneof![
            1 => Just(Write::Launched),
            8 => Just(Write::Begin),
            5 => Just(Write::Renew),
            1 => Just(Write::Stage),
            3 => Just(Write::Succeed),
            // Two that share the trial's attempts, two with tries of their own, one that is never tried again.
            4 => (prop::sample::select(vec![
                "RewardMissing", "NonsenseError", "NetworkConnectionError", "ApiRateLimitError", "SandboxBuildFailedError",
            ]), any::<bool>()).prop_map(|(error_type, agent_began)| Write::Fail { error_type, agent_began }),
            2 => Just(Write::Lose),
            1 => Just(Write::Interrupt),
            1 => Just(Write::GiveBack),
            1 => Just(Write::LaunchFailed),
            1 => Just(Write::Cancelled),
        ]
    };
    let operation = prop_oneof![
        3 => (1..4_u32, key(), any::<bool>()).prop_map(|(trials, key, high)| Operation::Submit { trials, key, high }),
        1 => (any::<usize>(), 1..3_u32, key()).prop_map(|(task, trials, key)| Operation::Append { task, trials, key }),
        2 => (key(), 0..5_u8).prop_map(|(key, limit)| Operation::Limit { key, limit }),
        1 => key().prop_map(|key| Operation::Pause { key }),
        2 => key().prop_map(|key| Operation::Resume { key }),
        6 => (1..5_u32).prop_map(|most| Operation::Claim { most }),
        20 => (prop_oneof![3 => 0..3_usize, 1 => any::<usize>()], write())
            .prop_map(|(claim, write)| Operation::Write { claim, write }),
        1 => any::<usize>().prop_map(|trial| Operation::CancelTrial { trial }),
        1 => any::<usize>().prop_map(|task| Operation::CancelTask { task }),
        2 => any::<usize>().prop_map(|trial| Operation::Retry { trial }),
        // Just within what a claim, a lease, a suspicion or a backoff lasts, and just past it.
        6 => prop::sample::select(vec![1, 30, 60, 61, 300, 301, 301, 3600]).prop_map(|seconds| Operation::Advance { seconds }),
        6 => Just(Operation::Tidy),
    ];
    let silent = |write| {
        let newest = |write| Operation::Write { claim: 0, write };
        let (late, too_late) = (Operation::Advance { seconds: 301 }, Operation::Advance { seconds: 30 });
        vec![newest(Write::Begin), late, Operation::Tidy, newest(write), too_late, Operation::Tidy]
    };
    // A runner that is silent until its lease has run out is rare by chance, and what it does then tells most.
    let some = prop_oneof![20 => operation.prop_map(|operation| vec![operation]), 1 => write().prop_map(silent)];
    prop::collection::vec(some, 10..50).prop_map(|operations| operations.concat())
}
