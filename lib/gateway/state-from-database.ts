// Reads what LiteLLM has from its database, read only: one statement, so one instant and one round trip however
// many teams, users and keys there are. Never writes there: LiteLLM's caches would not know.

import * as z from 'zod';
import { ControlError, type ErrorCode, isControlError } from '../errors.ts';
import type { KeyHash } from '../ids.ts';
import { budgetRow, keyRow, teamRow, toGatewayKey, toGatewayTeam, toGatewayUser, userRow } from './rows.ts';
import type { GatewayKey, GatewayState } from './state.ts';

/** A pg pool or client. */
export type GatewayDatabase = {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
};

// Column names are those of the admin API, so one schema reads both. Timestamps there are without zone, in UTC.
// Sessions of LiteLLM's own pages have the team litellm-dashboard; /key/list leaves them out as well.
const TEAMS = `select t.team_id, t.team_alias, t.models, t.max_budget, t.budget_duration, t.tpm_limit, t.rpm_limit, t.blocked, t.metadata,
  t.members_with_roles, case when b.budget_id is not null then json_build_object('budget_id', b.budget_id, 'max_budget', b.max_budget,
    'budget_duration', b.budget_duration, 'tpm_limit', b.tpm_limit, 'rpm_limit', b.rpm_limit)::jsonb end as member_budget
  from "LiteLLM_TeamTable" t left join "LiteLLM_BudgetTable" b on b.budget_id = t.metadata->>'team_member_budget_id'`;
const USERS = `select user_id, sso_user_id, user_email, user_alias, user_role, metadata from "LiteLLM_UserTable"`;
const keysWith = (expires: string) =>
  `select token, key_alias, user_id, team_id, blocked, ${expires} as expires, metadata from "LiteLLM_VerificationToken"`;
const KEYS = keysWith(`to_char(expires, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);
const OF_PEOPLE = `team_id is distinct from 'litellm-dashboard'`;

// PostgreSQL's own hash of each row, 64 bits: no order, no text, a fifth of the time of md5 (measured at 10,000 keys).
// Against change, not against forgery: whoever may write these tables needs no collision.
const hashOf = (rows: string) =>
  `(select concat(count(*), ':', sum(hash_record_extended(r, 0))) from (${rows}) r)`;
const KEYS_HASH = hashOf(`${keysWith('expires')} where ${OF_PEOPLE}`);
const DIGEST_VALUE = `concat_ws('/', ${hashOf(TEAMS)}, ${hashOf(USERS)}, ${KEYS_HASH})`;

const STATE = `
select (select coalesce(json_agg(t), '[]') from (${TEAMS} order by team_id) t) as teams,
       (select coalesce(json_agg(u), '[]') from (${USERS} order by user_id) u) as users,
       (select coalesce(json_agg(k), '[]') from (${KEYS} where ${OF_PEOPLE} order by token) k) as keys,
       ${DIGEST_VALUE} as digest`;
// Nothing travels but a line: whether anything is other than it was, for the price of a scan.
const DIGEST = `select ${DIGEST_VALUE} as digest`;

const stateRows = z
  .tuple([
    z.object({
      teams: z.array(teamRow.extend({ member_budget: budgetRow.nullable() })),
      users: z.array(userRow),
      keys: z.array(keyRow),
      digest: z.string(),
    }),
  ])
  .transform(([row]) => row);

/** @throws ControlError GATEWAY_UNAVAILABLE, GATEWAY_DENIED, GATEWAY_ANSWER_INVALID; never a shorter list */
export async function readStateFromDatabase(
  database: GatewayDatabase,
  signal?: AbortSignal,
): Promise<GatewayState> {
  signal?.throwIfAborted();
  const { rows } = await database.query(STATE).catch((cause: unknown) => {
    throw toControlError(cause);
  });
  signal?.throwIfAborted();
  const parsed = stateRows.safeParse(rows);
  if (!parsed.success) throw unknownForm(parsed.error);
  const keys = parsed.data.keys.map(toGatewayKey).filter((key) => key !== undefined);
  return {
    teams: new Map(parsed.data.teams.map((row) => [row.team_id, toGatewayTeam(row, row.member_budget)])),
    users: new Map(parsed.data.users.map((row) => [row.user_id, toGatewayUser(row)])),
    keys: new Map(keys.map((key) => [key.keyHash, key])),
    digest: parsed.data.digest,
  };
}

const digestRows = z.tuple([z.object({ digest: z.string() })]).transform(([row]) => row.digest);

/** The digest of the state as `readStateFromDatabase` gives it, without the state. Throws the same. */
export async function readStateDigest(database: GatewayDatabase, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  const { rows } = await database.query(DIGEST).catch((cause: unknown) => {
    throw toControlError(cause);
  });
  signal?.throwIfAborted();
  return digestRows.parse(rows);
}

/** These keys alone; one that LiteLLM lacks is absent. Throws as `readStateFromDatabase` does. */
export async function readKeysFromDatabase(
  database: GatewayDatabase,
  keyHashes: readonly KeyHash[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<KeyHash, GatewayKey>> {
  signal?.throwIfAborted();
  const { rows } = await database
    .query(`${KEYS} where token = any ($1::text[])`, [keyHashes])
    .catch((cause: unknown) => {
      throw toControlError(cause);
    });
  const parsed = z.array(keyRow).safeParse(rows);
  if (!parsed.success) throw unknownForm(parsed.error);
  const keys = parsed.data.map(toGatewayKey).filter((key) => key !== undefined);
  return new Map(keys.map((key) => [key.keyHash, key]));
}

function unknownForm(error: z.ZodError): ControlError {
  const fields = error.issues.map((issue) => issue.path.join('.'));
  return new ControlError(
    'GATEWAY_ANSWER_INVALID',
    "A row in LiteLLM's database has a form this version does not know; check LiteLLM's version.",
    { details: { fields: fields.slice(0, 10) } },
  );
}

/** By SQLSTATE: class 28 and 42501 refuse us, other class 42 is another schema, the rest passes. */
function toControlError(cause: unknown): ControlError {
  const origin = isControlError(cause) ? cause.cause : cause;
  const sqlState = String((origin as { code?: unknown } | null)?.code ?? '');
  const details = { sqlState };
  if (sqlState.startsWith('28') || sqlState === '42501' || sqlState === '3D000') {
    return new ControlError(
      'GATEWAY_DENIED',
      "LiteLLM's database refused the read-only role; correct LITELLM_DATABASE_URL or its grants.",
      { details },
    );
  }
  const [code, retryable]: [ErrorCode, boolean] = sqlState.startsWith('42')
    ? ['GATEWAY_ANSWER_INVALID', false]
    : ['GATEWAY_UNAVAILABLE', true];
  return new ControlError(
    code,
    "LiteLLM's database could not be read; look at it and at LiteLLM's version.",
    {
      cause,
      retryable,
      details,
    },
  );
}
