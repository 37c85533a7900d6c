#![doc = include_str!("../README.md")]

pub mod capabilities;
mod error;
pub mod experiments;
pub mod judging;
pub mod paging;
pub mod queues;
pub mod tasks;
pub mod trials;

pub use error::{Error, InvalidField};
pub use oddish_db::Db;
