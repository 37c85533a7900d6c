-- Tasks of a container service in which attempts run, noted when they were started. Nothing here refers to the attempt or the trial: a
-- task outlives what was deleted, and is stopped because of that.
create table oddish.runner_tasks (
    -- The attempt's fencing token.
    token uuid primary key,
    trial_id text not null,
    attempt integer not null check (attempt >= 1),
    task_arn text not null unique,
    capacity text not null check (capacity in ('spot', 'on_demand', 'provider')),
    memory_mb integer not null check (memory_mb > 0),
    launched_at timestamptz not null,
    -- When the service was asked to stop it.
    stop_asked_at timestamptz,
    stopped_at timestamptz,
    -- What the service says of its end; both are for people, and of the code `SpotInterruption` is counted.
    stop_code text,
    stop_reason text,
    check (stopped_at is not null or stop_code is null)
);
create index runner_tasks_live on oddish.runner_tasks (launched_at) where stopped_at is null;
create index runner_tasks_of_trial on oddish.runner_tasks (trial_id);
create index runner_tasks_stopped on oddish.runner_tasks (stopped_at) where stopped_at is not null;

-- One row: since when a dispatcher that is not always there has been asked to come. Who finds that it was asked and has not come yet need
-- not ask again.
create table oddish.dispatcher_call (
    id boolean primary key default true check (id),
    asked_at timestamptz
);
insert into oddish.dispatcher_call (id) values (true);
