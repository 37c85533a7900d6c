-- Keys of the API. A key is shown once, when it is made; what is stored can't be turned back into it.
create table oddish.api_keys (
    id text primary key check (id ~ '^[0-9a-f]{8}$'),
    name text not null check (char_length(name) between 1 and 255),
    -- Whom it belongs to. What is submitted with it counts for them where several submitters' jobs wait for one key's slots.
    owner text not null check (char_length(owner) between 1 and 255),
    scope text not null check (scope in ('read', 'tasks', 'full')),
    -- Its first characters, by which a person recognises it.
    prefix text not null,
    sha256 text not null unique check (sha256 ~ '^[0-9a-f]{64}$'),
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);

-- Whose key submitted the task; without keys, jobs count for whom the submission names.
alter table oddish.tasks add column key_owner text;

-- A task is listed as soon as it has a submitter: registered by itself, it has no experiment before its first trials.
drop index oddish.tasks_by_age;
create index tasks_by_age on oddish.tasks (created_at desc, id desc) where submitted_by is not null;
create index tasks_by_submitter on oddish.tasks (submitted_by, created_at desc, id desc) where submitted_by is not null;
create index tasks_unfinished on oddish.tasks (status, created_at desc, id desc) where status not in ('pending', 'completed');

-- Whoever has the token of a shared experiment can read its trials. Taking the experiment back ends the token: sharing again makes a new one.
alter table oddish.experiments
    add column public_token text unique check (public_token ~ '^[A-Za-z0-9_-]{43}$'),
    add constraint experiments_shared_by_token check (is_public = (public_token is not null));
create index tasks_judged on oddish.tasks (experiment_id) where analysis_key is not null;
create index experiments_by_age on oddish.experiments (created_at desc, id desc);

-- The files of a version one after the other in one object, so that one is read by its range, and what is where in it.
alter table oddish.task_versions add column files_key text;
create table oddish.task_files (
    task_id text not null,
    version integer not null,
    -- Compared as bytes, as the store lists keys.
    path text collate "C" not null check (octet_length(path) between 1 and 1024),
    start bigint not null check (start >= 0),
    size bigint not null check (size >= 0),
    primary key (task_id, version, path),
    foreign key (task_id, version) references oddish.task_versions (task_id, version) on delete cascade
);

-- Trials that ran elsewhere and whose results were brought here.
alter table oddish.trials
    add column origin text not null default 'oddish' check (origin in ('oddish', 'imported')),
    -- What they are called where they ran: brought twice, a trial is there once.
    add column external_trial_id text check (char_length(external_trial_id) between 1 and 255),
    add constraint trials_called_elsewhere_ran_there check (external_trial_id is null or origin = 'imported');
create unique index trials_by_external_id on oddish.trials (task_id, external_trial_id) where external_trial_id is not null;
create index trials_by_age on oddish.trials (created_at desc, id desc);
drop index oddish.trials_by_experiment;
create index trials_by_experiment on oddish.trials (experiment_id, created_at desc, id desc);

-- Archives of imported trials that were announced and are not completed.
create table oddish.trial_imports (
    trial_id text primary key references oddish.trials (id) on delete cascade,
    staging_key text not null unique,
    created_at timestamptz not null
);

-- Counts and sums over the trials of a task that are alike, so that reading a task, an experiment or the whole does not read all trials.
-- They are written only while the row of their task is locked, with the change that they count.
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
    -- Trials that began and ended, and how long those took together.
    timed bigint not null default 0,
    duration_sec double precision not null default 0,
    -- When the newest of them was created or ended.
    newest_at timestamptz not null,
    constraint trial_tallies_one_of_a_kind
        unique nulls not distinct (task_id, task_version, experiment_id, queue_key, provider, agent, model),
    constraint trial_tallies_add_up check (succeeded >= 0 and failed >= 0 and succeeded + failed <= total)
) with (fillfactor = 80);
create index trial_tallies_by_experiment on oddish.trial_tallies (experiment_id);
insert into oddish.trial_tallies
select task_id, task_version, experiment_id, queue_key, provider, agent, model, count(*),
    count(*) filter (where status = 'success'), count(*) filter (where status = 'failed'), count(reward), count(*) filter (where reward = 1), coalesce(sum(reward), 0),
    coalesce(sum(input_tokens), 0), coalesce(sum(cache_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cost_usd), 0),
    count(finished_at - started_at), coalesce(sum(extract(epoch from finished_at - started_at)), 0),
    greatest(max(created_at), max(finished_at))
from oddish.trials group by task_id, task_version, experiment_id, queue_key, provider, agent, model;

-- What went wrong is looked for by its class; trials without an error are not in this index, so that recording them costs nothing here.
create index trials_by_error on oddish.trials (error_class, created_at desc, id desc) where error_class is not null;
create index trials_analysed on oddish.trials (analysis_status) where analysis_status is not null;
