-- The schema of Oddish as of its first release. `docs/schema.md` draws it and lists the invariants that it holds; `README.md` in this
-- folder has the rules for the migrations that follow.
--
-- Order: experiments, queue keys and slots, tasks, trials, jobs and attempts, claiming, dispatcher, API, tallies, deletion.
--
-- Times come from the caller and not from `now()`, so that tests need not wait. Columns of a status hold the words of `docs/states.md`.


-- Experiments ----------------------------------------------------------------------------------------------------------------------------

-- An experiment groups tasks and the trials of them that were submitted under it. Names are not unique: two people may choose the same.
create table oddish.experiments (
    id text primary key check (id ~ '^[0-9a-f]{8}$'),
    name text not null check (char_length(name) between 1 and 255),
    is_public boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- Grants read access to the experiment's trials. Ending the share deletes the token; sharing again makes another.
    public_token text unique check (public_token ~ '^[A-Za-z0-9_-]{43}$'),
    -- A shared experiment has a token, and a token exists for shared experiments only.
    constraint experiments_shared_by_token check (is_public = (public_token is not null))
);
create index experiments_by_name on oddish.experiments (name, created_at desc);
create index experiments_by_age on oddish.experiments (created_at desc, id desc);


-- Queue keys and slots -------------------------------------------------------------------------------------------------------------------

-- A queue key is what a concurrency limit applies to, usually a model of a provider. A paused key claims nothing; a key that its circuit
-- breaker paused claims one trial, the probe, when the probe is due.
create table oddish.queue_keys (
    queue_key text primary key check (char_length(queue_key) between 1 and 255),
    -- How many jobs of the key may run at once. The rows in `slots` are what enforces it.
    concurrency_limit integer not null check (concurrency_limit between 0 and 10000),
    -- False when a user or a setting named this key's limit; true when the key follows the default.
    is_default boolean not null,
    updated_at timestamptz not null,
    paused_at timestamptz,
    paused_by text check (paused_by in ('user', 'breaker')),
    pause_reason text,
    -- Consecutive refusals of the provider's account (quota, credentials) while the key is not paused.
    refusals integer not null default 0 check (refusals >= 0),
    -- Consecutive refusals of the probe while the key is paused.
    refused_probes integer not null default 0 check (refused_probes >= 0),
    -- When the next probe is due.
    probe_at timestamptz,
    -- Fencing token of the attempt that is the probe.
    probe_token uuid,
    -- A pause names who paused.
    constraint queue_keys_paused_by_someone check ((paused_at is null) = (paused_by is null)),
    -- Probes exist exactly while the breaker holds the key: nothing probes a key that a user paused.
    constraint queue_keys_probed_by_breaker check ((probe_at is not null) = (paused_by is not distinct from 'breaker'))
);

-- The semaphore of a queue key: `concurrency_limit` rows. A job that runs names one of them (`jobs_hold_existing_slots`), and no two jobs
-- name the same (`jobs_hold_one_slot_each`), so the schema itself refuses one job too many. A row does not say who holds it: the job
-- does, so that deleting a job frees its slot. After a limit was lowered, surplus rows go when no job holds them.
create table oddish.slots (
    queue_key text not null references oddish.queue_keys (queue_key) on delete cascade,
    slot integer not null check (slot >= 0),
    primary key (queue_key, slot)
);


-- Tasks ----------------------------------------------------------------------------------------------------------------------------------

