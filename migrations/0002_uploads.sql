-- Uploads that were announced and are not completed. Announcing takes the number of the version, so that two uploads of one task at the
-- same time become two versions; one that is given up leaves a gap. Clients write to the staging key only, never to a version's own.
create table oddish.uploads (
    task_id text not null references oddish.tasks (id) on delete cascade,
    version integer not null check (version >= 1),
    content_hash text not null check (content_hash ~ '^[0-9a-f]{64}$'),
    message text,
    staging_key text not null unique,
    created_at timestamptz not null,
    primary key (task_id, version)
);

-- What the uploader says of a version.
alter table oddish.task_versions add column message text;

-- Uploads look for the newest task of a name.
create index tasks_by_name on oddish.tasks (name, created_at desc);
