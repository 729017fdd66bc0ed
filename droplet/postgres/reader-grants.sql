-- What litellm_reader may see of LiteLLM: who is in which team with which limits (lib/gateway/state-from-database.ts),
-- and what was spent. Run after each of LiteLLM's migrations, in the database litellm; a repeat changes nothing. A table
-- that this version of LiteLLM lacks is left out, and what is not named here stays closed.

select format('grant select on public.%I to litellm_reader', relname)
from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r'
  and relname in ('LiteLLM_TeamTable', 'LiteLLM_UserTable', 'LiteLLM_VerificationToken', 'LiteLLM_BudgetTable',
                  'LiteLLM_TeamMembership', 'LiteLLM_DailyUserSpend', 'LiteLLM_DailyTeamSpend')
\gexec

-- Single requests without what was asked and answered, and without the address of who asked.
select format('grant select (%s) on public.%I to litellm_reader', string_agg(quote_ident(column_name), ', '), table_name)
from information_schema.columns
where table_schema = 'public' and table_name = 'LiteLLM_SpendLogs'
  and column_name in ('request_id', 'call_type', 'api_key', 'spend', 'total_tokens', 'prompt_tokens',
                      'completion_tokens', 'startTime', 'endTime', 'model', 'model_group', 'custom_llm_provider', 'user',
                      'team_id', 'status', 'cache_hit')
group by table_name
\gexec
