//! Finds Postgres binaries on the machine and keeps a private server in a folder.