-- A task is a Harbor task that agents are evaluated on. It exists from its upload on. It is listed once it has a submitter, and its first
-- sweep files it under an experiment.
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
    -- When a user cancelled the whole task: it then ends as failed, not as completed.
    cancel_requested_at timestamptz,
    -- Queue keys of the models that judge the task, if it is to be judged: each trial is analysed when it has ended, and when every
    -- analysis has ended, a verdict is made of them.
    analysis_key text references oddish.queue_keys (queue_key),
    verdict_key text references oddish.queue_keys (queue_key),
    verdict_status text check (verdict_status in ('queued', 'running', 'success', 'failed')),
    verdict jsonb check (jsonb_typeof(verdict) = 'object'),
    verdict_error text,
    verdict_started_at timestamptz,
    verdict_finished_at timestamptz,
    -- Owner of the API key that submitted the task. Fairness counts jobs against this owner, or without keys against the submitter.
    key_owner text,
    -- A task of an experiment has a submitter.
    constraint tasks_filed_with_submitter check (experiment_id is null or submitted_by is not null),
    -- A task has an end exactly when its status is final.
    constraint tasks_finished_when_final check ((finished_at is not null) = (status in ('completed', 'failed'))),
    -- Only a task of an experiment leaves `pending`.
    constraint tasks_started_when_filed check (status = 'pending' or experiment_id is not null),
    -- A task has both judges or none.
    constraint tasks_judged_by_both_or_neither check ((analysis_key is null) = (verdict_key is null)),
    -- A task waits only for a verdict that somebody is still to make.
    constraint tasks_await_a_verdict_that_comes
        check (status <> 'verdict_pending' or verdict_status in ('queued', 'running')),
    -- A verdict exists exactly when its status is success.
    constraint tasks_have_the_verdict_they_say check ((verdict_status is not distinct from 'success') = (verdict is not null)),
    -- Judging has an end exactly when its status is final.
    constraint tasks_ended_verdicts check ((verdict_finished_at is not null) = coalesce(verdict_status in ('success', 'failed'), false))
);
create index tasks_by_experiment on oddish.tasks (experiment_id, created_at desc);
-- An upload looks for the newest task of its name.
create index tasks_by_name on oddish.tasks (name, created_at desc);
create index tasks_by_age on oddish.tasks (created_at desc, id desc) where submitted_by is not null;
create index tasks_by_submitter on oddish.tasks (submitted_by, created_at desc, id desc) where submitted_by is not null;
create index tasks_unfinished on oddish.tasks (status, created_at desc, id desc) where status not in ('pending', 'completed');
create index tasks_judged on oddish.tasks (experiment_id) where analysis_key is not null;

-- One row for each uploaded content of a task, numbered from 1. The archive never changes after its registration; the runner refuses an
-- archive with another SHA-256.
create table oddish.task_versions (
    task_id text not null references oddish.tasks (id) on delete cascade,
    version integer not null check (version >= 1),
    archive_key text not null,
    archive_sha256 text not null check (archive_sha256 ~ '^[0-9a-f]{64}$'),
    archive_bytes bigint not null check (archive_bytes > 0),
    content_hash text not null check (content_hash ~ '^[0-9a-f]{64}$'),
    created_at timestamptz not null,
    -- The uploader's note on this version.
    message text,
    -- Object that holds the version's files one after the other, so that a file is one ranged read. `task_files` says where each one is.
    files_key text,
    primary key (task_id, version)
);

-- Announced uploads that are not completed. The announcement takes the version's number, so that two simultaneous uploads of a task
-- become two versions; an abandoned upload leaves a gap. A client writes to the staging key only, never to a version's own key.
create table oddish.uploads (
    task_id text not null references oddish.tasks (id) on delete cascade,
    version integer not null check (version >= 1),
    content_hash text not null check (content_hash ~ '^[0-9a-f]{64}$'),
    message text,
    staging_key text not null unique,
    created_at timestamptz not null,
    primary key (task_id, version)
);

-- Where each file of a version lies in the object `files_key`.
create table oddish.task_files (
    task_id text not null,
    version integer not null,
    -- Compared as bytes, which is the order in which the store lists keys.
    path text collate "C" not null check (octet_length(path) between 1 and 1024),
    start bigint not null check (start >= 0),
    size bigint not null check (size >= 0),
    primary key (task_id, version, path),
    foreign key (task_id, version) references oddish.task_versions (task_id, version) on delete cascade
);


-- Trials ---------------------------------------------------------------------------------------------------------------------------------

