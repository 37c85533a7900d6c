-- Which secret the programs of this deployment share (`ODDISH_SECRET_KEY`), so that one that was started with another is told at once, and not
-- by the trials whose variables it cannot read. At most one row.
create table oddish.secret_fingerprint (
    id boolean primary key default true check (id),
    -- A keyed hash, from which nobody can work out the secret.
    fingerprint bytea not null check (octet_length(fingerprint) = 16),
    -- Where the program that came first has it from, for whoever looks for it.
    source text not null,
    set_at timestamptz not null
);
