//! What only functions on AWS do.

mod events;
mod template;
