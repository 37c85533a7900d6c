//! Reap, claim, launch, reconcile; the Launcher trait and its implementations.