-- A trial is one run of an agent on a version of a task, from its submission to its end. Work that is left to do for it is in `jobs`.
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
    -- Further options of the sweep for Harbor, among them the sealed environment variables of the agent.
    harbor jsonb not null default '{}' check (jsonb_typeof(harbor) = 'object'),
    status text not null default 'queued' check (status in ('queued', 'running', 'retrying', 'success', 'failed')),
    -- Attempts that began. A claim that was given back before it began does not count.
    attempts integer not null default 0 check (attempts >= 0),
    max_attempts integer not null check (max_attempts >= 1),
    harbor_stage text,
    -- Prefix of the files of the newest recorded attempt.
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
    -- When a user cancelled the trial. That it was cancelled follows from this column alone.
    cancel_requested_at timestamptz,
    error_class text,
    -- Number of the newest attempt when a user last retried the trial: attempts up to it no longer count against its tries.
    retried_after integer not null default 0 check (retried_after >= 0),
    analysis_status text check (analysis_status in ('queued', 'running', 'success', 'failed')),
    analysis jsonb check (jsonb_typeof(analysis) = 'object'),
    analysis_error text,
    analysis_started_at timestamptz,
    analysis_finished_at timestamptz,
    -- `imported`: the trial ran elsewhere, and only its results came here.
    origin text not null default 'oddish' check (origin in ('oddish', 'imported')),
    -- The trial's name where it ran.
    external_trial_id text check (char_length(external_trial_id) between 1 and 255),
    unique (task_id, trial_index),
    foreign key (task_id, task_version) references oddish.task_versions (task_id, version) on delete cascade,
    -- A trial has an end exactly when its status is final.
    constraint trials_finished_when_final check ((finished_at is not null) = (status in ('success', 'failed'))),
    -- A running trial has a start.
    constraint trials_running_with_start check (status <> 'running' or started_at is not null),
    -- A scalar reward always comes with the verifier's own rewards.
    constraint trials_reward_with_rewards check (reward is null or rewards is not null),
    -- Only an ended trial is analysed.
    constraint trials_analysed_after_their_end check (analysis_status is null or status in ('success', 'failed')),
    -- An analysis exists exactly when its status is success.
    constraint trials_have_the_analysis_they_say check ((analysis_status is not distinct from 'success') = (analysis is not null)),
    -- The analysis has an end exactly when its status is final.
    constraint trials_ended_analyses
        check ((analysis_finished_at is not null) = coalesce(analysis_status in ('success', 'failed'), false)),
    -- Only an imported trial has an external name.
    constraint trials_called_elsewhere_ran_there check (external_trial_id is null or origin = 'imported')
);
create index trials_being_analysed on oddish.trials (task_id) where analysis_status in ('queued', 'running');
-- Importing a trial twice makes one trial.
create unique index trials_by_external_id on oddish.trials (task_id, external_trial_id) where external_trial_id is not null;
create index trials_by_age on oddish.trials (created_at desc, id desc);
create index trials_by_experiment on oddish.trials (experiment_id, created_at desc, id desc);
-- Trials without an error are not in this index, so that recording them does not write to it.
create index trials_by_error on oddish.trials (error_class, created_at desc, id desc) where error_class is not null;
create index trials_analysed on oddish.trials (analysis_status) where analysis_status is not null;

-- Announced archives of imported trials that are not completed.
create table oddish.trial_imports (
    trial_id text primary key references oddish.trials (id) on delete cascade,
    staging_key text not null unique,
    created_at timestamptz not null
);


-- Jobs and attempts ----------------------------------------------------------------------------------------------------------------------

