//! Rules only, no I/O: ids, statuses, queue keys, sweep expansion, task checks.
