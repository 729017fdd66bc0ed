// Puts a synced company straight into the tables: LiteLLM's and ours as a sync of that company would have left them,
// in seconds instead of the minutes that 10,000 keys take over LiteLLM's API. A wrong row shows as a planned action.

import { randomUUID } from 'node:crypto';
import { hashKey } from '../../lib/ids.ts';
import { markedMetadata } from '../../lib/sync/marker.ts';
import type { TenantSeed } from '../world/tenant/state.ts';
import { benchPolicy } from './policy.ts';
import { runSql } from './servers.ts';

type Row = Readonly<Record<string, unknown>>;

// Columns that are left out have LiteLLM's own defaults.
const LITELLM_TABLES = {
  '"LiteLLM_TeamTable"':
    'team_id text, team_alias text, models text[], max_budget float8, budget_duration text, metadata jsonb, members_with_roles jsonb',
  '"LiteLLM_UserTable"':
    'user_id text, sso_user_id text, user_email text, user_alias text, user_role text, teams text[], models text[], metadata jsonb',
  '"LiteLLM_VerificationToken"':
    'token text, key_alias text, user_id text, team_id text, models text[], metadata jsonb',
} as const;

const CONTROL_TABLES = {
  runs: 'run_id uuid, lease_token bigint, trigger text, status text',
  memberships: 'team_id uuid, user_id uuid, run_id uuid',
  keys: 'key_hash text, user_id uuid, team_id uuid, alias text, generation integer, status text',
} as const;

/** Replaces what is in LiteLLM's three tables; the control database must be empty. Groups of `seed` are flat. */
export async function insertSyncedState(
  { groups, users }: TenantSeed,
  urls: { readonly litellm: string; readonly control: string },
): Promise<void> {
  const policy = benchPolicy(groups.map((group) => group.id));
  const runId = randomUUID();
  const people = groups.flatMap((group) =>
    group.memberIds.map((userId) => {
      const keyHash = hashKey(`${userId}/${group.id}`);
      return {
        userId,
        teamId: group.id,
        keyHash,
        alias: `lcp/${userId}/${group.id}/g1/${keyHash.slice(0, 8)}`,
      };
    }),
  );
  const teamOf = new Map(people.map(({ userId, teamId }) => [userId, teamId]));
  await runSql(urls.litellm, `truncate ${Object.keys(LITELLM_TABLES).join(', ')} cascade`);
  await insertAll(urls.litellm, LITELLM_TABLES, {
    '"LiteLLM_TeamTable"': policy.groups.map(
      ({ entra_group, team, models, max_budget, budget_duration }) => ({
        team_id: entra_group,
        team_alias: team,
        models,
        max_budget,
        budget_duration,
        metadata: markedMetadata(),
        members_with_roles: [
          { user_id: 'default_user_id', role: 'admin' },
          ...people
            .filter((person) => person.teamId === entra_group)
            .map((person) => ({ user_id: person.userId, role: 'user' })),
        ],
      }),
    ),
    '"LiteLLM_UserTable"': users.map((user) => ({
      user_id: user.id,
      sso_user_id: user.id,
      user_email: user.mail,
      user_alias: user.displayName,
      user_role: 'internal_user',
      teams: [teamOf.get(user.id)],
      models: [],
      metadata: markedMetadata(),
    })),
    '"LiteLLM_VerificationToken"': people.map(({ userId, teamId, keyHash, alias }) => ({
      token: keyHash,
      key_alias: alias,
      user_id: userId,
      team_id: teamId,
      models: [],
      metadata: markedMetadata({ generation: 1 }),
    })),
  });
  await insertAll(urls.control, CONTROL_TABLES, {
    runs: [{ run_id: runId, lease_token: 0, trigger: 'bench', status: 'succeeded' }],
    memberships: people.map(({ userId, teamId }) => ({ team_id: teamId, user_id: userId, run_id: runId })),
    keys: people.map(({ userId, teamId, keyHash, alias }) => ({
      key_hash: keyHash,
      user_id: userId,
      team_id: teamId,
      alias,
      generation: 1,
      status: 'live',
    })),
  });
}

/** The tables in the order given, because of the keys between them; then PostgreSQL counts what is there. */
async function insertAll<Table extends string>(
  url: string,
  columns: Readonly<Record<Table, string>>,
  rows: Readonly<Record<Table, readonly Row[]>>,
): Promise<void> {
  for (const table of Object.keys(columns) as Table[]) {
    const names = columns[table].replaceAll(/ (text\[\]|[a-z0-9]+)(?=,|$)/g, '');
    await runSql(
      url,
      `insert into ${table} (${names}) select ${names} from jsonb_to_recordset($1::jsonb) as r(${columns[table]})`,
      [JSON.stringify(rows[table])],
    );
    await runSql(url, `analyze ${table}`);
  }
}
