//! Hands claimed jobs to runners, and notices when a runner is gone.
//!
//! One pass reaps, claims and launches; [`Dispatcher::run`] makes a pass whenever a wake arrives and, slowly, by
//! itself, while [`Dispatcher::dispatch`] does what can be done now and returns. Where runners run is behind the [`Launcher`] trait:
//! [`ProcessLauncher`] starts them as child processes, [`EcsLauncher`] as tasks of ECS. Knows nothing of HTTP, Harbor or Docker.

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
