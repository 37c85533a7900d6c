-- A job names the slot that it holds, and nothing else does. The unique index gives a slot to one job at most, the foreign key
-- lets it name only slots that exist, and there are as many as the key's limit: the schema itself refuses one job too many. A job that
-- goes, by whatever way, leaves its slot free.
alter table oddish.jobs drop constraint jobs_hold_their_slot;
alter table oddish.slots drop constraint slots_held_by_jobs, drop column job_id, drop column retiring;
alter table oddish.jobs
    add constraint jobs_hold_existing_slots foreign key (queue_key, slot) references oddish.slots (queue_key, slot);
create unique index jobs_hold_one_slot_each on oddish.jobs (queue_key, slot) where slot is not null;
drop index oddish.jobs_live;

-- What there is to do for a trial or a task. Of which kind a job is has nothing to do with its queue key: an analysis takes a slot of
-- its model like any trial of that model.
alter table oddish.jobs
    add column kind text not null default 'trial' check (kind in ('trial', 'analysis', 'verdict')),
    add column task_id text references oddish.tasks (id) on delete cascade,
    alter column trial_id drop not null,
    drop constraint jobs_trial_id_key,
    add constraint jobs_have_one_subject check ((trial_id is null) = (kind = 'verdict') and (task_id is null) <> (trial_id is null));
alter table oddish.jobs alter column kind drop default;
create unique index jobs_one_of_a_kind on oddish.jobs (trial_id, kind) where trial_id is not null;
create unique index jobs_one_verdict on oddish.jobs (task_id) where task_id is not null;

alter table oddish.attempts
    add column kind text not null default 'trial' check (kind in ('trial', 'analysis', 'verdict')),
    add column task_id text references oddish.tasks (id) on delete cascade,
    drop constraint attempts_pkey,
    drop constraint attempts_token_key,
    drop constraint attempts_trial_id_fkey,
    alter column trial_id drop not null,
    add primary key (token),
    add constraint attempts_have_one_subject
        check ((trial_id is null) = (kind = 'verdict') and (task_id is null) <> (trial_id is null));
alter table oddish.attempts alter column kind drop default;
-- A claim leaves the index over all of history alone, of which each of its attempts would touch another page: until it is begun or has
-- ended, an attempt is in the small one.
create unique index attempts_numbered on oddish.attempts (trial_id, kind, number)
    where trial_id is not null and (begun_at is not null or ended_at is not null);
create index attempts_not_begun on oddish.attempts (trial_id) where begun_at is null and ended_at is null;
create unique index attempts_of_verdicts_numbered on oddish.attempts (task_id, number) where task_id is not null;
-- That nothing is worked on under two claims is in `jobs`: one row, one token.
drop index oddish.attempts_one_open, oddish.attempts_open_on_host;
create index attempts_open_on_host on oddish.attempts (host) where ended_at is null and host is not null;

-- An attempt comes from a job, which belongs to a trial that exists. A foreign key would have every claim look up, lock and so write every
-- trial's row, however long the history is; attempts go with their trial all the same.
create function oddish.delete_attempts_of_trials() returns trigger language plpgsql as $$
begin
    delete from oddish.attempts where trial_id in (select id from gone) and (begun_at is not null or ended_at is not null);
    delete from oddish.attempts where trial_id in (select id from gone) and begun_at is null and ended_at is null;
    return null;
end
$$;
create trigger trials_take_their_attempts_along after delete on oddish.trials
    referencing old table as gone for each statement execute function oddish.delete_attempts_of_trials();

-- A fencing token: a UUID of version 7 (RFC 9562), 48 bits of milliseconds before 74 random ones. Tokens that grow with time go to the end
-- of their indexes; random ones would each touch, and after a checkpoint log, a page of their own in an index over all of history.
create function oddish.fencing_token(at timestamptz) returns uuid language sql volatile as $$
    select encode(set_bit(set_bit(
        overlay(uuid_send(gen_random_uuid()) placing substring(int8send((extract(epoch from at) * 1000)::bigint) from 3) from 1 for 6),
        52, 1), 53, 1), 'hex')::uuid
$$;

-- Claims up to `most_wanted` jobs for all keys at once, and gives each a free slot of its key, an attempt and a fencing token.
--
-- First the keys that have both room and work, those with high jobs before others and else at random, as many as can use what is
-- wanted. Their rows are locked; a key that another claim is planning is left to that one. Everything after that reads a snapshot that
-- is younger than the locks, so that two claims never plan for the same slots; that no slot is given twice does not rest on this, but on
-- the schema.
--
-- Then who gets the free slots of a key: high before low priority, then the submitter with the least running in the key, then age.
-- `heads` finds each waiting submitter's oldest job by skipping through the index. `level` is what the submitters' running jobs would
-- rise to if the free slots were filled from the least loaded up, each having jobs enough: it bounds how many jobs of each are looked at.
-- Where one has fewer, slots stay free, and the caller asks again; low jobs get only what all high ones together leave. A job that
-- another transaction holds, such as a cancellation, is passed over.
--
-- A function, because its two settings must hold for it wherever it is called, also through a proxy that shares connections: compiling
-- the plan would take longer than the claim, and fresh tables without statistics would be read from end to end.
drop function oddish.claim_jobs(bigint, timestamptz);
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

-- As before, but for who runs: whoever holds a slot.
create or replace function oddish.queue_places(keys text[], bound bigint)
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
