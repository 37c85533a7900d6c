//! Attacks on what surrounds a trial, each run against a real server with real Docker and Harbor.
//!
//! An attack that succeeds has left evidence: a changed file of the host, a secret in a result, a process that outlived its bound. One that
//! held must have been tried all the same: a script that says that it ran, a refusal that names what it refuses.

mod arguments;
mod browsers;
mod catalogue;
mod compose;
mod connections;
mod definition;
mod docker_relay;
mod downloads;
mod folders;
mod leavings;
mod links;
mod machine;
mod pipes;
mod process_table;
mod rewards;
mod secret_keys;
mod secrets;
mod target;
mod task;
mod trees;
mod trial;
mod verdict;

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use self::definition::{Attack, Setting};
use self::machine::Machine;
use self::target::{Submission, Target};
use self::task::HostileTask;
use self::verdict::Verdict;
use crate::database::throw_away_folder;
use crate::programs::build_programs;
use crate::progress::say;
use crate::setup::{self, Toolbox};
use crate::{interrupt, leftovers};

/// Attacks at once on the shared server, and on servers of their own: most wait most of the time.
const AT_ONCE: (usize, usize) = (4, 3);

/// What came of an attack, as it is printed.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    tried: &'a str,
    outcome: &'static str,
    evidence: String,
    seconds: f64,
}

/// `cargo xtask attack`. Fails when an attack succeeds, and when one could not be tried.
pub(crate) fn run(names: &[String], quick: bool, list: bool, json: bool) -> Result<()> {
    let attacks = catalogue::chosen(names, quick)?;
    if list {
        for attack in &attacks {
            print(&format!("{:<28} {}{}", attack.name, if attack.quick { "(quick) " } else { "" }, attack.tried));
        }
        return Ok(());
    }
    let toolbox = setup::run()?;
    build_programs()?;
    run_all(toolbox, &attacks, json)
}

/// The quick attacks, with the programs that are built already.
pub(crate) fn run_quick(toolbox: Toolbox) -> Result<()> {
    run_all(toolbox, &catalogue::chosen(&[], true)?, false)
}

fn run_all(toolbox: Toolbox, attacks: &[Attack], json: bool) -> Result<()> {
    let folder = throw_away_folder("oddish-attack-")?;
    let machine = Machine::new(toolbox, folder.path());
    let begun = Instant::now();
    let lost = launch(&machine, attacks, json);
    if let Err(error) = leftovers::clear(&machine.toolbox, folder.path()) {
        // Attacks that look for leftovers tell of them; here it is only made sure that none stays.
        say(&format!("{error:#}"));
    }
    let lost = lost?;
    let (all, seconds) = (attacks.len(), begun.elapsed().as_secs());
    ensure!(lost == 0, "{lost} of {all} attacks succeeded or could not be tried, in {seconds} s");
    say(&format!("all {all} attacks held, in {seconds} s"));
    Ok(())
}

/// Runs the attacks, those on the shared server at the same time as those on their own, and tells how many did not hold.
fn launch(machine: &Machine, attacks: &[Attack], json: bool) -> Result<usize> {
    let is_shared = |attack: &&Attack| matches!(attack.setting, Setting::Shared(_));
    let (shared, own): (Vec<&Attack>, Vec<&Attack>) = attacks.iter().partition(is_shared);
    let target = if shared.is_empty() { None } else { Some(honest_server(machine)?) };
    let lost = Mutex::new(0);
    std::thread::scope(|scope| {
        for (attacks, at_once) in [(shared, AT_ONCE.0), (own, AT_ONCE.1)] {
            let waiting = std::sync::Arc::new(Mutex::new(VecDeque::from(attacks)));
            for _ in 0..at_once {
                let (waiting, lost, target) = (std::sync::Arc::clone(&waiting), &lost, target.as_ref());
                scope.spawn(move || {
                    loop {
                        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                        let Some(attack) = next.filter(|_| interrupt::check().is_ok()) else { break };
                        let held = told(machine, target, attack, json);
                        *lost.lock().unwrap_or_else(PoisonError::into_inner) += usize::from(!held);
                    }
                });
            }
        }
    });
    interrupt::check()?;
    if let Some(target) = target {
        target.stack.stop()?;
    }
    Ok(lost.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The server that most attacks share. A trial without anything hostile must succeed there, or nothing would be shown by one that does not.
fn honest_server(machine: &Machine) -> Result<Target> {
    let target = machine.start("shared")?;
    let trial = target.run(&HostileTask::new("honest"), &Submission::of("oracle"))?;
    let state = trial.ended(Duration::from_mins(3))?;
    ensure!(state.reward == Some(1.0), "an honest trial does not succeed: {}", state.told());
    Ok(target)
}

/// Runs an attack and prints its line. Tells whether it held.
fn told(machine: &Machine, target: Option<&Target>, attack: &Attack, json: bool) -> bool {
    let begun = Instant::now();
    let verdict = match &attack.setting {
        Setting::Own(run) => run(machine),
        Setting::Shared(run) => target.context("there is no shared server").and_then(|target| run(machine, target)),
    };
    let (outcome, evidence) = match verdict {
        Ok(Verdict::Held(evidence)) => ("held", evidence),
        Ok(Verdict::Succeeded(evidence)) => ("SUCCEEDED", evidence),
        Err(error) => ("could not be tried", format!("{error:#}")),
    };
    let line =
        Line { name: &attack.name, tried: &attack.tried, outcome, evidence, seconds: begun.elapsed().as_secs_f64() };
    print(&if json {
        serde_json::to_string(&line).unwrap_or_default()
    } else {
        let evidence = line.evidence.replace('\n', " ");
        format!("{:<28} {}: {outcome}: {evidence} ({:.1} s)", line.name, line.tried, line.seconds)
    });
    outcome == "held"
}

/// Prints a line of results.
fn print(line: &str) {
    // A closed stdout must not stop the attacks: the exit status tells too.
    let _ = writeln!(std::io::stdout(), "{line}");
}
