// LiteLLM's teams, users and keys as it names their fields, in its admin API and in its database alike, and what
// we make of them. Only the fields used; one that is wrong fails the whole read, because a dropped row would look
// like a leaver.

import * as z from 'zod';
import type { KeyHash } from '../ids.ts';
import type { GatewayKey, GatewayTeam, GatewayUser } from './state.ts';

const text = z.string().nullish();
const number = z.number().nullish();
const metadata = z.record(z.string(), z.unknown()).nullish();
const SHA256_HEX = /^[0-9a-f]{64}$/;

/** The budget that a team's metadata names; LiteLLM's form in its API and in its database. */
export const budgetRow = z.object({
  budget_id: z.string(),
  max_budget: number,
  budget_duration: text,
  tpm_limit: number,
  rpm_limit: number,
});

export const teamRow = z.object({
  team_id: z.string().min(1),
  team_alias: text,
  models: z.array(z.string()),
  max_budget: number,
  budget_duration: text,
  tpm_limit: number,
  rpm_limit: number,
  blocked: z.boolean().nullish(),
  metadata,
  // The column's default is {}, which stands for nobody.
  members_with_roles: z.union([
    z.array(z.object({ user_id: text, role: z.string() })),
    z.strictObject({}).transform(() => []),
  ]),
});

export const userRow = z.object({
  user_id: z.string().min(1),
  sso_user_id: text,
  user_email: text,
  user_alias: text,
  user_role: text,
  metadata,
});

export const keyRow = z.object({
  token: z.string(),
  key_alias: text,
  user_id: text,
  team_id: text,
  blocked: z.boolean().nullish(),
  expires: z.string().nullish(),
  metadata,
});

/** The id of the budget that the members of a team share, where there is one. */
export function memberBudgetId(row: z.infer<typeof teamRow>): string | undefined {
  const id = row.metadata?.team_member_budget_id;
  return typeof id === 'string' ? id : undefined;
}

/** Members that LiteLLM knows by email only have no id; they are never ours and are left out. */
export function toGatewayTeam(
  row: z.infer<typeof teamRow>,
  budget: z.infer<typeof budgetRow> | null | undefined,
): GatewayTeam {
  return {
    teamId: row.team_id,
    alias: row.team_alias ?? null,
    models: row.models,
    maxBudgetUsd: row.max_budget ?? null,
    budgetDuration: row.budget_duration ?? null,
    tpmLimit: row.tpm_limit ?? null,
    rpmLimit: row.rpm_limit ?? null,
    memberLimits: {
      maxBudgetUsd: budget?.max_budget ?? null,
      budgetDuration: budget?.budget_duration ?? null,
      tpmLimit: budget?.tpm_limit ?? null,
      rpmLimit: budget?.rpm_limit ?? null,
    },
    blocked: row.blocked ?? false,
    metadata: row.metadata ?? {},
    members: row.members_with_roles.flatMap(({ user_id, role }) =>
      typeof user_id === 'string' ? [{ userId: user_id, role }] : [],
    ),
  };
}

export function toGatewayUser(row: z.infer<typeof userRow>): GatewayUser {
  return {
    userId: row.user_id,
    ssoUserId: row.sso_user_id ?? null,
    email: row.user_email ?? null,
    alias: row.user_alias ?? null,
    role: row.user_role ?? null,
    metadata: row.metadata ?? {},
  };
}

/** A row whose token is no SHA-256, such as a session of LiteLLM's own pages, is undefined: it is no key of anyone. */
export function toGatewayKey(row: z.infer<typeof keyRow>): GatewayKey | undefined {
  if (!SHA256_HEX.test(row.token)) return undefined;
  return {
    keyHash: row.token as KeyHash,
    alias: row.key_alias ?? null,
    userId: row.user_id ?? null,
    teamId: row.team_id ?? null,
    blocked: row.blocked ?? false, // NULL stands for not blocked
    expiresAt: typeof row.expires === 'string' ? new Date(row.expires) : null,
    metadata: row.metadata ?? {},
  };
}
