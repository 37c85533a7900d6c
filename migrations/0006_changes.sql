-- What changed since a reader last looked, and what each attempt used.

alter table oddish.trials
    -- The transaction that last wrote the row. A reader that keeps the snapshot of its last look (`pg_current_snapshot`) asks for the rows whose
    -- transaction that snapshot does not see. So it misses none that was open then, and no writer locks anything that others share.
    add column changed_in xid8 not null default pg_current_xact_id();

create function oddish.note_change() returns trigger language plpgsql as $$
begin
    new.changed_in := pg_current_xact_id();
    return new;
end
$$;
create trigger trials_note_changes before update on oddish.trials for each row execute function oddish.note_change();
create index trials_by_change on oddish.trials (experiment_id, changed_in, id);

-- What the runner of the attempt reports; null where it is not known. The trial's row has what its newest recorded attempt used.
alter table oddish.attempts
    add column input_tokens bigint check (input_tokens >= 0),
    add column cache_tokens bigint check (cache_tokens >= 0),
    add column output_tokens bigint check (output_tokens >= 0),
    add column cost_usd double precision;

update oddish.attempts a
set input_tokens = t.input_tokens, cache_tokens = t.cache_tokens, output_tokens = t.output_tokens, cost_usd = t.cost_usd
from oddish.trials t
where a.trial_id = t.id and a.kind = 'trial' and a.outcome = 'recorded' and t.status in ('success', 'failed')
    and a.number = (
        select max(number) from oddish.attempts b
        where b.trial_id = t.id and b.kind = 'trial' and b.outcome = 'recorded' and (b.begun_at is not null or b.ended_at is not null));
