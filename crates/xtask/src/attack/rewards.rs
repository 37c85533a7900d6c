//! Rewards of a size, or with numbers, that Harbor or its reader can't carry.

use std::time::Duration;

use anyhow::Result;

use super::definition::Attack;
use super::machine::Machine;
use super::target::{Submission, Target};
use super::task::HostileTask;
use super::verdict::Verdict;

/// Bytes of memory that a Harbor may take: what it is given unless told otherwise, and some for what is no data of its.
const MOST_MEMORY: u64 = (4 << 30) + (512 << 20);
const PATIENCE: Duration = Duration::from_mins(3);

/// Tests and what they try.
struct Load {
    name: &'static str,
    tried: &'static str,
    quick: bool,
    tests: &'static str,
}

static LOADS: [Load; 4] = [
    Load {
        name: "reward-of-1500-mb",
        tried: "reward.txt is a sparse file of 1.5 GB, which takes no disk and is read whole",
        quick: false,
        tests: "truncate -s 1500M /logs/verifier/reward.txt",
    },
    Load {
        name: "reward-of-40-mb",
        tried: "reward.txt is a sparse file of 40 MB, of which Harbor makes a message of 160",
        quick: false,
        tests: "truncate -s 40M /logs/verifier/reward.txt",
    },
    Load {
        name: "reward-of-401-digits",
        tried: "reward.json holds a whole number of 401 digits, which no reader of numbers takes",
        quick: true,
        tests: "printf '{\"reward\": 1%0400d}' 0 > /logs/verifier/reward.json",
    },
    Load {
        name: "reward-nested-deeply",
        tried: "reward.json is 100,000 lists in each other",
        quick: false,
        tests: "head -c 100000 /dev/zero | tr '\\0' '[' > /logs/verifier/reward.json",
    },
];

/// The attacks of this file.
pub(super) fn attacks() -> Vec<Attack> {
    let attacks = LOADS.iter().map(|load| {
        Attack::shared(load.name, load.tried, move |_: &Machine, target: &Target| run(target, load)).quick(load.quick)
    });
    attacks.collect()
}

fn run(target: &Target, load: &Load) -> Result<Verdict> {
    let task = HostileTask::new("load").tests(load.tests);
    let trial = target.run(&task, &Submission::of("oracle"))?;
    let (peak, state) = trial.memory(MOST_MEMORY, PATIENCE)?;
    let peak = peak >> 20;
    if peak > MOST_MEMORY >> 20 {
        trial.cancel()?;
        return Ok(Verdict::Succeeded(format!(
            "Harbor took {peak} MB, and more to come, when the attack itself killed it"
        )));
    }
    let harm = if !state.is_over() {
        trial.cancel()?;
        Some(format!("the trial still runs after {} s", PATIENCE.as_secs()))
    } else if state.status == "retrying" {
        Some(format!("it is tried again, though one try was asked for: {}", state.told()))
    } else if state.error_class.as_deref() == Some("infrastructure") {
        Some(format!("the machine is blamed for it: {}", state.told()))
    } else {
        None
    };
    let verdict = trial.verdict(harm, &state)?;
    Ok(match verdict {
        Verdict::Held(told) => Verdict::Held(format!("Harbor took {peak} MB at the most; {told}")),
        succeeded @ Verdict::Succeeded(_) => succeeded,
    })
}
