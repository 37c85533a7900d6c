//! The programs that Lambda runs, and their place in template.yaml.

mod events;
mod migrate;
mod not_found;
mod programs;
mod template;
