-- Up Migration
-- What the droplet says of itself, and what it is asked to do. Both sides of this are strangers to the rest of the
-- database: the function that takes reports and the agent on the host may call the functions below and nothing else.

-- The newest report of each droplet, whole.
create table droplet_health (
  droplet_id text primary key check (droplet_id ~ '^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$'),
  taken_at timestamptz not null,         -- the droplet's clock
  received_at timestamptz not null default clock_timestamp(),
  report jsonb not null
);

-- The numbers of the last two days, one row a minute.
create table droplet_health_minutes (
  droplet_id text not null references droplet_health on delete cascade,
  minute timestamptz not null,
  containers_down int not null,
  restarts bigint not null,              -- of all containers together
  memory_percent real not null,
  swap_percent real not null,
  root_percent real,                     -- null: the disk could not be asked, or is not there
  data_percent real,
  load_1 real not null,
  primary key (droplet_id, minute)
);

-- Tokens that were taken, until they could not be taken anyway.
create table agent_tokens (
  jti uuid primary key,
  expires_at timestamptz not null
);
create index agent_tokens_by_expiry on agent_tokens (expires_at);

-- All that control/agent may do. Takes a report whose token was verified: the newest stays, a minute is counted once,
-- and what is older than two days goes. Answers stored, older (a later report is there), replayed, or full (an
-- eleventh droplet).
create function record_health(droplet text, jti uuid, expires_at timestamptz, taken_at timestamptz, report jsonb)
  returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Ten minutes more than the token allows: this clock and the function's may differ.
  delete from public.agent_tokens t where t.expires_at < clock_timestamp() - interval '10 minutes';
  insert into public.agent_tokens as t (jti, expires_at) values (record_health.jti, record_health.expires_at)
    on conflict on constraint agent_tokens_pkey do nothing;
  if not found then return 'replayed'; end if;
  if not exists (select from public.droplet_health h where h.droplet_id = droplet)
     and (select count(*) from public.droplet_health) >= 10 then return 'full'; end if;

  insert into public.droplet_health as h (droplet_id, taken_at, report)
    values (droplet, record_health.taken_at, record_health.report)
    on conflict (droplet_id) do update
      set taken_at = excluded.taken_at, report = excluded.report, received_at = clock_timestamp()
      where h.taken_at < excluded.taken_at;
  if not found then return 'older'; end if;
  insert into public.droplet_health_minutes
    select droplet, date_trunc('minute', clock_timestamp()),
           (select count(*) from jsonb_array_elements(record_health.report #> '{containers,list}') c
             where not (c ->> 'isWell')::boolean),
           (select coalesce(sum((c ->> 'restartCount')::bigint), 0)
              from jsonb_array_elements(record_health.report #> '{containers,list}') c),
           (record_health.report #>> '{memory,usedPercent}')::real,
           (record_health.report #>> '{swap,usedPercent}')::real,
           (record_health.report #>> '{disks,root,usedPercent}')::real,
           (record_health.report #>> '{disks,data,usedPercent}')::real,
           (record_health.report #>> '{load,oneMinute}')::real
    on conflict (droplet_id, minute) do nothing;
  delete from public.droplet_health_minutes m where m.minute < clock_timestamp() - interval '48 hours';
  return 'stored';
end $$;

-- Work for the agent, one at a time. A job that nobody finishes is claimed again, three times in all.
create table jobs (
  job_id uuid primary key default gen_random_uuid(),
  seq bigint generated always as identity,
  kind text not null check (kind ~ '^[a-z][a-z-]{0,30}$'),
  payload jsonb not null default '{}' check (pg_column_size(payload) < 65536),
  status text not null default 'queued' check (status in ('queued', 'claimed', 'done', 'failed')),
  attempt int not null default 0,        -- how often it was claimed
  created_at timestamptz not null default clock_timestamp(),
  claimed_at timestamptz,
  claim_token uuid,                      -- whoever lost the claim cannot write any more
  heartbeat_at timestamptz,
  ended_at timestamptz,
  result jsonb check (pg_column_size(result) < 65536),
  check ((status in ('done', 'failed')) = (ended_at is not null)),
  check (status <> 'claimed' or (claim_token is not null and heartbeat_at is not null))
);
create unique index one_claimed_job on jobs ((true)) where status = 'claimed';
create index queued_jobs on jobs (seq) where status = 'queued';

-- The oldest job waiting, or the one whose agent has been silent for a minute: at most one row, none while another
-- agent is at work.
create function claim_job() returns table (job_id uuid, kind text, payload jsonb, attempt int, claim_token uuid)
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtext('control_plane.claim_job'));
  update public.jobs j
     set status = case when j.attempt >= 3 then 'failed' else 'queued' end,
         ended_at = case when j.attempt >= 3 then clock_timestamp() end,
         result = case when j.attempt >= 3 then '{"code": "AGENT_LOST"}'::jsonb end
   where j.status = 'claimed' and j.heartbeat_at < clock_timestamp() - interval '60 seconds';
  if exists (select from public.jobs j where j.status = 'claimed') then return; end if;
  return query
    update public.jobs j
       set status = 'claimed', attempt = j.attempt + 1, claim_token = gen_random_uuid(),
           claimed_at = clock_timestamp(), heartbeat_at = clock_timestamp()
     where j.job_id = (select q.job_id from public.jobs q where q.status = 'queued'
                        order by q.seq limit 1 for update skip locked)
    returning j.job_id, j.kind, j.payload, j.attempt, j.claim_token;
end $$;

-- Says that the agent is at work on it; false when the claim is lost, after which it has to stop.
create function keep_job(job uuid, token uuid) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with kept as (update public.jobs j set heartbeat_at = clock_timestamp()
                 where j.job_id = job and j.claim_token = token and j.status = 'claimed' returning 1)
  select exists (select from kept)
$$;

-- Records the end, once; false when the claim is lost.
create function end_job(job uuid, token uuid, outcome text, result jsonb) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with ended as (update public.jobs j set status = outcome, result = end_job.result, ended_at = clock_timestamp()
                  where j.job_id = job and j.claim_token = token and j.status = 'claimed'
                    and outcome in ('done', 'failed') returning 1)
  select exists (select from ended)
$$;

-- PostgreSQL lets everybody call a new function; `lcp migrate` grants these to the two roles that need them.
revoke execute on function record_health, claim_job, keep_job, end_job from public;

-- Down Migration
drop function end_job, keep_job, claim_job, record_health;
drop table jobs, agent_tokens, droplet_health_minutes, droplet_health;
