#![doc = include_str!("../README.md")]

pub mod admin;
pub mod api_keys;
pub mod capabilities;
pub mod dashboard;
pub mod docs;
pub mod endpoints;
pub mod experiments;
pub mod health;
pub mod http;
pub mod lambda;
pub mod public;
pub mod queues;
pub mod state;
pub mod tasks;
pub mod trials;
