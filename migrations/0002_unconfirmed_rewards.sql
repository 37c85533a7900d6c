-- The scalar reward of a trial that failed with an exception beside which no reward counts. It is kept to be looked at, and is in no sum.
alter table oddish.trials
    add column unconfirmed_reward double precision,
    add constraint trials_unconfirmed_beside_none check (unconfirmed_reward is null or (status = 'failed' and reward is null));

-- Trials that failed with such a reward.
alter table oddish.trial_tallies add column unconfirmed bigint not null default 0;