-- A job is work that is left to do: to run a trial, to analyse a trial, or to make the verdict on a task. The table holds live work only:
-- the row goes when the work has ended, and the history is in `attempts`. The kind of a job is independent of its queue key: an analysis
-- takes a slot of its model like a trial of that model.
create table oddish.jobs (
    id bigint generated always as identity primary key,
    trial_id text references oddish.trials (id) on delete cascade,
    queue_key text not null references oddish.queue_keys (queue_key),
    -- 0 high, 1 low.
    priority smallint not null check (priority in (0, 1)),
    -- A waiting job becomes ready at `due_at`, so that a claim finds ready jobs only in its index.
    state text not null default 'ready' check (state in ('waiting', 'ready', 'claimed', 'begun')),
    due_at timestamptz not null,
    -- Number of the newest claim, which is also the number of its row in `attempts`.
    attempt integer not null default 0 check (attempt >= 0),
    -- Fencing token of that claim. A process without it can write nothing for this job, and a token names one job at most.
    token uuid unique,
    slot integer,
    -- Whom fairness counts the job against.
    submitter text not null,
    -- Deadline for the runner of a claimed job to begin.
    begin_by timestamptz,
    -- Until when the runner of a begun job counts as alive. The runner extends it. Not indexed: an extension then stays on the row's page.
    lease_until timestamptz,
    -- Since when the lease is known to have run out. The runner counts as dead only after a further delay, since the database itself may
    -- have been away.
    suspect_since timestamptz,
    kind text not null check (kind in ('trial', 'analysis', 'verdict')),
    task_id text references oddish.tasks (id) on delete cascade,
    -- A verdict is on a task, any other job on a trial.
    constraint jobs_have_one_subject check ((trial_id is null) = (kind = 'verdict') and (task_id is null) <> (trial_id is null)),
    -- Exactly the claimed and begun jobs have a token and a slot. Together with the foreign key to `slots` and the index
    -- `jobs_hold_one_slot_each`, no more jobs of a key run than it has slots.
    constraint jobs_claimed_with_token check ((state in ('waiting', 'ready')) = (token is null)),
    constraint jobs_claimed_with_slot check ((state in ('waiting', 'ready')) = (slot is null)),
    constraint jobs_hold_existing_slots foreign key (queue_key, slot) references oddish.slots (queue_key, slot),
    -- Exactly the claimed jobs have a deadline to begin.
    constraint jobs_claimed_with_deadline check ((state = 'claimed') = (begin_by is not null)),
    -- Exactly the begun jobs have a lease, and only these can be suspect.
    constraint jobs_begun_with_lease check ((state = 'begun') = (lease_until is not null)),
    constraint jobs_suspect_when_begun check (suspect_since is null or state = 'begun')
)
-- Every claim and every end leaves a dead row; a fixed threshold keeps the indexes small however large the backlog is.
with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
-- The order of claims: high before low priority, then by submitter, then by age, which is the id.
create index jobs_ready on oddish.jobs (queue_key, priority, submitter, id) where state = 'ready';
create index jobs_waiting on oddish.jobs (due_at) where state = 'waiting';
create index jobs_waiting_of_key on oddish.jobs (queue_key) where state = 'waiting';
-- A slot belongs to one job at most.
create unique index jobs_hold_one_slot_each on oddish.jobs (queue_key, slot) where slot is not null;
-- A trial has at most one job of each kind, a task at most one verdict. A row has one token, so nothing is worked on under two claims.
create unique index jobs_one_of_a_kind on oddish.jobs (trial_id, kind) where trial_id is not null;
create unique index jobs_one_verdict on oddish.jobs (task_id) where task_id is not null;

-- One row for each claim of a job, append-only: which process ran it, when, and how it ended.
--
-- The trial is not a foreign key: each claim would then look up, lock and so write the row of its trial, however long the history is. A
-- trigger on `trials` deletes a trial's attempts with it.
create table oddish.attempts (
    trial_id text,
    number integer not null check (number >= 1),
    -- Fencing token of the claim.
    token uuid not null primary key,
    queue_key text not null,
    slot integer not null,
    claimed_at timestamptz not null,
    -- The runner's process, known once it begins. Host, process id and start time identify one process for good.
    host text,
    pid integer,
    process_started_at timestamptz,
    begun_at timestamptz,
    ended_at timestamptz,
    outcome text check (outcome in ('recorded', 'lost', 'interrupted', 'launch_failed', 'given_back', 'cancelled')),
    error text,
    error_class text,
    kind text not null check (kind in ('trial', 'analysis', 'verdict')),
    task_id text references oddish.tasks (id) on delete cascade,
    -- An attempt has an outcome exactly when it has ended.
    constraint attempts_ended_with_outcome check ((ended_at is null) = (outcome is null)),
    -- An attempt that began names its process: host, process id and start time together.
    constraint attempts_begun_with_process check ((begun_at is null) = (host is null)),
    constraint attempts_name_the_whole_process check ((host is null) = (pid is null) and (host is null) = (process_started_at is null)),
    -- A verdict is on a task, any other attempt on a trial.
    constraint attempts_have_one_subject
        check ((trial_id is null) = (kind = 'verdict') and (task_id is null) <> (trial_id is null))
);
-- No number is used twice. An attempt enters this index over all of history when it begins or ends; until then it is in the small one
-- below, because each claim would otherwise touch another page of the large one.
create unique index attempts_numbered on oddish.attempts (trial_id, kind, number)
    where trial_id is not null and (begun_at is not null or ended_at is not null);
create index attempts_not_begun on oddish.attempts (trial_id) where begun_at is null and ended_at is null;
create unique index attempts_of_verdicts_numbered on oddish.attempts (task_id, number) where task_id is not null;
create index attempts_open_on_host on oddish.attempts (host) where ended_at is null and host is not null;

-- Deletes the attempts of deleted trials. Two statements, so that each uses the index for its half.
create function oddish.delete_attempts_of_trials() returns trigger language plpgsql as $$
begin
    delete from oddish.attempts where trial_id in (select id from gone) and (begun_at is not null or ended_at is not null);
    delete from oddish.attempts where trial_id in (select id from gone) and begun_at is null and ended_at is null;
    return null;
