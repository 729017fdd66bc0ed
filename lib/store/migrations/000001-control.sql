-- Up Migration
-- The control plane's whole memory: who may write, what was planned, held, done and made. No plaintext key.

create table leases (
  name text primary key,
  token bigint not null,                 -- fencing token: grows by one with every holder
  holder text not null,
  expires_at timestamptz not null        -- PostgreSQL's clock decides
);

create table runs (
  run_id uuid primary key,
  lease_token bigint not null,
  trigger text not null,
  status text not null check (status in ('running', 'succeeded', 'partial', 'failed')),
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  plan_digest text,
  summary jsonb,
  error_code text,
  error_message text
);
create index runs_started_at on runs (started_at desc);

create table plans (
  digest text primary key,
  plan jsonb not null,
  created_at timestamptz not null default clock_timestamp()
);

create table quarantines (
  quarantine_id text primary key,        -- digest of what is held
  status text not null check (status in ('waiting', 'lapsed')),
  plan_digest text not null references plans (digest),
  scope text not null,                   -- a group id, or 'overall'
  reasons jsonb not null,
  actions jsonb not null,
  first_run_id uuid not null references runs (run_id),
  last_run_id uuid not null references runs (run_id),
  first_seen_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp()
);

-- Written before a removal is carried out, so that a killed run still counts against the limits of 24 hours.
create table removals (
  run_id uuid not null references runs (run_id),
  team_id uuid not null,
  user_id uuid not null,
  removed_at timestamptz not null default clock_timestamp(),
  primary key (run_id, team_id, user_id)
);
create index removals_removed_at on removals (removed_at);

-- Which memberships are ours. LiteLLM cannot mark a membership, and one that is not here was made by hand.
create table memberships (
  team_id uuid not null,
  user_id uuid not null,
  run_id uuid not null references runs (run_id),
  added_at timestamptz not null default clock_timestamp(),
  primary key (team_id, user_id)
);

create table keys (
  key_hash text primary key check (key_hash ~ '^[0-9a-f]{64}$'),
  user_id uuid not null,
  team_id uuid not null,
  alias text not null,
  generation integer not null check (generation > 0),
  status text not null check (status in ('escrowed', 'live', 'blocked', 'abandoned', 'deleted')),
  jwe text,                              -- the key, encrypted to the escrow key; null once shown
  held_by_hand boolean not null default false,   -- somebody else had blocked it before we did
  blocked_cause text,
  escrowed_at timestamptz not null default clock_timestamp(),
  live_at timestamptz,
  revealed_at timestamptz,
  blocked_at timestamptz,
  ended_at timestamptz,
  unique (user_id, team_id, generation),
  check (status <> 'escrowed' or jwe is not null),
  check ((status = 'blocked') = (blocked_at is not null))
);
-- At most one key a person and team that works or may work again.
create unique index keys_one_current on keys (user_id, team_id) where status in ('escrowed', 'live', 'blocked');

create table audit (
  seq bigint primary key check (seq > 0),
  recorded_at timestamptz(3) not null,
  run_id uuid,
  actor text not null,
  event text not null,
  team_id uuid,
  user_id uuid,
  key_hash text,
  cause text,
  details jsonb not null,
  previous_hash text not null,
  hash text not null unique
);
create index audit_user on audit (user_id, seq);
create index audit_team on audit (team_id, seq);

create function audit_is_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'audit rows are never changed or removed' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_append_only before update or delete or truncate on audit
  for each statement execute function audit_is_append_only();

-- Down Migration
drop table audit, keys, memberships, removals, quarantines, plans, runs, leases;
drop function audit_is_append_only;
