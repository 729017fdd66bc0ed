// Adoption keeps its promises on the real LiteLLM: what was made by hand works as before, row by row.

import pg from 'pg';
import { afterAll, beforeEach, inject } from 'vitest';
import { hashKey } from '../../lib/ids.ts';
import { Secret } from '../../lib/secret.ts';
import type { Database } from '../../lib/store/database.ts';
import { openControlDatabase } from '../store/database-fixture.ts';
import { describeAdoption } from '../sync/adopt/adopt.contract.ts';
import type { HandMadeCompany } from '../sync/adopt/hand-made.ts';
import { createDatabaseUrl } from './control-database.ts';
import { emptyLiteLLM } from './empty-litellm.ts';

const world = inject('world');
const litellm = { baseUrl: world.litellmBaseUrl, adminKey: new Secret(world.litellmAdminKey) };
const opened: Database[] = [];
const gatewayDatabase = new pg.Pool({ connectionString: world.litellmDatabaseUrl, max: 1 });

beforeEach(() => emptyLiteLLM(world.litellmDatabaseUrl));
afterAll(async () => {
  await Promise.all(opened.map((database) => database.close()));
  await gatewayDatabase.end();
});

async function createControlDatabase() {
  return openControlDatabase(await createDatabaseUrl(world.controlDatabaseUrl), opened);
}

/** Use moves these; the marker, mail, name and role are what adoption writes; joiners make the lists of members grow. */
const MOVING = ['updated_at', 'settings_updated_at', 'last_active', 'spend', 'total_spend', 'model_spend'];
const WRITTEN = ['user_alias', 'user_email', 'user_role', 'members', 'members_with_roles', 'teams'];

/** Every column of every hand-made row, budgets, limits, expiry and owner among them. */
async function readRows({ keys, teams, userIds }: HandMadeCompany): Promise<unknown> {
  const read = async (table: string, column: string, ids: readonly string[]) => {
    const { rows } = await gatewayDatabase.query<{ row: Record<string, unknown> }>(
      `select (to_jsonb(t) - $2::text[]) #- '{metadata,litellm_control_plane}' as row
       from "${table}" t where ${column} = any ($1) order by ${column}`,
      [ids, [...MOVING, ...WRITTEN]],
    );
    if (rows.length !== ids.length) throw new Error(`${ids.length} rows of ${table}, found ${rows.length}`);
    return rows.map(({ row }) => row);
  };
  return [
    await read('LiteLLM_VerificationToken', 'token', Object.values(keys).map(hashKey)),
    await read('LiteLLM_TeamTable', 'team_id', Object.values(teams)),
    await read('LiteLLM_UserTable', 'user_id', Object.values(userIds)),
  ];
}

describeAdoption('adoption on the real LiteLLM', () => ({ litellm, createControlDatabase }), readRows);