end
$$;
create trigger trials_take_their_attempts_along after delete on oddish.trials
    referencing old table as gone for each statement execute function oddish.delete_attempts_of_trials();


-- Claiming -------------------------------------------------------------------------------------------------------------------------------

-- A fencing token: a UUID of version 7 (RFC 9562), 48 bits of milliseconds before 74 random ones. Tokens that grow with time go to the
-- end of their indexes. Random ones would each touch, and after a checkpoint log, another page of an index over all of history.
create function oddish.fencing_token(at timestamptz) returns uuid language sql volatile as $$
    select encode(set_bit(set_bit(
        overlay(uuid_send(gen_random_uuid()) placing substring(int8send((extract(epoch from at) * 1000)::bigint) from 3) from 1 for 6),
        52, 1), 53, 1), 'hex')::uuid
$$;

-- Claims up to `most_wanted` jobs over all keys, and gives each a free slot of its key, an attempt and a fencing token.
--
-- First it chooses keys that have both room and work: those with high jobs first, the others in random order, as many as can use
-- `most_wanted`. It locks their rows, and leaves a key that another claim is planning to that claim. Everything after that reads a
-- snapshot that is younger than the locks, so that two claims never plan for the same slots. That no slot is given twice does not depend
-- on this: the schema guarantees it.
--
-- Then it decides who gets the free slots of a key: high before low priority, then the submitter with the fewest running jobs in the key,
-- then age. `heads` finds the oldest job of each waiting submitter by skipping through the index. `level` is the number of running jobs
-- that the submitters would rise to if the free slots were filled from the least loaded up and each had enough jobs: it bounds how many
-- jobs of each are read. Where a submitter has fewer, slots stay free, and the caller asks again. Low jobs get only the slots that all high
-- ones together leave. A job that another transaction has locked, such as a cancellation, is passed over.
--
-- It is a function because its settings must hold wherever it is called, also through a proxy that shares connections: compiling the plan
-- would take longer than the claim, and fresh tables without statistics would be read from end to end.
create function oddish.claim_jobs(most_wanted bigint, at timestamptz)
returns table (kind text, subject text, number integer, token uuid, queue_key text)
language plpgsql volatile set jit = off set enable_seqscan = off set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    locked_keys text[];
begin
-- Retries whose time has come first become ready.
update oddish.jobs set state = 'ready'
where id in (select id from oddish.jobs where state = 'waiting' and due_at <= at order by due_at limit 10000 for update skip locked);

with running as materialized (
    select queue_key, count(*) as running from oddish.jobs where slot is not null group by queue_key),
open_keys as materialized (
    select k.queue_key, head.priority, room.slots, sum(room.slots) over () as all_slots
    from oddish.queue_keys k
    left join running r using (queue_key)
    cross join lateral (select k.concurrency_limit - coalesce(r.running, 0) as slots) room
    cross join lateral (
        select j.priority from oddish.jobs j
        where j.queue_key = k.queue_key and j.state = 'ready' and room.slots > 0
        order by j.priority limit 1) head
    where k.paused_at is null or (k.probe_at <= at and k.probe_token is null)),
weighed as materialized (
    select queue_key, priority, random() as lot,
        case when all_slots <= most_wanted or priority > 0 then slots else (
            select count(*) from (
                select from oddish.jobs j
                where j.queue_key = k.queue_key and j.state = 'ready' and j.priority = 0 limit least(k.slots, most_wanted)) high)
        end as use
    from open_keys k),
enough as materialized (
    select queue_key from (
        select queue_key, sum(use) over (order by priority, lot rows between unbounded preceding and 1 preceding) as before
        from weighed) added
    where coalesce(before, 0) < most_wanted)
select array_agg(queue_key) into locked_keys from (
    select k.queue_key from oddish.queue_keys k where k.queue_key in (select queue_key from enough)
    order by k.queue_key for no key update skip locked) mine;
if locked_keys is null then
    return;
end if;

return query
with recursive held as materialized (
    select queue_key, slot, submitter from oddish.jobs where slot is not null and queue_key = any (locked_keys)),
