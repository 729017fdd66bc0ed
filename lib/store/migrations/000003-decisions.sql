-- Up Migration
-- What people decided about held removals, what Teams is told, and what becomes of keys in time.

alter table quarantines drop constraint quarantines_status_check;
alter table quarantines
  add constraint quarantines_status_check check (status in ('waiting', 'approved', 'applying', 'applied', 'rejected', 'lapsed')),
  add column people_count integer not null default 0,
  -- New whenever it begins to wait: a link is good for one episode, however often the same removals are held.
  add column episode uuid not null default gen_random_uuid(),
  add column waiting_since timestamptz not null default clock_timestamp(),
  add column announced_at timestamptz,
  add column decided_at timestamptz,
  add column decided_by text,
  add column decision_expires_at timestamptz,
  add constraint quarantines_decision check (
    status not in ('approved', 'applying', 'applied', 'rejected')
    or (decided_at is not null and decided_by is not null and decision_expires_at is not null));

-- Removals that a person decided: approved ones while they are carried out, rejected ones while they stand.
create table decided_removals (
  team_id uuid not null,
  user_id uuid not null,
  decision text not null check (decision in ('approved', 'rejected')),
  quarantine_id text not null references quarantines (quarantine_id),
  expires_at timestamptz not null,
  primary key (team_id, user_id)
);

-- A person answered for it, so it leaves the next leavers their limits.
alter table removals add column is_approved boolean not null default false;

-- `retiring`: rotated, and still good until ends_at beside the key that follows it. A test key is good until ends_at.
alter table keys drop constraint keys_status_check;
alter table keys
  add constraint keys_status_check check (status in ('escrowed', 'live', 'retiring', 'blocked', 'abandoned', 'deleted', 'released')),
  add column kind text not null default 'member' check (kind in ('member', 'test')),
  add column ends_at timestamptz,
  add constraint keys_end check (ends_at is not null or (status <> 'retiring' and kind <> 'test'));
-- A leaver's keys of two generations are both kept blocked for a rejoin; only one works or is to.
drop index keys_one_current;
create unique index keys_one_current on keys (user_id, team_id) where status in ('escrowed', 'live') and kind = 'member';

-- What we last set, so that what differs from it was changed by hand; and proof that a team is ours, not of another
-- control plane on the same LiteLLM.
create table applied_settings (
  kind text not null check (kind in ('team', 'user')),
  id uuid not null,
  settings jsonb not null,
  applied_at timestamptz not null default clock_timestamp(),
  primary key (kind, id)
);

-- What was changed by hand and is not as it should be, as the last plan found it.
create table drift (
  item_key text primary key,
  item jsonb not null,
  first_seen_at timestamptz not null default clock_timestamp()
);

create table alerts (
  alert_id uuid primary key default gen_random_uuid(),
  dedupe_key text not null unique,       -- the same fact is told once
  kind text not null,
  facts jsonb not null,                  -- what the card is made of; no key, no name of a person
  created_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp(),
  delivered_at timestamptz,
  last_error text
);
create index alerts_due on alerts (next_attempt_at) where delivered_at is null;

-- Down Migration
drop table alerts, drift, applied_settings, decided_removals;
-- What the level below does not know becomes the nearest thing that gives nobody access for longer.
update keys set status = 'deleted', ended_at = coalesce(ended_at, clock_timestamp()) where status = 'released';
update keys k set status = 'abandoned', jwe = null, blocked_at = null, ended_at = clock_timestamp()
 where status = 'retiring' or kind = 'test' and status in ('escrowed', 'live', 'blocked')
    or status = 'blocked' and exists (
         select from keys o where o.user_id = k.user_id and o.team_id = k.team_id and o.generation > k.generation
           and o.kind = 'member' and o.status in ('escrowed', 'live', 'blocked'));
drop index keys_one_current;
alter table keys drop constraint keys_end, drop constraint keys_status_check, drop column kind, drop column ends_at;
alter table keys add constraint keys_status_check check (status in ('escrowed', 'live', 'blocked', 'abandoned', 'deleted'));
create unique index keys_one_current on keys (user_id, team_id) where status in ('escrowed', 'live', 'blocked');
alter table removals drop column is_approved;
update quarantines set status = 'lapsed' where status <> 'waiting';
alter table quarantines
  drop constraint quarantines_decision, drop constraint quarantines_status_check,
  drop column people_count, drop column episode, drop column waiting_since, drop column announced_at,
  drop column decided_at, drop column decided_by, drop column decision_expires_at;
alter table quarantines add constraint quarantines_status_check check (status in ('waiting', 'lapsed'));
