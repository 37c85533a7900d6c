#![doc = include_str!("../README.md")]

mod closing;
mod dispatched;
mod ecs;
mod launcher;
mod leftovers;
mod metrics;
mod pass;
mod process_launcher;
mod runner_command;
mod settings;

pub use closing::{CloseError, Closer, Lost};
pub use dispatched::Dispatched;
pub use ecs::{Capacity, DockerMachines, EcsLauncher, EcsSettings, Size, TaskStateChange, note_stop};
pub use launcher::{LaunchError, Launcher};
pub use pass::{Dispatcher, Running};
pub use process_launcher::ProcessLauncher;
pub use runner_command::RunnerCommand;
pub use settings::{LauncherKind, LauncherSettings, RunnerMissing};
