-- Up Migration
-- What was made by hand in LiteLLM and taken over by `lcp adopt`: which LiteLLM id stands for which Entra id. Everywhere
-- else a team has its group's id and a user the person's.

create table adoptions (
  kind text not null check (kind in ('team', 'user')),
  entra_id uuid not null,
  gateway_id text not null,
  run_id uuid not null references runs (run_id),
  actor text not null,
  begun_at timestamptz not null default clock_timestamp(),
  adopted_at timestamptz,                -- null until LiteLLM carries our marker: until then nothing in it is touched
  primary key (kind, entra_id),
  unique (kind, gateway_id)
);

-- Down Migration
drop table adoptions;
