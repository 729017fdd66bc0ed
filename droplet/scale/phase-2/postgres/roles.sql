-- The roles and databases of Managed PostgreSQL, made or brought to this form by its administrator (doadmin), who may
-- make roles and databases and is no superuser: so this is not ../../postgres/roles.sql, which sets what only one may.
-- Run by ../../../postgres/apply-roles with ROLES_SQL naming this file, which sets one psql variable `<role>_password` a
-- role, and PSQL a psql that connects as doadmin. `litellm_connections` is 25 for two droplets, 80 for Kubernetes.
--
-- All limits together (49 and those of litellm) stay below what the plan allows: 25 connections a GB of memory less 3
-- that DigitalOcean keeps, so 97 with 4 GB and 197 with 8 GB.

\if :{?litellm_connections}
\else
  \set litellm_connections 25
\endif

select format('create role %I', role)
from unnest(array['litellm', 'litellm_reader', 'control_plane', 'control_webhook', 'control_portal', 'control_agent',
                  'control_backup', 'droplet_agent']) as wanted (role)
where not exists (select from pg_roles where rolname = role)
\gexec

alter role litellm         login nocreatedb nocreaterole connection limit :litellm_connections password :'litellm_password';
alter role litellm_reader  login nocreatedb nocreaterole connection limit 5  password :'litellm_reader_password';
alter role control_plane   login nocreatedb nocreaterole connection limit 10 password :'control_plane_password';
alter role control_webhook login nocreatedb nocreaterole connection limit 12 password :'control_webhook_password';
alter role control_portal  login nocreatedb nocreaterole connection limit 10 password :'control_portal_password';
alter role control_agent   login nocreatedb nocreaterole connection limit 4  password :'control_agent_password';
alter role control_backup  login nocreatedb nocreaterole connection limit 4  password :'control_backup_password';
-- One agent a droplet.
alter role droplet_agent   login nocreatedb nocreaterole connection limit 4  password :'droplet_agent_password';

alter role litellm_reader  set statement_timeout = '30s';
alter role litellm_reader  set default_transaction_read_only = on;
alter role control_webhook set statement_timeout = '5s';
alter role control_portal  set statement_timeout = '15s';
alter role control_agent   set statement_timeout = '15s';
alter role droplet_agent   set statement_timeout = '60s';

-- Since PostgreSQL 16 who makes a role may administer it, and needs this to give it a database.
grant litellm, control_plane to current_user;

select format('create database %I owner %I', database, owner)
from (values ('litellm', 'litellm'), ('control', 'control_plane')) as wanted (database, owner)
where not exists (select from pg_database where datname = database)
\gexec
alter database litellm owner to litellm;
alter database control owner to control_plane;

revoke all on database litellm, control from public;
grant connect on database litellm to litellm_reader;
grant connect on database control to control_webhook, control_portal, control_agent, control_backup, droplet_agent;
