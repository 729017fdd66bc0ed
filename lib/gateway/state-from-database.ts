// Reads what LiteLLM has from its database, read only: one statement, so one instant and one round trip however
// many teams, users and keys there are. Never writes there: LiteLLM's caches would not know.

import * as z from 'zod';
import { ControlError, type ErrorCode, isControlError } from '../errors.ts';
import type { KeyHash } from '../ids.ts';
import { keyRow, teamRow, toGatewayKey, toGatewayTeam, toGatewayUser, userRow } from './rows.ts';
import type { GatewayKey, GatewayState } from './state.ts';

/** A pg pool or client. */
export type GatewayDatabase = {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
};

// Column names are those of the admin API, so one schema reads both. Timestamps there are without zone, in UTC.
// Sessions of LiteLLM's own pages have the team litellm-dashboard; /key/list leaves them out as well.
const ROWS = `
with t as materialized (
    select team_id, team_alias, models, max_budget, budget_duration, tpm_limit, rpm_limit, blocked, metadata,
           members_with_roles
      from "LiteLLM_TeamTable"),
  u as materialized (
    select user_id, sso_user_id, user_email, user_alias, user_role, metadata from "LiteLLM_UserTable"),
  k as materialized (
    select token, key_alias, user_id, team_id, blocked,
           to_char(expires, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as expires, metadata
      from "LiteLLM_VerificationToken" where team_id is distinct from 'litellm-dashboard'),
  d as (select md5(concat(
    (select string_agg(md5(t::text), '' order by team_id) from t), '/',
    (select string_agg(md5(u::text), '' order by user_id) from u), '/',
    (select string_agg(md5(k::text), '' order by token) from k))) as digest)`;
const STATE = `${ROWS}
select (select coalesce(json_agg(t order by team_id), '[]') from t) as teams,
       (select coalesce(json_agg(u order by user_id), '[]') from u) as users,
       (select coalesce(json_agg(k order by token), '[]') from k) as keys,
       digest from d`;
// Nothing travels but 32 characters: whether anything is other than it was, for the price of a scan.
const DIGEST = `${ROWS} select digest from d`;

const stateRows = z
  .tuple([
    z.object({
      teams: z.array(teamRow),
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
    teams: new Map(parsed.data.teams.map((row) => [row.team_id, toGatewayTeam(row)])),
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

const KEYS = `
select token, key_alias, user_id, team_id, blocked,
       to_char(expires, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as expires, metadata
  from "LiteLLM_VerificationToken" where token = any ($1::text[])`;

/** These keys alone; one that LiteLLM lacks is absent. Throws as `readStateFromDatabase` does. */
export async function readKeysFromDatabase(
  database: GatewayDatabase,
  keyHashes: readonly KeyHash[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<KeyHash, GatewayKey>> {
  signal?.throwIfAborted();
  const { rows } = await database.query(KEYS, [keyHashes]).catch((cause: unknown) => {
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
