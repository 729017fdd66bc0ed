-- The roles and databases of the droplet, made or brought to this form; a repeat changes nothing but the passwords, to
-- what they are. Run by postgres/apply-roles as the superuser, which sets one psql variable `<role>_password` a role.
-- Each role may hold so many connections that all together fit max_connections: a flood at the open webhook leaves
-- the others theirs.

-- A password must not reach the server's log, whatever the server is set to log.
set log_statement = 'none';
set log_min_duration_statement = -1;
set log_min_error_statement = 'panic';

select format('create role %I', role)
from unnest(array['litellm', 'litellm_reader', 'control_plane', 'control_webhook', 'control_portal', 'control_agent',
                  'control_backup', 'droplet_agent']) as wanted (role)
where not exists (select from pg_roles where rolname = role)
\gexec

alter role litellm         login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 30 password :'litellm_password';
alter role litellm_reader  login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 10 password :'litellm_reader_password';
alter role control_plane   login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 15 password :'control_plane_password';
alter role control_webhook login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 20 password :'control_webhook_password';
alter role control_portal  login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 15 password :'control_portal_password';
alter role control_agent   login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 5  password :'control_agent_password';
alter role control_backup  login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 5  password :'control_backup_password';
alter role droplet_agent   login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 3  password :'droplet_agent_password';

-- Who asks from the internet must not hold the server up. LiteLLM and the owner keep PostgreSQL's defaults: a
-- migration may take long.
alter role litellm_reader  set statement_timeout = '30s';
alter role litellm_reader  set default_transaction_read_only = on;
alter role control_webhook set statement_timeout = '5s';
alter role control_portal  set statement_timeout = '15s';
alter role control_agent   set statement_timeout = '15s';
alter role droplet_agent   set statement_timeout = '60s';

select format('create database %I owner %I', database, owner)
from (values ('litellm', 'litellm'), ('control', 'control_plane')) as wanted (database, owner)
where not exists (select from pg_database where datname = database)
\gexec
alter database litellm owner to litellm;
alter database control owner to control_plane;

-- PostgreSQL lets everybody connect to every database; here each role has its own.
revoke all on database postgres, template1, litellm, control from public;
grant connect on database litellm to litellm_reader;
grant connect on database control to control_webhook, control_portal, control_agent, control_backup, droplet_agent;
