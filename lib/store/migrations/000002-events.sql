-- Up Migration
-- What Microsoft told us to look at, whom we asked to tell us, and what Entra looked like when we last looked.

-- One row a resource, however often it is notified. Untrusted: a hint says where to look, never what to do.
create table hints (
  resource text primary key check (resource ~ '^(users|groups|subscriptions)/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
  seq bigint not null,                   -- grows with every notification; a hint is removed only as it was read
  user_ids uuid[] not null,              -- people whom a notification named as removed from the group
  received_at timestamptz not null default clock_timestamp()
);
create sequence hints_seq;

-- When sync was last woken for hints that nobody has claimed yet: a burst wakes it once.
create table hint_wakes (
  only_row boolean primary key default true check (only_row),
  woken_at timestamptz
);
insert into hint_wakes default values;

-- All that the webhook may do: its role owns nothing and is granted nothing, but everybody may call this.
-- `hints` is [{"resource": "groups/<id>", "userIds": ["<id>"]}]; answers whether sync is to be woken.
create function record_hints(hints jsonb) returns boolean
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- A flood of invented resources ends here. Sync is woken all the same, and finds every change without hints.
  if pg_relation_size('public.hints') < 16 * 1024 * 1024 then
    insert into public.hints as h (resource, seq, user_ids)
      select distinct on (n.resource) n.resource, nextval('public.hints_seq'), coalesce(n."userIds"[1:20], '{}')
        from jsonb_to_recordset(record_hints.hints) as n(resource text, "userIds" uuid[])
       order by n.resource             -- one order for all, so that two posts never wait for each other
       limit 1000                      -- with 20 people each: one call cannot pass the size by much, nor hide in TOAST
    on conflict (resource) do update set
      seq = excluded.seq,
      received_at = excluded.received_at,
      user_ids = (select coalesce(array_agg(id), '{}') from
        (select unnest(h.user_ids) as id union select unnest(excluded.user_ids) order by id limit 20) as named);
  end if;
  update public.hint_wakes set woken_at = clock_timestamp()
   where woken_at is null or woken_at < clock_timestamp() - interval '5 seconds';
  return found;
end $$;

create table subscriptions (
  subscription_id uuid primary key,
  resource text not null check (resource in ('groups', 'users')),
  notification_url text not null,
  client_state_digest text not null check (client_state_digest ~ '^[0-9a-f]{64}$'),
  expires_at timestamptz not null,       -- as Microsoft answered
  created_at timestamptz not null default clock_timestamp(),
  renewed_at timestamptz not null default clock_timestamp()
);
create table subscription_checks (
  only_row boolean primary key default true check (only_row),
  checked_at timestamptz,
  problem_code text,
  problem_message text
);
insert into subscription_checks default values;

-- Entra as of the delta links: direct members of every mapped group and of every group nested in one.
create table directory_groups (
  group_id uuid primary key,
  user_ids uuid[] not null,
  nested_group_ids uuid[] not null,
  is_stale boolean not null              -- it changed and could not be read since: nothing is concluded from it
);
create table directory_users (
  user_id uuid primary key,
  display_name text,
  mail text,
  user_principal_name text not null,
  account_enabled boolean not null,
  kind text not null check (kind in ('member', 'guest'))
);
create table directory_state (
  only_row boolean primary key default true check (only_row),
  groups_link text,
  users_link text,
  full_read_at timestamptz,
  settled jsonb,                         -- what the last empty plan was made from; null once there is something to do
  check ((groups_link is null) = (users_link is null) and (groups_link is null) = (full_read_at is null))
);
insert into directory_state default values;

-- Down Migration
drop function record_hints;
drop table directory_state, directory_users, directory_groups, subscription_checks, subscriptions, hint_wakes, hints;
drop sequence hints_seq;
