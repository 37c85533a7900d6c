//! Runs one attempt of a trial with Harbor and records what came of it.