-- A paused key has one slot for the probe of its breaker, if it is not paused by anyone else by now.
room as materialized (
    select k.queue_key, k.concurrency_limit - coalesce(h.held, 0) as left_over,
        case when k.paused_at is null then k.concurrency_limit - coalesce(h.held, 0)
            when k.probe_at <= at and k.probe_token is null then least(1, k.concurrency_limit - coalesce(h.held, 0))
            else 0 end as slots
    from oddish.queue_keys k
    left join (select queue_key, count(*) as held from held group by queue_key) h using (queue_key)
    where k.queue_key = any (locked_keys)),
free as materialized (
    select queue_key, slot, row_number() over (partition by queue_key order by slot) as turn
    from (
        select queue_key, slot from oddish.slots where queue_key = any (locked_keys)
        except select queue_key, slot from held) f),
-- A lowered limit leaves slots over once the jobs that held them have ended.
surplus as (
    delete from oddish.slots s using free f join room r using (queue_key)
    where s.queue_key = f.queue_key and s.slot = f.slot and f.turn > greatest(r.left_over, 0)),
high as materialized (
    select r.queue_key, r.slots, ready.jobs
    from room r cross join lateral (
        select count(*) as jobs from (
            select from oddish.jobs j where j.queue_key = r.queue_key and j.state = 'ready' and j.priority = 0 limit r.slots) h) ready
    where r.slots > 0),
classes as materialized (
    select queue_key, 0::smallint as priority, slots from high where jobs > 0
    union all
    select queue_key, 1::smallint, slots - jobs from high where slots > jobs),
heads as (
    select c.queue_key, c.priority, c.slots, j.submitter, j.id
    from classes c cross join lateral (
        select j.submitter, j.id from oddish.jobs j
        where j.queue_key = c.queue_key and j.state = 'ready' and j.priority = c.priority
        order by j.submitter, j.id limit 1) j
    union all
    select h.queue_key, h.priority, h.slots, j.submitter, j.id
    from heads h cross join lateral (
        select j.submitter, j.id from oddish.jobs j
        where j.queue_key = h.queue_key and j.state = 'ready' and j.priority = h.priority and j.submitter > h.submitter
        order by j.submitter, j.id limit 1) j),
running as materialized (select queue_key, submitter, count(*) as running from held group by queue_key, submitter),
waiting as materialized (
    select h.*, coalesce(r.running, 0) as running from heads h left join running r using (queue_key, submitter)),
filled as materialized (
    select *, row_number() over poorest as place, (slots + sum(running) over poorest) / row_number() over poorest as level
    from waiting
    window poorest as (partition by queue_key, priority order by running, id)),
level as materialized (
    select queue_key, priority, ceil(min(level)) as level from filled group by queue_key, priority),
candidates as materialized (
    select w.queue_key, w.slots, w.priority, c.id,
        w.running + row_number() over (partition by w.queue_key, w.priority, w.submitter order by c.id) as load
    from filled w
    join level l using (queue_key, priority)
    cross join lateral (
        select j.id from oddish.jobs j
        where j.queue_key = w.queue_key and j.state = 'ready' and j.priority = w.priority and j.submitter = w.submitter
        order by j.id limit greatest(l.level - w.running, 0) for update skip locked) c
    where w.place <= w.slots),
placed as materialized (
    select *, row_number() over (partition by queue_key, priority order by load, id) as place from candidates),
picked as materialized (
    select id, queue_key from placed where place <= slots order by priority, place, id limit most_wanted),
paired as materialized (
    select p.id, f.queue_key, f.slot, oddish.fencing_token(at) as token
    from (select *, row_number() over (partition by queue_key order by id) as turn from picked) p
    join free f using (queue_key, turn)),
claimed as (
    update oddish.jobs j
    set state = 'claimed', slot = p.slot, token = p.token, attempt = j.attempt + 1, begin_by = at + interval '60 seconds'
    from paired p where j.id = p.id and j.state = 'ready'
    returning j.kind, j.trial_id, j.task_id, j.attempt, j.token, j.queue_key, j.slot),
probes as (
    update oddish.queue_keys k set probe_token = c.token from claimed c
    where k.queue_key = c.queue_key and k.paused_at is not null)
insert into oddish.attempts (kind, trial_id, task_id, number, token, queue_key, slot, claimed_at)
select kind, trial_id, task_id, attempt, token, queue_key, slot, at from claimed
returning kind, coalesce(trial_id, task_id), number, token, queue_key;
end
$$;

