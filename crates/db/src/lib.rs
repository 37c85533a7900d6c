//! Postgres: all SQL, one module per aggregate, one named query per function.
