// What LiteLLM has: teams with their members, users, keys. Values only; two readers make them, from the
// database (constant number of queries) and over the admin API (pages), and one contract suite holds both.

import type { KeyHash } from '../ids.ts';

export type GatewayMetadata = Readonly<Record<string, unknown>>;

/** What each member may use in the team. LiteLLM keeps it beside the team, in one budget that its members share. */
export type MemberLimits = {
  readonly maxBudgetUsd: number | null;
  readonly budgetDuration: string | null;
  readonly tpmLimit: number | null;
  readonly rpmLimit: number | null;
};
export const NO_MEMBER_LIMITS: MemberLimits = {
  maxBudgetUsd: null,
  budgetDuration: null,
  tpmLimit: null,
  rpmLimit: null,
};

export type GatewayTeam = {
  readonly teamId: string;
  readonly alias: string | null;
  readonly models: readonly string[];
  readonly maxBudgetUsd: number | null;
  /** LiteLLM's form: 30s, 30m, 30h, 30d, 1mo. */
  readonly budgetDuration: string | null;
  readonly tpmLimit: number | null;
  readonly rpmLimit: number | null;
  readonly memberLimits: MemberLimits;
  readonly blocked: boolean;
  readonly metadata: GatewayMetadata;
  /** In the order of LiteLLM's members_with_roles; role is `user` or `admin`. */
  readonly members: readonly { readonly userId: string; readonly role: string }[];
};

export type GatewayUser = {
  readonly userId: string;
  readonly ssoUserId: string | null;
  readonly email: string | null;
  readonly alias: string | null;
  /** proxy_admin, proxy_admin_viewer, internal_user, internal_user_viewer, or null. */
  readonly role: string | null;
  readonly metadata: GatewayMetadata;
};

export type GatewayKey = {
  readonly keyHash: KeyHash;
  readonly alias: string | null;
  readonly userId: string | null;
  readonly teamId: string | null;
  readonly blocked: boolean;
  readonly expiresAt: Date | null;
  readonly metadata: GatewayMetadata;
};

export type GatewayState = {
  readonly teams: ReadonlyMap<string, GatewayTeam>;
  readonly users: ReadonlyMap<string, GatewayUser>;
  readonly keys: ReadonlyMap<KeyHash, GatewayKey>;
  /** The same digest means the same state; only the database reader has one. */
  readonly digest?: string;
};
