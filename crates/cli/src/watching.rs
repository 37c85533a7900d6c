//! Watches trials until they end, through lost connections, until the user has seen enough.
//!
//! `model` takes the server's answers and says where things stand, `interface` takes keys, `drawing` makes lines of both; none of these knows
//! the server or the terminal. `session` asks, and hands on what comes in. `screen` is the terminal, `report` stands in for it where there is
//! none.

mod drawing;
mod ended;
mod feed;
mod interface;
mod model;
mod report;
mod scope;
mod screen;
mod session;
mod subject;
mod subject_json;
mod tally;
mod trials;
mod watch;

pub(crate) use self::scope::RunTrials;
pub(crate) use self::subject::Subject;
pub(crate) use self::subject_json::print_json;
pub(crate) use self::watch::{Watched, watch, watch_and_show};