-- The places of ready jobs in the order in which they would be claimed if nothing changed: up to `bound` for each key. The places are
-- exact as far as they go, and their cost does not grow with the backlog.
--
-- Of each submitter it reads as many jobs as `level` asks for (see `oddish.claim_jobs`), and more where there are few submitters. `cut` is
-- the load up to which every job has been read; beyond it, and in the low class while there is one in the high class, other jobs might
-- come first.
create function oddish.queue_places(keys text[], bound bigint)
returns table (queue_key text, job_id bigint, place bigint)
language plpgsql stable set jit = off set enable_seqscan = off
as $$
#variable_conflict use_column
begin
return query
with recursive wanted as materialized (select distinct key as queue_key from unnest(keys) as key),
heads as (
    select w.queue_key, j.priority, j.submitter, j.id
    from wanted w cross join lateral (
        select j.priority, j.submitter, j.id from oddish.jobs j
        where j.queue_key = w.queue_key and j.state = 'ready'
        order by j.priority, j.submitter, j.id limit 1) j
    union all
    select h.queue_key, j.priority, j.submitter, j.id
    from heads h cross join lateral (
        select j.priority, j.submitter, j.id from oddish.jobs j
        where j.queue_key = h.queue_key and j.state = 'ready' and (j.priority, j.submitter) > (h.priority, h.submitter)
        order by j.priority, j.submitter, j.id limit 1) j),
running as materialized (
    select queue_key, submitter, count(*) as running from oddish.jobs
    where slot is not null and queue_key = any (keys)
    group by queue_key, submitter),
waiting as materialized (
    select h.*, coalesce(r.running, 0) as running
    from heads h left join running r using (queue_key, submitter)),
filled as materialized (
    select *, row_number() over poorest as place, (bound + sum(running) over poorest) / row_number() over poorest as level,
        4 * bound / count(*) over (partition by queue_key, priority) as share
    from waiting
    window poorest as (partition by queue_key, priority order by running, id)),
level as materialized (
    select queue_key, priority, ceil(min(level)) as level from filled group by queue_key, priority),
looked_at as materialized (
    select f.queue_key, f.priority, f.submitter, f.running,
        least(bound, greatest(l.level - f.running, f.share, 1))::bigint as most
    from filled f join level l using (queue_key, priority)
    where f.place <= bound),
candidates as materialized (
    select s.queue_key, s.priority, s.running + s.most as last_load, c.id,
        s.running + row_number() over each as load, count(*) over each = s.most as maybe_more
    from looked_at s cross join lateral (
        select j.id from oddish.jobs j
        where j.queue_key = s.queue_key and j.state = 'ready' and j.priority = s.priority and j.submitter = s.submitter
        order by j.id limit s.most) c
    window each as (partition by s.queue_key, s.priority, s.submitter order by c.id
        rows between unbounded preceding and unbounded following)),
cuts as materialized (
    select queue_key, priority, min(last_load) as cut from candidates where maybe_more group by queue_key, priority),
placed as materialized (
    select c.queue_key, c.id, row_number() over (partition by c.queue_key order by c.priority, c.load, c.id) as place
    from candidates c
    where not exists (select from cuts x where x.queue_key = c.queue_key and x.priority = c.priority and x.cut < c.load)
        and not exists (select from cuts x where x.queue_key = c.queue_key and x.priority < c.priority))
select queue_key, id, place from placed where place <= bound;
end
$$;


-- The dispatcher -------------------------------------------------------------------------------------------------------------------------

-- When each dispatcher was last seen, to answer the question why nothing starts.
create table oddish.dispatchers (
    id text primary key,
    seen_at timestamptz not null
);

-- One row: since when a dispatcher that does not run all the time has been called and has not come. While it is set, a further call is
-- superfluous.
create table oddish.dispatcher_call (
    id boolean primary key default true check (id),
    asked_at timestamptz
);
insert into oddish.dispatcher_call (id) values (true);

