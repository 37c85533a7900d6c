-- Which trials have not all of the files in the store that would be kept.

alter table oddish.trials
    -- Whether files of the newest recorded attempt that would be kept are not below `artifact_prefix`: its outcome was recorded before they were
    -- stored, from the store or because the runner was told to stop, or the store failed. A runner that stores the rest later takes it back.
    add column files_incomplete boolean not null default false;
