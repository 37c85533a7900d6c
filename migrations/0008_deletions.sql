-- Prefixes in the store of what was deleted. They are written with the deletion and go when the store has removed what is under them, so
-- that nothing is left behind where that failed, or where whoever was about to do it died.
create table oddish.prefixes_to_delete (
    prefix text primary key check (prefix ~ '^.+/$'),
    -- Until when somebody may still write there: a runner that has not noticed yet, a client with a signed URL. Only a removal that begins
    -- after that is the last one.
    written_until timestamptz not null,
    -- When the dispatcher removes what is there, if it is not done by then.
    due_at timestamptz not null
);
create index prefixes_to_delete_due on oddish.prefixes_to_delete (due_at);
