-- Who is served next: high before low priority, then the submitter with the least running in the key, then age, which is the id.
alter table oddish.jobs
    add column submitter text,
    -- Until when a claimed job's runner must have begun.
    add column begin_by timestamptz,
    -- Until when a begun job's runner is taken to be alive; it renews this. Not indexed, so that renewing stays on the row's page.
    add column lease_until timestamptz,
    -- Since when the lease is known to have run out. Only after a while more the runner counts as dead: the database may have been away.
    add column suspect_since timestamptz;
update oddish.jobs j set submitter = coalesce(k.submitted_by, '')
    from oddish.trials t join oddish.tasks k on k.id = t.task_id where t.id = j.trial_id;
update oddish.jobs set begin_by = now() where state = 'claimed';
update oddish.jobs set lease_until = now() + interval '5 minutes' where state = 'begun';
alter table oddish.jobs alter column submitter set not null;

-- A job that waits for its time is not ready, so that claims find nothing but ready ones in their index.
alter table oddish.jobs rename column available_at to due_at;
alter table oddish.jobs drop constraint jobs_state_check, drop constraint jobs_check, drop constraint jobs_check1;
alter table oddish.jobs
    add constraint jobs_state_check check (state in ('waiting', 'ready', 'claimed', 'begun')),
    add constraint jobs_claimed_with_token check ((state in ('waiting', 'ready')) = (token is null)),
    add constraint jobs_claimed_with_slot check ((state in ('waiting', 'ready')) = (slot is null)),
    add constraint jobs_claimed_with_deadline check ((state = 'claimed') = (begin_by is not null)),
    add constraint jobs_begun_with_lease check ((state = 'begun') = (lease_until is not null)),
    add constraint jobs_suspect_when_begun check (suspect_since is null or state = 'begun');
drop index oddish.jobs_ready;
create index jobs_ready on oddish.jobs (queue_key, priority, submitter, id) where state = 'ready';
create index jobs_waiting on oddish.jobs (due_at) where state = 'waiting';
create index jobs_waiting_of_key on oddish.jobs (queue_key) where state = 'waiting';
create index jobs_live on oddish.jobs (queue_key, submitter) where state in ('claimed', 'begun');
-- Every claim and every end leaves a dead row here; a fixed threshold keeps the indexes small however large the backlog is.
alter table oddish.jobs set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- A key that is paused claims nothing. Paused by its circuit breaker, it claims one trial, the probe, when that is due.
alter table oddish.queue_keys
    add column paused_at timestamptz,
    add column paused_by text check (paused_by in ('user', 'breaker')),
    add column pause_reason text,
    -- Refusals of the account in a row, while it is not paused.
    add column refusals integer not null default 0 check (refusals >= 0),
    add column refused_probes integer not null default 0 check (refused_probes >= 0),
    add column probe_at timestamptz,
    -- The attempt that is the probe.
    add column probe_token uuid,
    add constraint queue_keys_paused_by_someone check ((paused_at is null) = (paused_by is null)),
    add constraint queue_keys_probed_by_breaker check ((probe_at is not null) = (paused_by is not distinct from 'breaker'));

alter table oddish.trials
    -- When somebody asked for its end. What becomes of the trial is decided by this and never guessed.
    add column cancel_requested_at timestamptz,
    add column error_class text,
    -- Number of the newest attempt when a user last had the trial run again: earlier ones no longer count against its budgets.
    add column retried_after integer not null default 0 check (retried_after >= 0);

-- When somebody asked for the end of the whole task, which then has failed and not completed.
alter table oddish.tasks add column cancel_requested_at timestamptz;

alter table oddish.attempts add column error_class text;
alter table oddish.attempts drop constraint attempts_outcome_check;
alter table oddish.attempts add constraint attempts_outcome_check
    check (outcome in ('recorded', 'lost', 'interrupted', 'launch_failed', 'given_back', 'cancelled'));

-- Which dispatchers were seen when, for whoever wonders why nothing starts.
create table oddish.dispatchers (
    id text primary key,
    seen_at timestamptz not null
);

-- What a request with an idempotency key was answered, so that its repetition gets the same answer and does nothing.
create table oddish.idempotency_keys (
    operation text not null,
    idempotency_key text not null check (char_length(idempotency_key) between 1 and 255),
    body_sha256 text not null check (body_sha256 ~ '^[0-9a-f]{64}$'),
    answer jsonb not null,
    created_at timestamptz not null,
    primary key (operation, idempotency_key)
);
create index idempotency_keys_by_age on oddish.idempotency_keys (created_at);

