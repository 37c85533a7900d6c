-- How far an attempt came, which decides what its failure counts against, and which files of a trial are not kept.

alter table oddish.attempts
    -- Whether the agent had begun when the outcome was recorded: the attempt then counts against the trial's `max_attempts`, whatever its
    -- class. False of an attempt that recorded nothing.
    add column agent_began boolean not null default false;

alter table oddish.trials
    -- Files of the newest recorded attempt that are not kept: `{"files": number, "bytes": number, "reasons": {reason: number}}`. Null when all
    -- are kept. The list is in `omitted.json` below `artifact_prefix`.
    add column omitted_files jsonb check (jsonb_typeof(omitted_files) = 'object');
