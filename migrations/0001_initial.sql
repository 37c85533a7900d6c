-- Experiments group tasks. Names are not unique: two people may choose the same one.
create table oddish.experiments (
    id text primary key check (id ~ '^[0-9a-f]{8}$'),
    name text not null check (char_length(name) between 1 and 255),
    is_public boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index experiments_by_name on oddish.experiments (name, created_at desc);

-- A task exists from its upload on; the first sweep files it under an experiment, and from then on it is listed.
create table oddish.tasks (
    id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    name text not null check (char_length(name) between 1 and 255),
    experiment_id text references oddish.experiments (id) on delete restrict,
    submitted_by text,
    priority text not null default 'low' check (priority in ('high', 'low')),
    status text not null default 'pending'
        check (status in ('pending', 'running', 'analyzing', 'verdict_pending', 'completed', 'failed')),
    tags jsonb not null default '{}' check (jsonb_typeof(tags) = 'object'),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    check (experiment_id is null or submitted_by is not null),
    check ((finished_at is not null) = (status in ('completed', 'failed'))),
    check (status = 'pending' or experiment_id is not null)
);
create index tasks_by_age on oddish.tasks (created_at desc, id) where experiment_id is not null;
create index tasks_by_experiment on oddish.tasks (experiment_id, created_at desc);

-- What was uploaded: one row for each content of a task, numbered from 1. The archive never changes after it is registered; the
-- runner refuses an archive whose SHA-256 is another.
create table oddish.task_versions (
    task_id text not null references oddish.tasks (id) on delete cascade,
    version integer not null check (version >= 1),
    archive_key text not null,
    archive_sha256 text not null check (archive_sha256 ~ '^[0-9a-f]{64}$'),
    archive_bytes bigint not null check (archive_bytes > 0),
    content_hash text not null check (content_hash ~ '^[0-9a-f]{64}$'),
    created_at timestamptz not null,
    primary key (task_id, version)
);

-- How many jobs of a key may run at once. The limit that counts is the number of its rows in `slots`.
create table oddish.queue_keys (
    queue_key text primary key check (char_length(queue_key) between 1 and 255),
    concurrency_limit integer not null check (concurrency_limit between 0 and 10000),
    -- Whether the limit was set for this key by name, or follows the default.
    is_default boolean not null,
    updated_at timestamptz not null
);

-- One run of an agent on a task, from submission to its end. Work that is still to do has a row in `jobs`.
create table oddish.trials (
    id text primary key,
    task_id text not null,
    task_version integer not null,
    trial_index integer not null check (trial_index >= 0),
    experiment_id text not null references oddish.experiments (id) on delete cascade,
    agent text not null,
    model text,
    provider text not null,
    queue_key text not null references oddish.queue_keys (queue_key),
    environment text not null,
    -- The agent's time-out, where the sweep set one.
    agent_timeout_sec double precision check (agent_timeout_sec > 0),
    harbor jsonb not null default '{}' check (jsonb_typeof(harbor) = 'object'),
    status text not null default 'queued' check (status in ('queued', 'running', 'retrying', 'success', 'failed')),
    -- Attempts that began; a claim that was given back before it began is not counted.
    attempts integer not null default 0 check (attempts >= 0),
    max_attempts integer not null check (max_attempts >= 1),
    harbor_stage text,
    -- Prefix of the newest recorded attempt's files.
    artifact_prefix text,
    reward double precision,
    rewards jsonb check (jsonb_typeof(rewards) = 'object'),
    error_type text,
    error_message text,
    input_tokens bigint check (input_tokens >= 0),
    cache_tokens bigint check (cache_tokens >= 0),
    output_tokens bigint check (output_tokens >= 0),
    cost_usd double precision,
    phase_timing jsonb check (jsonb_typeof(phase_timing) = 'object'),
    has_trajectory boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    unique (task_id, trial_index),
    foreign key (task_id, task_version) references oddish.task_versions (task_id, version) on delete cascade,
    check ((finished_at is not null) = (status in ('success', 'failed'))),
    check (status <> 'running' or started_at is not null),
    -- A scalar reward always comes from the verifier's own.
    check (reward is null or rewards is not null)
);
create index trials_by_experiment on oddish.trials (experiment_id, created_at);

-- `concurrency_limit` rows a key, each either free or held by one job. Where the limit was lowered below the number of held slots, the
-- surplus is retiring: it goes as slots come free, and until it is gone nothing is claimed for the key.
create table oddish.slots (
    queue_key text not null references oddish.queue_keys (queue_key) on delete cascade,
    slot integer not null check (slot >= 0),
    job_id bigint unique,
    retiring boolean not null default false,
    primary key (queue_key, slot),
    unique (queue_key, slot, job_id)
);
create index slots_retiring on oddish.slots (queue_key) where retiring;

-- Live work only: the row of a job goes when its trial ends; the history is in `attempts`.
create table oddish.jobs (
    id bigint generated always as identity primary key,
    trial_id text not null unique references oddish.trials (id) on delete cascade,
    queue_key text not null references oddish.queue_keys (queue_key),
    -- 0 high, 1 low.
    priority smallint not null check (priority in (0, 1)),
    state text not null default 'ready' check (state in ('ready', 'claimed', 'begun')),
    available_at timestamptz not null,
    -- Number of the newest claim, which is the number of its row in `attempts`.
    attempt integer not null default 0 check (attempt >= 0),
    -- Fencing token of that claim: whoever does not hold it can write nothing.
    token uuid unique,
    slot integer,
    check ((state = 'ready') = (token is null)),
    check ((state = 'ready') = (slot is null)),
    -- A job that is claimed holds the slot that it says it holds. With the primary key of `slots` this makes it impossible to have
    -- more jobs claimed or begun than the key has slots.
    constraint jobs_hold_their_slot
        foreign key (queue_key, slot, id) references oddish.slots (queue_key, slot, job_id)
) with (fillfactor = 70);
create index jobs_ready on oddish.jobs (queue_key, priority, available_at, id) where state = 'ready';

-- A job that goes, by whatever way, frees its slot.
alter table oddish.slots
    add constraint slots_held_by_jobs foreign key (job_id) references oddish.jobs (id) on delete set null;

-- Every claim of every trial, append-only: who ran it, when, and how it ended.
create table oddish.attempts (
    trial_id text not null references oddish.trials (id) on delete cascade,
    number integer not null check (number >= 1),
    token uuid not null unique,
    queue_key text not null,
    slot integer not null,
    claimed_at timestamptz not null,
    -- The runner's process, known from the moment it begins: host, process id and start time name one process for good.
    host text,
    pid integer,
    process_started_at timestamptz,
    begun_at timestamptz,
    ended_at timestamptz,
    outcome text check (outcome in ('recorded', 'lost', 'interrupted', 'launch_failed', 'given_back')),
    error text,
    primary key (trial_id, number),
    check ((ended_at is null) = (outcome is null)),
    check ((begun_at is null) = (host is null)),
    check ((host is null) = (pid is null) and (host is null) = (process_started_at is null))
);
-- No trial is ever worked on under two claims.
create unique index attempts_one_open on oddish.attempts (trial_id) where ended_at is null;
create index attempts_open_on_host on oddish.attempts (host) where ended_at is null;
