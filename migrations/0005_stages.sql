-- A task whose trials are to be judged has the queue keys of the two models that do it: each trial is analysed when it has ended, and
-- when all have been, a verdict is made of the analyses.
alter table oddish.tasks
    add column analysis_key text references oddish.queue_keys (queue_key),
    add column verdict_key text references oddish.queue_keys (queue_key),
    add column verdict_status text check (verdict_status in ('queued', 'running', 'success', 'failed')),
    add column verdict jsonb check (jsonb_typeof(verdict) = 'object'),
    add column verdict_error text,
    add column verdict_started_at timestamptz,
    add column verdict_finished_at timestamptz,
    add constraint tasks_judged_by_both_or_neither check ((analysis_key is null) = (verdict_key is null)),
    add constraint tasks_await_a_verdict_that_comes
        check (status <> 'verdict_pending' or verdict_status in ('queued', 'running')),
    add constraint tasks_have_the_verdict_they_say check ((verdict_status is not distinct from 'success') = (verdict is not null)),
    add constraint tasks_ended_verdicts check ((verdict_finished_at is not null) = coalesce(verdict_status in ('success', 'failed'), false));

alter table oddish.trials
    add column analysis_status text check (analysis_status in ('queued', 'running', 'success', 'failed')),
    add column analysis jsonb check (jsonb_typeof(analysis) = 'object'),
    add column analysis_error text,
    add column analysis_started_at timestamptz,
    add column analysis_finished_at timestamptz,
    add constraint trials_analysed_after_their_end check (analysis_status is null or status in ('success', 'failed')),
    add constraint trials_have_the_analysis_they_say check ((analysis_status is not distinct from 'success') = (analysis is not null)),
    add constraint trials_ended_analyses
        check ((analysis_finished_at is not null) = coalesce(analysis_status in ('success', 'failed'), false));
create index trials_being_analysed on oddish.trials (task_id) where analysis_status in ('queued', 'running');