-- Claims up to `most_wanted` jobs for all keys at once, and gives each a free slot of its key, an attempt and a fencing token.
--
-- Free slot rows are locked first, skipping those that another claim is about to take; what another claim took meanwhile is seen as
-- taken, since locking reads the row afresh. So a slot is given once, whoever calls this at the same time. Everything after that is about
-- who gets it, and only as exact as a snapshot can be: high before low priority, then the submitter with the least running in the
-- key, then age.
--
-- `heads` finds each waiting submitter's oldest job by skipping through the index. `level` is what the submitters' running jobs would
-- rise to if the free slots were filled from the least loaded up, each having jobs enough: it bounds how many jobs of each are looked at.
-- Where one has fewer, slots stay free, and the caller asks again. A job that another transaction holds, such as a cancellation, is
-- passed over.
--
-- A function, because its two settings must hold for it wherever it is called, also through a proxy that shares connections: compiling
-- the plan would take longer than the claim, and fresh tables without statistics would be read from end to end.
create function oddish.claim_jobs(most_wanted bigint, at timestamptz)
returns table (trial_id text, number integer, token uuid, queue_key text)
language plpgsql volatile set jit = off set enable_seqscan = off
as $$
#variable_conflict use_column
begin
-- Retries whose time has come first become ready.
update oddish.jobs set state = 'ready'
where id in (select id from oddish.jobs where state = 'waiting' and due_at <= at order by due_at limit 10000 for update skip locked);
return query
with recursive open_keys as materialized (
    select k.queue_key, k.paused_at is not null as probed, least(most_wanted, 1 + 2 * most_wanted / count(*) over ()) as most
    from oddish.queue_keys k
    where (k.paused_at is null or (k.probe_at <= at and k.probe_token is null))
        and exists (select from oddish.jobs j where j.queue_key = k.queue_key and j.state = 'ready')
        and not exists (select from oddish.slots r where r.queue_key = k.queue_key and r.retiring)),
held as materialized (
    select s.queue_key, s.slot
    from open_keys k
    cross join lateral (
        select s.queue_key, s.slot from oddish.slots s
        where s.queue_key = k.queue_key and s.job_id is null
            -- One probe, whoever else is looking: of a paused key everybody goes for the same slot.
            and (not k.probed or s.slot = (
                select min(f.slot) from oddish.slots f where f.queue_key = k.queue_key and f.job_id is null))
        order by s.slot limit k.most for update skip locked) s),
free as materialized (
    select queue_key, slot, row_number() over (partition by queue_key order by slot) as turn from held),
room as materialized (select queue_key, count(*) as slots from free group by queue_key),
heads as (
    select r.queue_key, r.slots, j.priority, j.submitter, j.id
    from room r cross join lateral (
        select j.priority, j.submitter, j.id from oddish.jobs j
        where j.queue_key = r.queue_key and j.state = 'ready'
        order by j.priority, j.submitter, j.id limit 1) j
    union all
    select h.queue_key, h.slots, j.priority, j.submitter, j.id
    from heads h cross join lateral (
        select j.priority, j.submitter, j.id from oddish.jobs j
        where j.queue_key = h.queue_key and j.state = 'ready' and (j.priority, j.submitter) > (h.priority, h.submitter)
        order by j.priority, j.submitter, j.id limit 1) j),
running as materialized (
    select queue_key, submitter, count(*) as running from oddish.jobs
    where state in ('claimed', 'begun') and queue_key in (select queue_key from room)
    group by queue_key, submitter),
waiting as materialized (
    select h.*, coalesce(r.running, 0) as running
    from heads h left join running r using (queue_key, submitter)),
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
-- High jobs that `level` leaves out go before low ones all the same: the next call takes them.
left_out as materialized (
    select b.queue_key, greatest(ready.jobs - coalesce(c.jobs, 0), 0) as jobs
    from (select queue_key, slots from filled group by queue_key, slots having min(priority) < max(priority)) b
    cross join lateral (
        select count(*) as jobs from (
            select from oddish.jobs j
            where j.queue_key = b.queue_key and j.state = 'ready' and j.priority = 0 limit b.slots) high) ready
    left join (select queue_key, count(*) as jobs from candidates where priority = 0 group by queue_key) c using (queue_key)),
placed as materialized (
    select c.*, row_number() over (partition by c.queue_key order by c.priority, c.load, c.id)
        + case c.priority when 0 then 0 else coalesce(l.jobs, 0) end as place
    from candidates c left join left_out l using (queue_key)),
picked as materialized (
    select id, queue_key from placed where place <= slots order by priority, place, id limit most_wanted),
paired as materialized (
    select p.id, f.queue_key, f.slot, gen_random_uuid() as token
    from (select *, row_number() over (partition by queue_key order by id) as turn from picked) p
    join free f using (queue_key, turn)),
taken as (
    update oddish.slots s set job_id = p.id from paired p where s.queue_key = p.queue_key and s.slot = p.slot),
claimed as (
    update oddish.jobs j
    set state = 'claimed', slot = p.slot, token = p.token, attempt = j.attempt + 1, begin_by = at + interval '60 seconds'
    from paired p where j.id = p.id and j.state = 'ready'
    returning j.trial_id, j.attempt, j.token, j.queue_key, j.slot),
probes as (
    update oddish.queue_keys k set probe_token = c.token from claimed c
    where k.queue_key = c.queue_key and k.paused_at is not null)
insert into oddish.attempts (trial_id, number, token, queue_key, slot, claimed_at)
select trial_id, attempt, token, queue_key, slot, at from claimed
returning trial_id, number, token, queue_key;
end
$$;

-- The places of the jobs that are ready, in the order in which they would be claimed if nothing changed: up to `bound` for each of the
-- keys. Places are exact as far as they go, and their cost does not grow with the backlog.
--
-- Of each submitter as many jobs are looked at as `level` asks for (`oddish.claim_jobs` says what that is), and more where submitters are
-- few. `cut` is the load up to which all jobs have been looked at; behind it, and in the low class while there is one in the high
-- class, others might come first.
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
    where state in ('claimed', 'begun') and queue_key = any (keys)
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
