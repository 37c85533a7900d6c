//! Every endpoint as a small handler, every function as a tiny binary.