-- Tasks of a container service that attempts run in, recorded at their start. Nothing here refers to the attempt or the trial: a task
-- outlives a deleted trial, and is stopped because of the deletion.
create table oddish.runner_tasks (
    -- Fencing token of the attempt: one task for each.
    token uuid primary key,
    trial_id text not null,
    attempt integer not null check (attempt >= 1),
    task_arn text not null unique,
    capacity text not null check (capacity in ('spot', 'on_demand', 'provider')),
    memory_mb integer not null check (memory_mb > 0),
    launched_at timestamptz not null,
    -- When the service was asked to stop the task.
    stop_asked_at timestamptz,
    stopped_at timestamptz,
    -- The service's own words for the end. They are for people, except that `SpotInterruption` is counted.
    stop_code text,
    stop_reason text,
    -- Only a stopped task has a code.
    constraint runner_tasks_stopped_with_code check (stopped_at is not null or stop_code is null)
);
create index runner_tasks_live on oddish.runner_tasks (launched_at) where stopped_at is null;
create index runner_tasks_of_trial on oddish.runner_tasks (trial_id);
create index runner_tasks_stopped on oddish.runner_tasks (stopped_at) where stopped_at is not null;


-- API ------------------------------------------------------------------------------------------------------------------------------------

-- Keys of the API. A key is shown once, at its creation; only its SHA-256 is stored, which cannot be turned back into the key.
create table oddish.api_keys (
    id text primary key check (id ~ '^[0-9a-f]{8}$'),
    name text not null check (char_length(name) between 1 and 255),
    -- Who the key belongs to. Fairness counts jobs that were submitted with it against this owner.
    owner text not null check (char_length(owner) between 1 and 255),
    scope text not null check (scope in ('read', 'tasks', 'full')),
    -- The key's first characters, by which people recognise it.
    prefix text not null,
    sha256 text not null unique check (sha256 ~ '^[0-9a-f]{64}$'),
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);

-- Answers to requests with an idempotency key: a repeated request gets the same answer and does nothing.
create table oddish.idempotency_keys (
    operation text not null,
    idempotency_key text not null check (char_length(idempotency_key) between 1 and 255),
    -- SHA-256 over what the request asks for. The same key with another body is refused.
    body_sha256 text not null check (body_sha256 ~ '^[0-9a-f]{64}$'),
    answer jsonb not null,
    created_at timestamptz not null,
    primary key (operation, idempotency_key)
);
create index idempotency_keys_by_age on oddish.idempotency_keys (created_at);


-- Tallies --------------------------------------------------------------------------------------------------------------------------------

-- Counts and sums over the trials of a task that are alike in the first seven columns, so that a list, an experiment or the dashboard
-- need not read all trials. A writer holds the lock on the row of the task, and writes in the transaction that changes what is counted.
create table oddish.trial_tallies (
    task_id text not null references oddish.tasks (id) on delete cascade,
    task_version integer not null,
    experiment_id text not null references oddish.experiments (id) on delete cascade,
    queue_key text not null,
    provider text not null,
    agent text not null,
    model text,
    total bigint not null,
    succeeded bigint not null default 0,
    failed bigint not null default 0,
    -- Trials with a reward, those with a reward of exactly 1, and the sum of the rewards.
    rewarded bigint not null default 0,
    reward_ones bigint not null default 0,
    reward_sum double precision not null default 0,
    input_tokens bigint not null default 0,
    cache_tokens bigint not null default 0,
    output_tokens bigint not null default 0,
    cost_usd double precision not null default 0,
    -- Trials that began and ended, and the sum of their durations.
    timed bigint not null default 0,
    duration_sec double precision not null default 0,
    -- When the newest of them was created or ended.
    newest_at timestamptz not null,
    -- One row for each combination; trials without a model are alike too.
    constraint trial_tallies_one_of_a_kind
        unique nulls not distinct (task_id, task_version, experiment_id, queue_key, provider, agent, model),
    -- No more trials have ended than exist.
    constraint trial_tallies_add_up check (succeeded >= 0 and failed >= 0 and succeeded + failed <= total)
) with (fillfactor = 80);
create index trial_tallies_by_experiment on oddish.trial_tallies (experiment_id);


-- Deletion -------------------------------------------------------------------------------------------------------------------------------

-- Prefixes in the artifact store whose rows were deleted. A deletion writes them in its own transaction, and they go once the store has
-- removed the objects below them, so that a failure or a crash in between leaves no objects behind.
create table oddish.prefixes_to_delete (
    prefix text primary key check (prefix ~ '^.+/$'),
    -- Until when a runner that has not noticed the deletion, or a client with a signed URL, may still write there. Only a removal that
    -- begins after this is the last.
    written_until timestamptz not null,
    -- When the dispatcher removes the objects, unless it has been done by then.
    due_at timestamptz not null
);
create index prefixes_to_delete_due on oddish.prefixes_to_delete (due_at);
