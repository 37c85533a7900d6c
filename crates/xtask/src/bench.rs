//! Benchmarks: each prints its figures next to a reference from the same run, and fails when one misses its bar.

mod api;
mod cli;
mod functions;
mod latency;
mod overhead;
mod queue;

use std::borrow::Cow;

use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::progress::{print, say};

/// What can be measured.
#[derive(Clone, Subcommand)]
pub(crate) enum Benchmark {
    /// What Oddish adds to a trial: from submission to Harbor's start, and from Harbor's end to the recorded result.
    Overhead {
        /// Print one JSON object on stdout.
        #[arg(long)]
        json: bool,
    },
    /// How fast the API reads from 10,000 tasks with 1,000,000 trials, with 1, 8 and 32 clients; takes about ten minutes.
    Api {
        /// Print one JSON object on stdout.
        #[arg(long)]
        json: bool,
    },
    /// How long `oddish --help` takes.
    Cli {
        /// Print one JSON object on stdout.
        #[arg(long)]
        json: bool,
    },
    /// How fast jobs are claimed and finished; takes about ten minutes.
    Queue {
        /// Print one JSON object on stdout.
        #[arg(long)]
        json: bool,
        /// How many statements each connection keeps prepared (`ODDISH_DB_STATEMENT_CACHE`); the default of the programs unless told.
        #[arg(long, value_name = "N")]
        statement_cache: Option<u32>,
    },
    /// Size, start and memory of the functions as they are deployed.
    Functions {
        /// Print one JSON object on stdout.
        #[arg(long)]
        json: bool,
        /// Measure the building too, which takes a quarter of an hour.
        #[arg(long)]
        build: bool,
    },
    /// How soon a submitted trial begins, and what a server does that has nothing to do.
    Latency {
        /// Print one JSON object on stdout.
        #[arg(long)]
        json: bool,
    },
}

/// `cargo xtask bench`.
pub(crate) fn run(benchmark: &Benchmark) -> Result<()> {
    match benchmark {
        Benchmark::Overhead { json } => report(&overhead::measure()?, *json),
        Benchmark::Api { json } => report(&api::measure()?, *json),
        Benchmark::Cli { json } => report(&cli::measure()?, *json),
        Benchmark::Queue { json, statement_cache } => report(&queue::measure(*statement_cache)?, *json),
        Benchmark::Functions { json, build } => report(&functions::measure(*build)?, *json),
        Benchmark::Latency { json } => report(&latency::measure()?, *json),
    }
}

/// One measured value.
struct Figure {
    name: Cow<'static, str>,
    value: f64,
    unit: Cow<'static, str>,
    bar: Bar,
}

/// What a value must keep to.
#[derive(Clone, Copy)]
enum Bar {
    None,
    AtMost(f64),
    AtLeast(f64),
}

impl Bar {
    fn value(self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::AtMost(bar) | Self::AtLeast(bar) => Some(bar),
        }
    }
}

impl Figure {
    fn ok(&self) -> bool {
        match self.bar {
            Bar::None => true,
            Bar::AtMost(bar) => self.value <= bar,
            Bar::AtLeast(bar) => self.value >= bar,
        }
    }
}

fn report(figures: &[Figure], as_json: bool) -> Result<()> {
    if as_json {
        let object: Map<String, Value> = figures
            .iter()
            .map(|figure| {
                let Figure { name, value, unit, bar } = figure;
                (
                    name.clone().into_owned(),
                    json!({"value": value, "unit": unit, "bar": bar.value(), "ok": figure.ok()}),
                )
            })
            .collect();
        print(&format!("{}\n", Value::Object(object)))?;
    } else {
        let width = figures.iter().map(|figure| figure.name.len()).max().unwrap_or_default();
        for figure in figures {
            let bar = match (figure.bar.value(), figure.ok()) {
                (None, _) => String::new(),
                (Some(bar), true) => format!("   within {bar} {}", figure.unit),
                (Some(bar), false) => format!("   MISSES its bar of {bar} {}", figure.unit),
            };
            print(&format!("{:<width$} {:>10.3} {}{bar}\n", figure.name, figure.value, figure.unit))?;
        }
    }
    let missed: Vec<&str> = figures.iter().filter(|figure| !figure.ok()).map(|figure| &*figure.name).collect();
    if !missed.is_empty() {
        say("a figure misses its bar");
        bail!("missed: {}", missed.join(", "));
    }
    Ok(())
}

/// The middle of some values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        for (values, expected) in [(vec![3.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 3.0, 2.0], 2.5), (vec![7.0], 7.0)] {
            assert!((median(values) - expected).abs() < 1e-9);
        }
        assert!(median(Vec::new()).is_nan());
    }
}
